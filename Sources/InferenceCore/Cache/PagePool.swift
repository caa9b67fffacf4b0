/// The memory for keys and values, in pages that sequences take, share and give back.
final class PagePool {
  typealias Page = Int

  let layout: PageLayout
  /// ``PageLayout/widths(_:)``
  let widths: [Int]
  let capacity: Int
  let memory: any SequenceMemory
  private var free: [Page]
  /// By page: how many sequences hold it.
  private var holders: [Int32]

  /// - Parameter memory: Has room for `capacity` pages.
  init(_ h: Hyperparameters, capacity: Int, memory: any SequenceMemory) {
    layout = PageLayout(h)
    widths = PageLayout.widths(h)
    self.capacity = capacity
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
}
