/// Writes values as Python's `json.dumps` does.
struct JSONWriter {
  let style: JSON.Style
  let maximumBytes: Int
  var output: [UInt8] = []

  init(style: JSON.Style, maximumBytes: Int) {
    self.style = style
    self.maximumBytes = maximumBytes
  }

  /// Deeper values are refused, so that writing a value from elsewhere cannot exhaust the stack.
  private static var maximumDepth: Int { 200 }

  mutating func write(_ value: TemplateValue, depth: Int) throws(JSONError) {
    guard depth <= Self.maximumDepth else {
      throw JSONError(offset: 0, message: "a value is nested deeper than \(Self.maximumDepth) levels")
    }
    guard output.count <= maximumBytes else {
      throw JSONError(offset: 0, message: "the JSON text is longer than \(maximumBytes) bytes")
    }
    switch value {
    case .none: output += "null".bytes
    case .bool(let bool): output += bool ? "true".bytes : "false".bytes
    case .int(let int): output += DecimalConversion.integer(int)
    case .double(let double): output += number(double)
    case .string(let bytes): write(string: bytes)
    case .list(let elements), .tuple(let elements): try write(elements: elements, depth: depth)
    case .mapping(let mapping): try write(mapping: mapping, depth: depth)
    case .undefined(let reason):
      throw JSONError(offset: 0, message: "\(String(decoding: reason, as: UTF8.self)), so it has no JSON form")
    case .object:
      throw JSONError(
        offset: 0,
        message: "only strings, numbers, booleans, none, lists and mappings have a JSON form (an iterator can "
          + "be made a list by the filter 'list')")
    }
  }

  private mutating func write(elements: [TemplateValue], depth: Int) throws(JSONError) {
    output.append(UInt8(ascii: "["))
    for (index, element) in elements.enumerated() {
      separate(isFirst: index == 0, depth: depth + 1)
      try write(element, depth: depth + 1)
    }
    close(UInt8(ascii: "]"), isEmpty: elements.isEmpty, depth: depth)
  }

  private mutating func write(mapping: TemplateMapping, depth: Int) throws(JSONError) {
    var members: [(key: [UInt8], value: TemplateValue)] = []
    for entry in mapping.entries { members.append((try key(entry.key), entry.value)) }
    // The order of UTF-8 bytes is the order of scalars.
    if style.sortsKeys { members.sort { $0.key.lexicographicallyPrecedes($1.key) } }
    output.append(UInt8(ascii: "{"))
    for (index, member) in members.enumerated() {
      separate(isFirst: index == 0, depth: depth + 1)
      write(string: member.key)
      output += style.keySeparator ?? ": ".bytes
      try write(member.value, depth: depth + 1)
    }
    close(UInt8(ascii: "}"), isEmpty: members.isEmpty, depth: depth)
  }

  /// A key as text, as json.dumps turns keys into strings.
  private func key(_ key: TemplateValue) throws(JSONError) -> [UInt8] {
    switch key {
    case .string(let bytes): return bytes
    case .none: return "null".bytes
    case .bool(let bool): return bool ? "true".bytes : "false".bytes
    case .int(let int): return DecimalConversion.integer(int)
    case .double(let double): return number(double)
    default:
      throw JSONError(offset: 0, message: "keys of a JSON object must be strings, numbers, booleans or none")
    }
  }

  private func number(_ value: Double) -> [UInt8] {
    if value.isNaN { return "NaN".bytes }
    if value.isInfinite { return value < 0 ? "-Infinity".bytes : "Infinity".bytes }
    return DecimalConversion.text(value)
  }

  private mutating func separate(isFirst: Bool, depth: Int) {
    if !isFirst { output += style.itemSeparator ?? (style.indentation == nil ? ", ".bytes : ",".bytes) }
    breakLine(depth: depth)
  }

  private mutating func close(_ bracket: UInt8, isEmpty: Bool, depth: Int) {
    if !isEmpty { breakLine(depth: depth) }
    output.append(bracket)
  }

  private mutating func breakLine(depth: Int) {
    guard let indentation = style.indentation else { return }
    output.append(0x0A)
    for _ in 0..<depth where output.count <= maximumBytes { output += indentation }
  }

  private mutating func write(string text: [UInt8]) {
    output.append(UInt8(ascii: "\""))
    var index = 0
    while index < text.count {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
      case 0x08: output += "\\b".bytes
      case 0x09: output += "\\t".bytes
      case 0x0A: output += "\\n".bytes
      case 0x0C: output += "\\f".bytes
      case 0x0D: output += "\\r".bytes
      case 0..<0x20: escape(UInt32(byte))
      case 0x80... where style.escapesNonASCII:
        let (scalar, length) = UTF8Text.scalar(text, at: index)
        if (0xFDD0...0xFDEF).contains(scalar) {
          // Noncharacters mark what people wrote (`MessageMarks`): they go through and are taken out.
          output += text[index..<index + length]
        } else if scalar < 0x10000 {
          escape(scalar)
        } else {
          escape(0xD800 + (scalar - 0x10000) >> 10)
          escape(0xDC00 + scalar & 0x3FF)
        }
        index += length - 1
      default: output.append(byte)
      }
      index += 1
    }
    output.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ unit: UInt32) {
    output += "\\u".bytes
    for shift: UInt32 in [12, 8, 4, 0] {
      let digit = UInt8(unit >> shift & 0xF)
      output.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}
