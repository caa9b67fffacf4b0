/// A metadata key: a literal, or a prefix from the file with a literal after it (`llama` and `.block_count`).
public struct GGUFKey: ExpressibleByStringLiteral, Sendable {
  /// UTF-8.
  public let bytes: [UInt8]

  public init(stringLiteral literal: StaticString) {
    bytes = literal.withUTF8Buffer { Array($0) }
  }

  /// `prefix` directly followed by `suffix`.
  public init(prefix: [UInt8], _ suffix: StaticString) {
    bytes = prefix + suffix.withUTF8Buffer { Array($0) }
  }
}

/// One metadata entry.
public struct GGUFEntry {
  /// UTF-8, in the mapped file.
  public let key: UnsafeRawBufferPointer
  public let value: GGUFValue
  /// Where the value begins in the file.
  public let offset: Int64
}

/// A parsed GGUF file (versions 2 and 3, little-endian) over bytes it does not own.
///
/// The owner of the bytes keeps them in place while the file, and every string, array and tensor taken from it, is used.
/// All lengths in the header are checked against the file when it is parsed; what the properties then lead to is there.
///
/// Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
public struct GGUFFile {
  /// Longest key or tensor name in bytes; the specification's limit for keys.
  static let longestName = 65_535
  /// Most metadata entries and tensors of one file: far above any model's, small enough to bound the memory they take.
  static let mostEntries = 65_536
  static let mostTensors = 262_144

  public let version: UInt32
  /// The multiple at which tensors begin, in bytes.
  public let alignment: Int
  /// Metadata in file order; of a split file the first part's.
  public let metadata: [GGUFEntry]
  /// Tensors in file order, part after part, except those in ``unsupportedTensors``.
  public let tensors: [GGUFTensor]
  /// Tensors in formats this engine does not read.
  public let unsupportedTensors: [GGUFUnsupportedTensor]
  /// Bytes of tensor data, padding between tensors included; of a split file the sum.
  public let dataSize: Int64
  /// Where the tensor data begins in the (first) file, in bytes.
  public let dataOffset: Int64
  /// False when only the header was parsed and tensors have no data.
  public let hasData: Bool
  /// Whether there is only a beginning, which may end before the header does and has no tensors.
  public let isBeginning: Bool
  /// How many parts the file is split in; 1 for a file in one piece.
  public let partCount: Int
  /// Of a header that stands alone, which part it is, counted from zero.
  public let partIndex: Int

  private let keys: GGUFNameIndex
  private let tensorNames: GGUFNameIndex

  /// Parses a whole file in one piece.
  public init(_ bytes: UnsafeRawBufferPointer) throws(GGUFError) {
    try self.init(parts: [bytes])
  }

  /// Parses a whole file from its parts (`-00001-of-0000N` and so on), in order.
  public init(parts: [UnsafeRawBufferPointer]) throws(GGUFError) {
    var headers = [GGUFHeader]()
    for (index, bytes) in parts.enumerated() {
      let reader = GGUFReader(bytes, fileSize: Int64(bytes.count), part: index + 1)
      headers.append(try GGUFHeader(reader, hasData: true))
    }
    try checkSplit(headers)
    try self.init(headers, hasData: true)
  }

  /// Parses only the header, from the beginning of a file that is not all there yet.
  ///
  /// Throws ``GGUFError/Kind-swift.enum/needsMoreBytes(atLeast:)`` when the header goes on after `prefix`. The tensors have
  /// no data, but their extents are checked against `fileSize` (bytes). One part of a split file may stand alone here.
  public static func parseHeader(
    _ prefix: UnsafeRawBufferPointer, fileSize: Int64
  ) throws(GGUFError) -> GGUFFile {
    let header = try GGUFHeader(GGUFReader(prefix, fileSize: fileSize, part: 1), hasData: false)
    return try GGUFFile([header], hasData: false)
  }

  /// Reads the metadata at the beginning of a file, as much as is there; tensors there are none.
  ///
  /// Throws ``GGUFError`` for what is no GGUF file.
  public static func parseBeginning(_ prefix: UnsafeRawBufferPointer) throws(GGUFError) -> GGUFFile {
    let reader = GGUFReader(prefix, fileSize: .max, part: 1)
    return try GGUFFile([try GGUFHeader(beginning: reader)], hasData: false, isBeginning: true)
  }

  private init(_ headers: [GGUFHeader], hasData: Bool, isBeginning: Bool = false) throws(GGUFError) {
    let first = headers[0]
    version = first.version
    alignment = first.alignment
    metadata = first.metadata
    keys = first.keys
    dataOffset = first.dataOffset
    partCount = first.split?.count ?? 1
    partIndex = first.split?.number ?? 0
    self.hasData = hasData
    self.isBeginning = isBeginning
    dataSize = headers.reduce(0) { $0 + $1.dataSize }
    tensors = headers.flatMap { $0.tensors }
    unsupportedTensors = headers.flatMap { $0.unsupportedTensors }
    tensorNames = GGUFNameIndex(tensors.map { $0.name } + unsupportedTensors.map { $0.name })
    if let position = tensorNames.duplicate {
      var (part, last) = (0, headers[0].tensors.count)
      while position < tensors.count, last <= position {
        part += 1
        last += headers[part].tensors.count
      }
      throw GGUFError(
        kind: .duplicateName, offset: 0, part: part + 1, expected: "tensors with different names",
        found: "the tensor \(readableName(tensorName(at: position))) twice")
    }
  }

  /// The entry of `key`, or nil.
  public func entry(_ key: GGUFKey) -> GGUFEntry? {
    key.bytes.withUnsafeBytes { keys.position(of: $0) }.map { metadata[$0] }
  }

  /// The tensor called `name`, or nil when there is none.
  ///
  /// Throws ``GGUFError/Kind-swift.enum/unsupportedFormat`` when it is there in a format that is not read here.
  public func tensor(_ name: StaticString) throws(GGUFError) -> GGUFTensor? {
    try position(of: name).map { position throws(GGUFError) in try tensor(at: position) }
  }

  /// The tensor called `blk.<layer>.<suffix>`, for example `blk.3.attn_q.weight`, or nil when there is none.
  public func tensor(layer: Int, _ suffix: StaticString) throws(GGUFError) -> GGUFTensor? {
    try position(layer: layer, suffix).map { position throws(GGUFError) in try tensor(at: position) }
  }

  // Positions count the tensors and, after them, the unsupported ones.

  func position(of name: StaticString, _ part: StaticString = "") -> Int? {
    position(of: [], name, part)
  }

  func position(layer: Int, _ name: StaticString, _ part: StaticString = "") -> Int? {
    position(of: Array("blk.\(layer).".utf8), name, part)
  }

  private func position(of prefix: [UInt8], _ name: StaticString, _ part: StaticString) -> Int? {
    let whole = prefix + name.withUTF8Buffer { Array($0) } + part.withUTF8Buffer { Array($0) }
    return whole.withUnsafeBytes { tensorNames.position(of: $0) }
  }

  func tensor(at position: Int) throws(GGUFError) -> GGUFTensor {
    guard position < tensors.count else { throw unsupportedTensors[position - tensors.count].error }
    return tensors[position]
  }

  func tensorName(at position: Int) -> UnsafeRawBufferPointer {
    position < tensors.count ? tensors[position].name : unsupportedTensors[position - tensors.count].name
  }
}
