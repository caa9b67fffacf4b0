/// Brings pages of the cache from a card, a few layers at a time: a page of a large model has tens of megabytes.
final class BlockReader {
  private let cache: GPUCache
  private let device: any GraphicsDevice
  /// Where layers lie side by side before they are read.
  private let buffer: BufferRange
  private var current: Reading?

  /// Bytes that are read together, unless a single layer has more.
  private static let most = 4 << 20

  private struct Reading {
    let index: Int
    let sequence: TokenSequence
    /// Of the sequence: what came since is not of its tokens.
    let revision: Int
    let bytes: Bytes
    /// The layers that were asked for.
    var layers = 0
    var ticket: UInt32 = 0
    var isFinished = false
  }

  /// Memory that stays until the device has written there.
  private final class Bytes {
    let memory: UnsafeMutableRawBufferPointer
    init(count: Int) { memory = .allocate(byteCount: count, alignment: 4) }
    deinit { memory.deallocate() }
  }

  init(_ cache: GPUCache, on device: any GraphicsDevice) {
    (self.cache, self.device) = (cache, device)
    let largest = cache.parts(ofPage: 0).reduce(4) { max($0, $1.bytes.count) }
    let count = max(largest, min(cache.pageBytes, Self.most))
    buffer = BufferRange(device.makeBuffer(bytes: count, isUniform: false), count: count)
  }

  /// A page of a sequence, or nil until all of it has come; then it is asked for again.
  func block(_ index: Int, of sequence: TokenSequence) -> [UInt8]? {
    if let reading = current {
      guard reading.isFinished else { return nil }
      if reading.index != index || reading.sequence !== sequence || reading.revision != sequence.revision {
        current = nil
      } else if reading.layers == cache.parts(ofPage: 0).count {
        current = nil
        return Array(reading.bytes.memory)
      }
    }
    var reading =
      current
      ?? Reading(
        index: index, sequence: sequence, revision: sequence.revision, bytes: Bytes(count: sequence.blockSize))
    let parts = cache.parts(ofPage: sequence.pageNumbers[index])[reading.layers...]
    var commands: [UInt32] = []
    cache.takeCopies(into: &commands)
    var count = 0
    for part in parts where count + part.bytes.count <= buffer.count {
      GPUCommand.copy(
        from: part.range.buffer, to: buffer.buffer, offset: UInt32(part.range.offset), toOffset: UInt32(count),
        count: UInt32(part.range.count)
      ).append(to: &commands)
      count += part.bytes.count
      reading.layers += 1
    }
    guard let first = parts.first, let start = reading.bytes.memory.baseAddress else { return [] }
    reading.isFinished = false
    reading.ticket = device.submit(
      commands, reading: (BufferRange(buffer.buffer, count: count), start + first.bytes.lowerBound))
    current = reading
    return nil
  }

  /// The card has done what it was told with this ticket.
  func finished(_ ticket: UInt32) {
    if current?.ticket == ticket { current?.isFinished = true }
  }
}
