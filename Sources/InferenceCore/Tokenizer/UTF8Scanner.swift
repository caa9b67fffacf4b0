/// What stands at one position of bytes that ought to be UTF-8.
struct UTF8Step {
  enum Kind {
    case scalar
    /// The bytes are no prefix of any character.
    case invalid
    /// The bytes end inside what may become a character.
    case truncated
  }

  var kind: Kind
  /// The code point; U+FFFD unless `kind` is `.scalar`.
  var scalar: UInt32
  /// Bytes it takes, at least 1. For malformed text this is the longest part that begins a character, as the Unicode
  /// Standard (section 3.9, "U+FFFD Substitution of Maximal Subparts") asks for.
  var length: Int

  /// Reads the step at `position`, which must be before the end.
  @inline(__always)
  init(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int) {
    let lead = bytes[position]
    if lead < 0x80 {
      self.init(kind: .scalar, scalar: UInt32(lead), length: 1)
    } else {
      self = Self.multibyte(bytes, at: position, lead: lead)
    }
  }

  private init(kind: Kind, scalar: UInt32, length: Int) {
    self.kind = kind
    self.scalar = scalar
    self.length = length
  }

  private static func multibyte(_ bytes: UnsafeBufferPointer<UInt8>, at position: Int, lead: UInt8) -> UTF8Step {
    let length: Int
    // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF.
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch lead {
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF:
      length = 3
      if lead == 0xE0 { second = 0xA0...0xBF }
      if lead == 0xED { second = 0x80...0x9F }
    case 0xF0...0xF4:
      length = 4
      if lead == 0xF0 { second = 0x90...0xBF }
      if lead == 0xF4 { second = 0x80...0x8F }
    default: return UTF8Step(kind: .invalid, scalar: 0xFFFD, length: 1)
    }
    var scalar = UInt32(lead) & (0x7F >> UInt32(length))
    for offset in 1..<length {
      guard position + offset < bytes.count else {
        return UTF8Step(kind: .truncated, scalar: 0xFFFD, length: offset)
      }
      let byte = bytes[position + offset]
      guard offset == 1 ? second.contains(byte) : byte & 0xC0 == 0x80 else {
        return UTF8Step(kind: .invalid, scalar: 0xFFFD, length: offset)
      }
      scalar = scalar << 6 | UInt32(byte & 0x3F)
    }
    return UTF8Step(kind: .scalar, scalar: scalar, length: length)
  }
}
