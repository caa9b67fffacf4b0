/// Takes the weights of a file whose bytes only pass by: each part goes to its place, and nothing else stays in memory.
///
/// A model of a header alone says with it where its vectors are to be, and an executor where its matrices are.
public final class WeightStream {
  /// What is given to a place: bytes of the file, a multiple of four, and where in the place they belong.
  typealias Write = (_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Void

  private struct Destination {
    /// Of the file, from its beginning.
    let bytes: Range<UInt64>
    let write: Write
  }

  private var destinations: [Destination] = []
  private var memory: [UnsafeMutableRawPointer] = []
  private var kept = 0
  /// Bytes of vectors, far above any model's.
  private static let mostKept = 1 << 28
  /// Bytes of the file that were passed on, a multiple of four.
  private var position: UInt64 = 0
  /// Those that are no whole word yet.
  private var rest: [UInt8] = []

  /// Of all bytes, once they have passed by; nil where nobody asked for it.
  public var digest: UInt64? { runningDigest?.value }
  private var runningDigest: RunningDigest?

  /// - Parameter isDigested: Whether ``digest`` is wanted.
  public init(isDigested: Bool = false) {
    runningDigest = isDigested ? RunningDigest() : nil
  }

  deinit {
    for block in memory { block.deallocate() }
  }

  /// Memory for a part of the file, which is there once all bytes have passed by.
  ///
  /// - Parameter offset: From the file's beginning, as are all of them; a multiple of four.
  /// - Throws: ``ModelError/Kind-swift.enum/outOfResources`` for more than a model can have.
  func keep(_ offset: UInt64, bytes count: Int) throws(ModelError) -> UnsafeRawPointer {
    guard count <= Self.mostKept - kept else {
      throw ModelError(.outOfResources, "The model's vectors have more than \(Self.mostKept) bytes.")
    }
    kept += count
    let block = UnsafeMutableRawPointer.allocate(byteCount: max(count, 4), alignment: 16)
    memory.append(block)
    send(offset, bytes: count) { bytes, at in
      if let start = bytes.baseAddress { (block + at).copyMemory(from: start, byteCount: min(bytes.count, count - at)) }
    }
    return UnsafeRawPointer(block)
  }

  /// Has a part of the file written where it belongs, with up to three bytes behind it that mean nothing.
  func send(_ offset: UInt64, bytes count: Int, to write: @escaping Write) {
    destinations.append(Destination(bytes: offset..<offset + UInt64(count), write: write))
  }

  /// The next bytes of the file.
  public func take(_ bytes: UnsafeRawBufferPointer) {
    runningDigest?.take(bytes)
    var next = bytes
    while !rest.isEmpty || next.count < Self.word, let byte = next.first {
      rest.append(byte)
      next = UnsafeRawBufferPointer(rebasing: next.dropFirst())
      if rest.count == Self.word { passOnRest() }
    }
    let whole = next.count / Self.word * Self.word
    passOn(UnsafeRawBufferPointer(rebasing: next[..<whole]))
    rest += next[whole...]
  }

  /// The file has ended.
  public func finish() {
    runningDigest?.finish()
    if !rest.isEmpty {
      rest += repeatElement(0, count: Self.word - rest.count)
      passOnRest()
    }
    destinations = []
  }

  private static let word = 4

  private func passOnRest() {
    rest.withUnsafeBytes { passOn($0) }
    rest.removeAll(keepingCapacity: true)
  }

  private func passOn(_ bytes: UnsafeRawBufferPointer) {
    let end = position + UInt64(bytes.count)
    for destination in destinations {
      let part = destination.bytes.clamped(to: position..<end)
      guard !part.isEmpty else { continue }
      let last = min((part.upperBound + 3) / 4 * 4, end)
      let piece = bytes[Int(part.lowerBound - position)..<Int(last - position)]
      destination.write(UnsafeRawBufferPointer(rebasing: piece), Int(part.lowerBound - destination.bytes.lowerBound))
    }
    position = end
  }
}
