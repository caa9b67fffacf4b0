/// Upper and lower case without Unicode's tables, which would be the largest part of a Wasm module.
///
/// Covers ASCII, Latin-1, Latin Extended-A, Greek, Cyrillic and Armenian by their simple one-to-one mappings (and `ß`
/// to `SS`); other letters stay as they are. Greek's final sigma is not special.
extension UTF8Text {
  static func uppercased(_ text: [UInt8]) -> [UInt8] {
    map(text) { scalar, result in
      if scalar == 0xDF {
        result += "SS".bytes
      } else {
        append(upper(scalar), to: &result)
      }
    }
  }

  static func lowercased(_ text: [UInt8]) -> [UInt8] {
    map(text) { scalar, result in append(lower(scalar), to: &result) }
  }

  /// The first letter in upper case, the rest in lower case.
  static func capitalized(_ text: [UInt8]) -> [UInt8] {
    guard !text.isEmpty else { return text }
    let length = scalarLength(text, at: 0)
    return titlecased(Array(text[..<length])) + lowercased(Array(text[length...]))
  }

  /// Words capitalized as by Python's `str.title`: every letter after a non-letter is in upper case.
  static func titleCased(_ text: [UInt8]) -> [UInt8] {
    var afterLetter = false
    return map(text) { scalar, result in
      let letter = isCased(scalar)
      if afterLetter || !letter {
        append(lower(scalar), to: &result)
      } else {
        var single: [UInt8] = []
        append(scalar, to: &single)
        result += titlecased(single)
      }
      afterLetter = letter
    }
  }

  /// One letter as it starts a word.
  private static func titlecased(_ letter: [UInt8]) -> [UInt8] {
    scalar(letter, at: 0).value == 0xDF ? "Ss".bytes : uppercased(letter)
  }

  /// Whether a scalar has an upper or a lower case.
  static func isCased(_ scalar: UInt32) -> Bool {
    upper(scalar) != scalar || lower(scalar) != scalar || scalar == 0xDF
  }

  static func isUpper(_ scalar: UInt32) -> Bool { lower(scalar) != scalar }
  static func isLower(_ scalar: UInt32) -> Bool { upper(scalar) != scalar || scalar == 0xDF }

  private static func map(_ text: [UInt8], _ transform: (UInt32, inout [UInt8]) -> Void) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    while index < text.count {
      let (value, length) = scalar(text, at: index)
      if length == 1 && text[index] >= 0x80 {
        result.append(text[index])
      } else {
        transform(value, &result)
      }
      index += length
    }
    return result
  }

  static func upper(_ scalar: UInt32) -> UInt32 {
    switch scalar {
    case 0x61...0x7A, 0xE0...0xF6, 0xF8...0xFE, 0x3B1...0x3C1, 0x3C3...0x3CB, 0x430...0x44F: scalar - 0x20
    case 0xB5: 0x39C
    case 0xFF: 0x178
    case 0x131: 0x49
    case 0x17F: 0x53
    case 0x3AC: 0x386
    case 0x3AD...0x3AF: scalar - 0x25
    case 0x3C2: 0x3A3
    case 0x3CC: 0x38C
    case 0x3CD, 0x3CE: scalar - 0x3F
    case 0x450...0x45F: scalar - 0x50
    case 0x4CF: 0x4C0
    case 0x561...0x586: scalar - 0x30
    default: alternates(scalar, lowerIsOdd: true) ? scalar - 1 : scalar
    }
  }

  static func lower(_ scalar: UInt32) -> UInt32 {
    switch scalar {
    case 0x41...0x5A, 0xC0...0xD6, 0xD8...0xDE, 0x391...0x3A1, 0x3A3...0x3AB, 0x410...0x42F: scalar + 0x20
    case 0x130: 0x69
    case 0x178: 0xFF
    case 0x386: 0x3AC
    case 0x388...0x38A: scalar + 0x25
    case 0x38C: 0x3CC
    case 0x38E, 0x38F: scalar + 0x3F
    case 0x400...0x40F: scalar + 0x50
    case 0x4C0: 0x4CF
    case 0x531...0x556: scalar + 0x30
    default: alternates(scalar, lowerIsOdd: false) ? scalar + 1 : scalar
    }
  }

  /// Whether a scalar is the lower (or the upper) one of a block where the two cases alternate.
  private static func alternates(_ scalar: UInt32, lowerIsOdd: Bool) -> Bool {
    switch scalar {
    case 0x100...0x12F, 0x132...0x137, 0x14A...0x177, 0x3D8...0x3EF, 0x460...0x481, 0x48A...0x4BF, 0x4D0...0x52F:
      (scalar & 1 == 1) == lowerIsOdd
    case 0x139...0x148, 0x179...0x17E, 0x4C1...0x4CE:
      (scalar & 1 == 0) == lowerIsOdd
    default:
      false
    }
  }
}
