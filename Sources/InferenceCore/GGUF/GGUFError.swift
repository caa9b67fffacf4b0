/// What is wrong with a GGUF file, and where.
public struct GGUFError: Error, Equatable, Sendable {
  /// The sort of fault, for a program to act on.
  public enum Kind: Equatable, Sendable {
    /// The bytes do not begin with the GGUF magic.
    case notGGUF
    /// The file is for machines of the other byte order.
    case bigEndian
    /// A version of the container that is not read here.
    case unsupportedVersion
    /// Only the beginning of the file was given and the header goes on. At least this many bytes of the file are needed.
    case needsMoreBytes(atLeast: Int64)
    /// The file ends before something that its header announces.
    case truncated
    /// A count or a length that cannot be true of this file.
    case invalidLength
    /// A metadata value of a type, or with contents, that the format does not allow.
    case invalidValue
    /// A metadata key or a tensor name that occurs twice.
    case duplicateName
    /// An alignment that is no power of two, or a tensor that does not begin at a multiple of it.
    case invalidAlignment
    /// A tensor with dimensions that are zero, too large, too many, or no whole number of blocks.
    case invalidShape
    /// A tensor's data reaches past the end of the file.
    case tensorOutOfBounds
    /// A tensor in an element format that is not read here.
    case unsupportedFormat
    /// A metadata value of another type than the reader asked for.
    case wrongType
    /// The parts of a split file are incomplete, out of order or of different files.
    case splitMismatch
  }

  public var kind: Kind { content.kind }
  /// Byte offset in the file (of a split file: in the part).
  public var offset: Int64 { content.offset }
  /// Part of a split file, counted from one; one for a file in one piece.
  public var part: Int { content.part }
  /// What should have been there.
  public var expected: String { content.expected }
  /// What was there.
  public var found: String { content.found }

  /// All of it in one reference: a larger error would be moved word by word at every call that may throw.
  private let content: Content

  private final class Content: Sendable {
    let kind: Kind
    let offset: Int64
    let part: Int
    let expected: String
    let found: String

    init(_ kind: Kind, _ offset: Int64, _ part: Int, _ expected: String, _ found: String) {
      (self.kind, self.offset, self.part, self.expected, self.found) = (kind, offset, part, expected, found)
    }
  }

  @inline(never)
  public init(kind: Kind, offset: Int64, part: Int = 1, expected: String, found: String) {
    content = Content(kind, offset, part, expected, found)
  }

  public static func == (a: GGUFError, b: GGUFError) -> Bool {
    a.kind == b.kind && a.offset == b.offset && a.part == b.part && a.expected.utf8.elementsEqual(b.expected.utf8)
      && a.found.utf8.elementsEqual(b.found.utf8)
  }

  /// One sentence for a person.
  public var message: String {
    let place = part > 1 ? "part \(part) of the GGUF file" : "the GGUF file"
    return "At byte \(offset) of \(place): expected \(expected), found \(found)."
  }
}

extension GGUFError: CustomStringConvertible {
  public var description: String { message }
}

/// Bytes of an untrusted name as text for an error message: printable ASCII and UTF-8, shortened.
func readableName(_ bytes: UnsafeRawBufferPointer, limit: Int = 64) -> String {
  var shown = [UInt8]()
  for byte in bytes.prefix(limit) {
    shown.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte)
  }
  // A cut in the middle of a character is repaired by the decoder.
  return "“" + String(decoding: shown, as: UTF8.self) + (bytes.count > limit ? "…" : "") + "”"
}
