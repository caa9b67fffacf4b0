/// The frames that carry commands and events between a worker and whoever uses it, in another thread, process or language.
///
/// `Documentation/WireFormat.md` describes them byte by byte.
public enum Wire {
  /// Changes when a frame's meaning does; a reader refuses every other version.
  public static let version: UInt8 = 7
  /// The largest number of bytes that a frame says: what every reader's numbers hold exactly.
  static let largestSize: UInt64 = 1 << 53 - 1
  /// Bytes before the payload.
  public static let headerSize = 16
  /// Longest payload that is read or written.
  public static let maximumPayload = 64 << 20

  /// "SWLT"
  static let magic: [UInt8] = [0x53, 0x57, 0x4C, 0x54]

  /// The whole length of the frame that begins with these bytes, or nil while the header is incomplete.
  ///
  /// - Throws: ``WireError`` when they cannot begin a frame.
  public static func frameLength(_ prefix: UnsafeRawBufferPointer) throws(WireError) -> Int? {
    guard prefix.count >= headerSize else { return nil }
    var reader = WireReader(prefix)
    return headerSize + (try readHeader(&reader).length)
  }

  struct Header {
    let kind: UInt8
    let request: RequestID
    let length: Int
  }

  static func readHeader(_ reader: inout WireReader) throws(WireError) -> Header {
    for byte in magic where try reader.byte("the magic SWLT") != byte {
      throw reader.error(.badMagic, expected: "a frame that begins with SWLT", found: "other bytes")
    }
    let version = try reader.byte("a version")
    guard version == self.version else {
      throw reader.error(.unknownVersion, expected: "version \(self.version)", found: "version \(version)")
    }
    let kind = try reader.byte("a frame kind")
    let reserved = try reader.uint16("two zero bytes")
    guard reserved == 0 else { throw reader.error(.badValue, expected: "two zero bytes", found: "\(reserved)") }
    let request = try reader.uint32("a request id")
    let length = try reader.uint32("a payload length")
    guard length <= UInt32(maximumPayload) else {
      throw reader.error(.tooLong, expected: "at most \(maximumPayload) bytes of payload", found: "\(length)")
    }
    return Header(kind: kind, request: request, length: Int(length))
  }

  /// Reads the header of a frame that must fill `bytes` exactly.
  static func openFrame(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> (Header, WireReader) {
    var reader = WireReader(bytes)
    let header = try readHeader(&reader)
    let present = bytes.count - headerSize
    guard header.length <= present else {
      throw reader.error(.truncated, expected: "\(header.length) bytes of payload", found: "\(present)")
    }
    guard header.length == present else {
      throw reader.error(.trailingBytes, expected: "\(header.length) bytes of payload", found: "\(present)")
    }
    return (header, reader)
  }

  /// The request id in a frame's header, for answering a frame that does not decode; 0 when there is none.
  public static func requestID(_ frame: UnsafeRawBufferPointer) -> RequestID {
    guard let (header, _) = try? openFrame(frame) else { return 0 }
    return header.request
  }
}

/// Why bytes are not a frame.
public struct WireError: Error, Equatable, Sendable {
  public enum Kind: UInt8, Sendable {
    case badMagic, unknownVersion, unknownKind, truncated, trailingBytes, tooLong, badValue
  }

  public var kind: Kind { content.kind }
  /// Where in the frame.
  public var offset: Int { content.offset }
  public var expected: String { content.expected }
  public var found: String { content.found }

  /// All of it in one reference: a larger error would be moved word by word at every call that may throw.
  private let content: Content

  private final class Content: Sendable {
    let kind: Kind
    let offset: Int
    let expected: String
    let found: String

    init(_ kind: Kind, _ offset: Int, _ expected: String, _ found: String) {
      (self.kind, self.offset, self.expected, self.found) = (kind, offset, expected, found)
    }
  }

  @inline(never)
  init(kind: Kind, offset: Int, expected: String, found: String) {
    content = Content(kind, offset, expected, found)
  }

  public static func == (a: WireError, b: WireError) -> Bool {
    a.kind == b.kind && a.offset == b.offset && sameBytes(a.expected, b.expected) && sameBytes(a.found, b.found)
  }

  public var message: String {
    "Bad frame at byte \(offset): expected \(expected), found \(found)."
  }
}

extension WireError: CustomStringConvertible {
  public var description: String { message }
}

extension WorkerError {
  /// A frame's error as an answer to whoever sent it.
  public init(_ error: WireError) {
    self.init(.badFrame, error.message)
  }
}
