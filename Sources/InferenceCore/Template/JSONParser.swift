/// A recursive-descent parser of JSON text; its depth is bounded.
struct JSONParser {
  let text: [UInt8]
  let maximumDepth: Int
  private var index = 0
  private var depth = 0

  init(text: [UInt8], maximumDepth: Int) {
    self.text = text
    self.maximumDepth = maximumDepth
  }

  mutating func document() throws(JSONError) -> TemplateValue {
    let value = try value()
    skipBlanks()
    guard index == text.count else { throw unexpected("the end of the text") }
    return value
  }

  private mutating func value() throws(JSONError) -> TemplateValue {
    skipBlanks()
    guard index < text.count else { throw unexpected("a value") }
    switch text[index] {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .none)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw unexpected("a value")
    }
  }

  private mutating func object() throws(JSONError) -> TemplateValue {
    try enter()
    var mapping = TemplateMapping()
    if !skip(UInt8(ascii: "}")) {
      repeat {
        skipBlanks()
        guard index < text.count, text[index] == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
        let key = try string()
        guard skip(UInt8(ascii: ":")) else { throw unexpected("':' after a key") }
        mapping[key] = try value()
      } while skip(UInt8(ascii: ","))
      guard skip(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
    }
    depth -= 1
    return .mapping(mapping)
  }

  private mutating func array() throws(JSONError) -> TemplateValue {
    try enter()
    var elements: [TemplateValue] = []
    if !skip(UInt8(ascii: "]")) {
      repeat {
        elements.append(try value())
      } while skip(UInt8(ascii: ","))
      guard skip(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
    }
    depth -= 1
    return .list(elements)
  }

  /// Passes an opening bracket.
  private mutating func enter() throws(JSONError) {
    depth += 1
    guard depth <= maximumDepth else {
      throw JSONError(offset: index, message: "arrays and objects are nested deeper than \(maximumDepth) levels")
    }
    index += 1
  }

  private mutating func word(_ word: StaticString, _ value: TemplateValue) throws(JSONError) -> TemplateValue {
    let end = index + word.utf8CodeUnitCount
    guard end <= text.count, Array(text[index..<end]).equals(word) else { throw unexpected("a value") }
    index = end
    return value
  }

  private mutating func string() throws(JSONError) -> [UInt8] {
    let start = index
    index += 1
    var result: [UInt8] = []
    while index < text.count {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "\""):
        index += 1
        return result
      case UInt8(ascii: "\\"):
        index += 1
        try escape(into: &result)
      case 0..<0x20:
        throw unexpected("an escape, as control characters cannot stand in a string")
      default:
        let length = UTF8Text.scalarLength(text, at: index)
        guard byte < 0x80 || length > 1 else { throw unexpected("well-formed UTF-8") }
        result += text[index..<index + length]
        index += length
      }
    }
    throw JSONError(offset: start, message: "a string that starts here has no closing quote")
  }

  private mutating func escape(into result: inout [UInt8]) throws(JSONError) {
    guard index < text.count else { throw unexpected("an escape") }
    let byte = text[index]
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0C)
    case UInt8(ascii: "n"): result.append(0x0A)
    case UInt8(ascii: "r"): result.append(0x0D)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"):
      index += 1
      try unicodeEscape(into: &result)
      return
    default: throw unexpected("one of \"\\/bfnrtu after a backslash")
    }
    index += 1
  }

  private mutating func unicodeEscape(into result: inout [UInt8]) throws(JSONError) {
    var scalar = try hexadecimal()
    if scalar & 0xFC00 == 0xD800, index + 1 < text.count, text[index] == UInt8(ascii: "\\"),
      text[index + 1] == UInt8(ascii: "u")
    {
      let next = index
      index += 2
      let low = try hexadecimal()
      if low & 0xFC00 == 0xDC00 {
        scalar = 0x10000 + (scalar & 0x3FF) << 10 + low & 0x3FF
      } else {
        index = next
      }
    }
    UTF8Text.append(scalar, to: &result)
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard index < text.count, let digit = hexadecimalValue(text[index]) else {
        throw unexpected("four hexadecimal digits after \\u")
      }
      value = value << 4 | digit
      index += 1
    }
    return value
  }

  private mutating func number() throws(JSONError) -> TemplateValue {
    let start = index
    let negative = text[index] == UInt8(ascii: "-")
    if negative { index += 1 }
    let whole = index
    try digits()
    guard text[whole] != UInt8(ascii: "0") || index == whole + 1 else {
      throw JSONError(offset: start, message: "a number cannot start with 0")
    }
    var isWhole = true
    if index < text.count, text[index] == UInt8(ascii: ".") {
      isWhole = false
      index += 1
      try digits()
    }
    if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      index += 1
      if index < text.count, text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-") { index += 1 }
      try digits()
    }
    if isWhole, let value = wholeNumber(text[whole..<index], radix: 10, negative: negative) { return .int(value) }
    return .double(DecimalConversion.parse(Array(text[start..<index])) ?? 0)
  }

  private mutating func digits() throws(JSONError) {
    let start = index
    while index < text.count, text[index] >= UInt8(ascii: "0"), text[index] <= UInt8(ascii: "9") { index += 1 }
    guard index > start else { throw unexpected("a digit") }
  }

  private mutating func skipBlanks() {
    while index < text.count {
      switch text[index] {
      case 0x20, 0x09, 0x0A, 0x0D: index += 1
      default: return
      }
    }
  }

  /// Passes a byte, and blanks before it, if it is next.
  private mutating func skip(_ byte: UInt8) -> Bool {
    skipBlanks()
    guard index < text.count, text[index] == byte else { return false }
    index += 1
    return true
  }

  private func unexpected(_ expected: String) -> JSONError {
    guard index < text.count else {
      return JSONError(offset: index, message: "expected \(expected), found the end of the text")
    }
    let length = UTF8Text.scalarLength(text, at: index)
    let found = String(decoding: text[index..<index + length], as: UTF8.self)
    return JSONError(offset: index, message: "expected \(expected), found '\(found)'")
  }
}

/// The value of a hexadecimal digit, or nil.
func hexadecimalValue(_ byte: UInt8) -> UInt32? {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
  case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
  case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
  default: nil
  }
}

/// The number that digits stand for; nil when there are none, one is not of the radix, or it takes over 64 bits.
func wholeNumber(_ digits: some Collection<UInt8>, radix: Int64, negative: Bool = false) -> Int64? {
  guard !digits.isEmpty else { return nil }
  // Counts down from zero, as the most negative number has no positive counterpart.
  var value: Int64 = 0
  for byte in digits {
    var digit = Int64(radix)
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = Int64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit = Int64(byte - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit = Int64(byte - UInt8(ascii: "A")) + 10
    default: return nil
    }
    guard digit < radix, value >= (.min + digit) / radix else { return nil }
    // Cannot overflow; the checked operators would call a runtime routine that Wasm lacks.
    value = value &* radix &- digit
  }
  if negative { return value }
  return value == .min ? nil : -value
}
