/// The printable stand-ins for bytes in which vocabularies of byte-level BPE are written, from GPT-2's `encoder.py`.
///
/// A byte that prints in Latin-1 stands for itself; the 68 others take U+0100 to U+0143 in order (a space is `Ġ`).
enum ByteAlphabet {
  /// The first code point that stands for no byte.
  static let end: UInt32 = 0x144

  static func scalar(for byte: UInt8) -> UInt32 {
    switch byte {
    case 0...0x20: 0x100 + UInt32(byte)
    case 0x7F...0xA0: 0x121 + UInt32(byte) - 0x7F
    case 0xAD: 0x143
    default: UInt32(byte)
    }
  }

  /// The byte that a code point stands for, or nil for a code point outside the alphabet.
  static func byte(for scalar: UInt32) -> UInt8? {
    switch scalar {
    case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: UInt8(scalar)
    case 0x100...0x120: UInt8(scalar - 0x100)
    case 0x121...0x142: UInt8(scalar - 0x121 + 0x7F)
    case 0x143: 0xAD
    default: nil
    }
  }

  /// Appends the UTF-8 of a byte's stand-in: one or two bytes.
  @inline(__always)
  static func append(_ byte: UInt8, to text: inout [UInt8]) {
    let scalar = scalar(for: byte)
    if scalar < 0x80 {
      text.append(UInt8(scalar))
    } else {
      text.append(0xC0 | UInt8(scalar >> 6))
      text.append(0x80 | UInt8(scalar & 0x3F))
    }
  }

  /// Writes the UTF-8 of a byte's stand-in.
  ///
  /// - Returns: the place after it.
  @inline(__always)
  static func write(_ byte: UInt8, to text: UnsafeMutableBufferPointer<UInt8>, at position: Int) -> Int {
    let scalar = scalar(for: byte)
    if scalar < 0x80 {
      text[position] = UInt8(truncatingIfNeeded: scalar)
      return position + 1
    }
    text[position] = 0xC0 | UInt8(truncatingIfNeeded: scalar >> 6)
    text[position + 1] = 0x80 | UInt8(truncatingIfNeeded: scalar & 0x3F)
    return position + 2
  }
}
