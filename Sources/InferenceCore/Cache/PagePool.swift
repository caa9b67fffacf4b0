/// The memory for keys and values, in pages that sequences take, share and give back.
final class PagePool {
  typealias Page = Int

  let layout: PageLayout
  /// ``PageLayout/widths(_:)``
  let widths: [Int]
  let capacity: Int
  private let memory: ArenaMemory
  private let pages: UnsafeMutablePointer<UInt16>
  private var free: [Page]
  /// By page: how many sequences hold it.
  private var holders: [Int32]

  /// - Parameters:
  ///   - pages: Room for `capacity` of them. What no sequence has touched costs nothing where the system gives memory by use.
  ///   - memory: What they are a part of.
  init(_ h: Hyperparameters, capacity: Int, pages: UnsafeMutablePointer<UInt16>, in memory: ArenaMemory) {
    layout = PageLayout(h)
    widths = PageLayout.widths(h)
    self.capacity = capacity
    self.pages = pages
    self.memory = memory
    free = Array((0..<capacity).reversed())
    holders = Array(repeating: 0, count: capacity)
  }

  /// Pages that sequences hold; one that several share counts once.
  var heldCount: Int { capacity - free.count }

  /// A page that nobody holds, or nil when there is none.
  func take() -> Page? {
    guard let page = free.popLast() else { return nil }
    holders[page] = 1
    return page
  }

  func share(_ page: Page) {
    holders[page] += 1
  }

  func giveBack(_ page: Page) {
    holders[page] -= 1
    if holders[page] == 0 { free.append(page) }
  }

  func isShared(_ page: Page) -> Bool { holders[page] > 1 }

  func address(_ page: Page) -> UnsafeMutablePointer<UInt16> {
    pages + page * layout.elements
  }
}
