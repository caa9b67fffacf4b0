/// The memory for keys and values, in pages that sequences take, share and give back.
final class PagePool {
  typealias Page = Int

  let layout: PageLayout
  let capacity: Int
  private let memory: UnsafeMutableRawPointer
  private var free: [Page]
  /// By page: how many sequences hold it.
  private var holders: [Int32]

  /// - Throws: `outOfResources` when this machine cannot address so much memory.
  init(_ layout: PageLayout, capacity: Int) throws(ModelError) {
    let size = layout.bytes.saturatingProduct(capacity)
    guard let bytes = Int(exactly: size), bytes < .max else {
      throw ModelError(.outOfResources, "The cache takes \(size) bytes, more than can be had here.")
    }
    self.layout = layout
    self.capacity = capacity
    // What no sequence has touched costs nothing where the system gives memory by use.
    memory = .allocate(byteCount: max(bytes, 1), alignment: 64)
    free = Array((0..<capacity).reversed())
    holders = Array(repeating: 0, count: capacity)
  }

  deinit {
    memory.deallocate()
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
    (memory + page * layout.elements * MemoryLayout<UInt16>.size).assumingMemoryBound(to: UInt16.self)
  }
}
