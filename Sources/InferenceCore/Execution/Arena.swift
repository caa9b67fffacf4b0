/// One block of memory that is cut into arrays, each beginning at a cache line.
///
/// The same code that cuts it also measures it: without a block it only counts. Sizes are 64 bits wide also on 32-bit
/// machines, so that what does not fit there can be told; beyond 64 bits they stay at the largest.
struct Arena {
  private var base: UnsafeMutableRawPointer?
  /// Bytes cut so far.
  private(set) var size: Int64 = 0

  /// Counts only; what ``cut(_:_:)`` returns must not be used.
  init() {}

  init(base: UnsafeMutableRawPointer) {
    self.base = base
  }

  /// Whether what is cut can be used.
  var hasMemory: Bool { base != nil }

  /// Room for an array of this shape, uninitialized.
  mutating func cut<Element>(_ type: Element.Type, _ shape: Int...) -> UnsafeMutablePointer<Element> {
    let start = size
    let bytes = shape.reduce(Int64(MemoryLayout<Element>.stride)) { $0.saturatingProduct($1) }
    size = size.saturatingSum(bytes.saturatingSum(63) / 64 * 64)
    let address = base.map { $0 + Int(start) } ?? UnsafeMutableRawPointer(bitPattern: 64)!
    return address.assumingMemoryBound(to: type)
  }
}

/// A block of memory for as long as somebody holds it.
final class ArenaMemory {
  let base: UnsafeMutableRawPointer

  /// - Throws: `outOfResources` when this machine cannot address so many bytes.
  init(bytes: Int64, for what: String) throws(ModelError) {
    guard let count = Int(exactly: bytes), count < .max else {
      throw ModelError(.outOfResources, "\(what) takes \(bytes) bytes, more than can be had here.")
    }
    base = .allocate(byteCount: max(count, 1), alignment: 64)
  }

  deinit {
    base.deallocate()
  }
}

extension Int64 {
  /// The product with a count, or the largest number.
  func saturatingProduct(_ count: Int) -> Int64 {
    let (product, isTooLarge) = multipliedReportingOverflow(by: Int64(count))
    return isTooLarge ? .max : product
  }

  /// The sum with a count, or the largest number.
  func saturatingSum(_ count: Int64) -> Int64 {
    let (sum, isTooLarge) = addingReportingOverflow(count)
    return isTooLarge ? .max : sum
  }
}
