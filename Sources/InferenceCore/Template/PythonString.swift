/// Python's notation for strings, in both directions.
enum PythonString {
  /// The text that the inside of a string literal stands for; nil when an escape is incomplete.
  ///
  /// An unknown escape stays as it is written, its backslash included.
  static func unescaped(_ body: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    var index = 0
    while index < body.count {
      guard body[index] == UInt8(ascii: "\\"), index + 1 < body.count else {
        result.append(body[index])
        index += 1
        continue
      }
      let escape = body[index + 1]
      index += 2
      switch escape {
      case 0x0A: break
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(escape)
      case UInt8(ascii: "a"): result.append(0x07)
      case UInt8(ascii: "b"): result.append(0x08)
      case UInt8(ascii: "f"): result.append(0x0C)
      case UInt8(ascii: "n"): result.append(0x0A)
      case UInt8(ascii: "r"): result.append(0x0D)
      case UInt8(ascii: "t"): result.append(0x09)
      case UInt8(ascii: "v"): result.append(0x0B)
      case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
        let length = escape == UInt8(ascii: "x") ? 2 : escape == UInt8(ascii: "u") ? 4 : 8
        guard index + length <= body.count else { return nil }
        var scalar: UInt32 = 0
        for digit in body[index..<index + length] {
          guard let value = hexadecimalValue(digit) else { return nil }
          scalar = scalar << 4 | value
        }
        UTF8Text.append(scalar, to: &result)
        index += length
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        var scalar = UInt32(escape - UInt8(ascii: "0"))
        for _ in 0..<2 where index < body.count {
          guard body[index] >= UInt8(ascii: "0"), body[index] <= UInt8(ascii: "7") else { break }
          scalar = scalar << 3 | UInt32(body[index] - UInt8(ascii: "0"))
          index += 1
        }
        UTF8Text.append(scalar, to: &result)
      default: result += [UInt8(ascii: "\\"), escape]
      }
    }
    return result
  }

  /// A string as Python's `repr` writes it.
  static func quoted(_ text: [UInt8]) -> [UInt8] {
    let single = UInt8(ascii: "'")
    let quote = text.contains(single) && !text.contains(UInt8(ascii: "\"")) ? UInt8(ascii: "\"") : single
    var result = [quote]
    var index = 0
    while index < text.count {
      let (scalar, length) = UTF8Text.scalar(text, at: index)
      switch scalar {
      case UInt32(quote), 0x5C: result += [0x5C, text[index]]
      case 0x09: result += "\\t".bytes
      case 0x0A: result += "\\n".bytes
      case 0x0D: result += "\\r".bytes
      default:
        if isPrintable(scalar) {
          result += text[index..<index + length]
        } else {
          let digits = scalar < 0x100 ? 2 : scalar < 0x10000 ? 4 : 8
          result += digits == 2 ? "\\x".bytes : digits == 4 ? "\\u".bytes : "\\U".bytes
          for shift in stride(from: (digits - 1) * 4, through: 0, by: -4) {
            let digit = UInt8(scalar >> UInt32(shift) & 0xF)
            result.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
          }
        }
      }
      index += length
    }
    result.append(quote)
    return result
  }

  /// Whether `repr` shows a scalar as it is: not controls, formats, separators, private use and noncharacters.
  ///
  /// Unassigned scalars count as printable, unlike in Python, as that needs Unicode's tables.
  private static func isPrintable(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0..<0x20, 0x7F...0xA0, 0xAD, 0x600...0x605, 0x61C, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x1680, 0x180E,
      0x2000...0x200F, 0x2028...0x202F, 0x205F...0x206F, 0x3000, 0xD800...0xF8FF, 0xFEFF, 0xFFF0...0xFFFB, 0xFFFE,
      0xFFFF,
      0x110BD, 0x110CD, 0x13430...0x1343F, 0x1BCA0...0x1BCA3, 0x1D173...0x1D17A, 0xE0000...0xE00FF, 0xF0000...0x10FFFF:
      false
    default: true
    }
  }
}
