import InferenceCore

/// A model file that passes by on its way to a graphics card: of its bytes only the header stays in memory.
final class ModelStream {
  /// What is known once the header is whole.
  struct Opened {
    let file: GGUFFile
    let executor: GPUExecutor
    let weights: WeightStream
  }

  /// All of the file that is kept, from its beginning.
  private(set) var header: UnsafeMutableRawBufferPointer
  private var count = 0
  private var nextLook = ModelStream.firstLook
  /// Set once; from then on the header stays where it is.
  private(set) var opened: Opened?
  /// Why the header cannot be used, of bytes that may be damaged: only their hash tells.
  var problem: WorkerError?

  /// At so many bytes the header is looked at first; then whenever there are twice as many.
  private static let firstLook = 1 << 20
  /// Bytes of the longest header that is kept: far above any model's.
  static let longestHeader = 1 << 28

  init() {
    header = .allocate(byteCount: Self.firstLook, alignment: 16)
  }

  deinit {
    header.deallocate()
  }

  /// The bytes that are there.
  var prefix: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: header[..<count]) }

  var isTooLong: Bool { count >= Self.longestHeader }

  /// Adds bytes to the header.
  ///
  /// - Returns: whether it is time to look at it.
  func append(_ bytes: UnsafeRawBufferPointer, fileSize: UInt64) -> Bool {
    if count + bytes.count > header.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(count + bytes.count, 2 * header.count), alignment: 16)
      larger.copyMemory(from: prefix)
      header.deallocate()
      header = larger
    }
    UnsafeMutableRawBufferPointer(rebasing: header[count...]).copyMemory(from: bytes)
    count += bytes.count
    guard count >= nextLook || UInt64(count) >= fileSize || isTooLong else { return false }
    nextLook = 2 * count
    return true
  }

  /// The header is whole; everything that came is on its way to the card.
  func open(_ opened: Opened) {
    self.opened = opened
    opened.weights.take(prefix)
  }

  /// The rest of the file.
  func take(_ bytes: UnsafeRawBufferPointer) {
    opened?.weights.take(bytes)
  }
}
