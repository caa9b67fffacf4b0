import InferenceCore

/// What is kept between visits of one conversation: the file with the keys and values of its first tokens.
///
/// The file is a row of blocks of ``TokenSequence/blockLength`` positions. Each begins with two `u64`: a digest of the
/// model and of all tokens from the first to the block's last, which names what the block is for, and a checksum of the
/// keys and values that follow. So a file of another model, of an older engine or of other words holds no block that is
/// taken for one's own, a conversation that goes on only appends, and a block that was not written to its end is noticed.
struct Prefix {
  let conversation: String
  let sequence: TokenSequence
  var file = File.closed
  /// Digests of the blocks that the file is known to begin with and that are for the cache's tokens.
  var digests: [UInt64] = []
  /// Whether the running request waits for what can be read back.
  var isRecalling = false
  /// Whether all there is to keep is in the file, or the file takes no more.
  var isKept = false

  enum File {
    case closed
    case opening(PrefixFileID)
    /// `size`: bytes that are there; `limit`: bytes that it may have.
    case open(PrefixFileID, size: UInt64, limit: UInt64)
    /// It cannot be opened now.
    case unavailable
  }

  /// Bytes before a block's keys and values.
  static let blockHeader = 16
  /// Milliseconds of one slice, which what comes meanwhile waits for.
  static let sliceTime = 20.0

  /// The digest of the block that follows those in ``digests``.
  func nextDigest(_ tokens: [TokenID], model: UInt64) -> UInt64 {
    let first = digests.count * sequence.blockLength
    var bytes: [UInt8] = []
    for token in tokens[first..<first + sequence.blockLength] {
      for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: token >> TokenID(shift))) }
    }
    return bytes.withUnsafeBytes { XXH64.digest($0, seed: digests.last ?? model) }
  }
}

/// Tells a model's file from every other, by all of its bytes; computed in slices, since they may be gigabytes.
struct ModelFingerprint {
  /// Changes when the engine computes other keys and values for the same model, or when a block's bytes change.
  private static let version: UInt64 = 1
  private static let slice = 32 << 20

  private(set) var digest = version
  private(set) var isComplete = false
  private var part = 0
  private var offset = 0

  /// - Parameter model: One whose bytes have passed by to a device is known by their digest, and what a device computes differs
  ///   from what is computed here.
  init(of model: LanguageModel) {
    guard let passed = model.stream?.digest else { return }
    digest = withUnsafeBytes(of: passed.littleEndian) { XXH64.digest($0, seed: Self.version << 32) }
    isComplete = true
  }

  /// Takes in the next slice.
  mutating func advance(_ parts: [UnsafeRawBufferPointer]) {
    guard part < parts.count else {
      isComplete = true
      return
    }
    let end = min(offset + Self.slice, parts[part].count)
    digest = XXH64.digest(UnsafeRawBufferPointer(rebasing: parts[part][offset..<end]), seed: digest)
    offset = end
    if offset == parts[part].count {
      part += 1
      offset = 0
    }
    isComplete = part == parts.count
  }
}
