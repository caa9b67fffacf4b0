/// One block of memory that is cut into arrays, each beginning at a cache line.
///
/// The same code that cuts it also measures it: without a block it only counts.
struct Arena {
  private var base: UnsafeMutableRawPointer?
  /// Bytes cut so far.
  private(set) var size = 0

  /// Counts only; what ``cut(_:_:)`` returns must not be used.
  init() {}

  init(base: UnsafeMutableRawPointer) {
    self.base = base
  }

  /// Room for `count` elements, uninitialized.
  mutating func cut<Element>(_ type: Element.Type, _ count: Int) -> UnsafeMutablePointer<Element> {
    let start = size
    size += (count * MemoryLayout<Element>.stride + 63) / 64 * 64
    let address = base.map { $0 + start } ?? UnsafeMutableRawPointer(bitPattern: 64)!
    return address.assumingMemoryBound(to: type)
  }
}
