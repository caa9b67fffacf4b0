/// Python's two ways to fill values into a text.
extension TemplateInterpreter {
  /// `format % values`, with the conversions `s r d i u f F x X o %`, flags, width and precision.
  func formatted(_ format: [UInt8], with values: TemplateValue) throws(TemplateError) -> TemplateValue {
    var left: [TemplateValue] = [values]
    if case .tuple(let several) = values { left = several }
    left.reverse()
    var result: [UInt8] = []
    var index = 0

    func digits() -> Int? {
      let start = index
      while index < format.count, format[index] >= UInt8(ascii: "0"), format[index] <= UInt8(ascii: "9") { index += 1 }
      return index == start ? nil : Int(clamping: wholeNumber(format[start..<index], radix: 10) ?? .max)
    }

    while index < format.count {
      guard format[index] == UInt8(ascii: "%") else {
        result.append(format[index])
        index += 1
        continue
      }
      index += 1
      var specification = FormatSpecification()
      var named: TemplateValue?
      if index < format.count, format[index] == UInt8(ascii: "("),
        let end = format[index...].firstIndex(of: UInt8(ascii: ")"))
      {
        named = try item(.string(Array(format[(index + 1)..<end])), of: values)
        index = end + 1
      }
      while index < format.count, specification.takeFlag(format[index]) { index += 1 }
      specification.width = digits() ?? 0
      if index < format.count, format[index] == UInt8(ascii: ".") {
        index += 1
        specification.precision = digits() ?? 0
      }
      guard index < format.count else { throw fail("a format ends inside of a conversion") }
      let conversion = format[index]
      index += 1
      if conversion == UInt8(ascii: "%") {
        result.append(conversion)
        continue
      }
      guard let value = named ?? left.popLast() else { throw fail("a format has more conversions than values") }
      guard specification.width <= limits.outputBytes, specification.precision ?? 0 <= 100 else {
        throw exceed("a format's width or precision is too large")
      }
      let field = specification.padded(try converted(value, conversion, specification))
      try charge(bytes: field.count)
      result += field
    }
    // Python lets a list or mapping go unused, as it may have been meant for named conversions.
    var isSequence = false
    if case .list = values { isSequence = true }
    guard left.isEmpty || isSequence || values.mapping != nil else {
      throw fail("a format has fewer conversions than values")
    }
    return try produce(result)
  }

  private func converted(
    _ value: TemplateValue, _ conversion: UInt8, _ specification: FormatSpecification
  ) throws(TemplateError) -> [UInt8] {
    switch conversion {
    case UInt8(ascii: "s"), UInt8(ascii: "r"):
      let text = conversion == UInt8(ascii: "r") ? try representation(of: value) : try text(of: value)
      guard let precision = specification.precision else { return text }
      return Array(UTF8Text.scalars(text).prefix(precision).joined())
    case UInt8(ascii: "d"), UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "x"), UInt8(ascii: "X"),
      UInt8(ascii: "o"):
      guard let number = TemplateNumber(value) else { throw fail("a format needs a number, found \(value.typeName)") }
      var whole: Int64
      switch number {
      case .int(let int): whole = int
      case .double(let double):
        guard let int = Int64(exactly: double.rounded(.towardZero)) else {
          throw fail("a number is too large to format")
        }
        whole = int
      }
      var digits: [UInt8]
      switch conversion {
      case UInt8(ascii: "x"): digits = String(whole.magnitude, radix: 16).bytes
      case UInt8(ascii: "X"): digits = String(whole.magnitude, radix: 16, uppercase: true).bytes
      case UInt8(ascii: "o"): digits = String(whole.magnitude, radix: 8).bytes
      default: digits = String(whole.magnitude).bytes
      }
      while digits.count < specification.precision ?? 0 { digits.insert(UInt8(ascii: "0"), at: 0) }
      return specification.signed(digits, isNegative: whole < 0)
    case UInt8(ascii: "f"), UInt8(ascii: "F"):
      guard let number = TemplateNumber(value) else { throw fail("a format needs a number, found \(value.typeName)") }
      let double = number.double
      return specification.signed(
        DecimalConversion.fixed(double.magnitude, places: specification.precision ?? 6),
        isNegative: double.sign == .minus)
    default:
      throw fail("a format has an unknown conversion '%\(String(decoding: [conversion], as: UTF8.self))'")
    }
  }

  /// `text.format(…)` with the fields `{}`, `{0}` and `{name}`.
  func format(_ text: [UInt8], _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    var result: [UInt8] = []
    var automatic = 0
    var index = 0
    while index < text.count {
      let byte = text[index]
      let isDoubled = index + 1 < text.count && text[index + 1] == byte
      if byte == UInt8(ascii: "{") && !isDoubled {
        guard let end = text[index...].firstIndex(of: UInt8(ascii: "}")) else {
          throw fail("a field of 'format' is not closed")
        }
        let name = Array(text[(index + 1)..<end])
        var value: TemplateValue?
        if name.isEmpty {
          value = automatic < arguments.positional.count ? arguments.positional[automatic] : nil
          automatic += 1
        } else if let position = wholeNumber(name, radix: 10) {
          value = position < arguments.positional.count ? arguments.positional[Int(position)] : nil
        } else {
          value = arguments.keywords.first { $0.name == name }?.value
        }
        guard let value else {
          throw fail("'format' has no value for its field '{\(String(decoding: name, as: UTF8.self))}'")
        }
        let field = try self.text(of: value)
        try charge(bytes: field.count)
        result += field
        index = end + 1
        continue
      }
      if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") {
        guard isDoubled else { throw fail("'format' has a single '}'") }
        index += 1
      }
      result.append(byte)
      index += 1
    }
    return try produce(result)
  }
}

/// Flags, width and precision of one `%` conversion.
private struct FormatSpecification {
  var isLeftAligned = false
  var isZeroPadded = false
  var plus: UInt8?
  var width = 0
  var precision: Int?

  mutating func takeFlag(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "-"): isLeftAligned = true
    case UInt8(ascii: "0"): isZeroPadded = true
    case UInt8(ascii: "+"): plus = byte
    case UInt8(ascii: " "): if plus == nil { plus = byte }
    case UInt8(ascii: "#"): break
    default: return false
    }
    return true
  }

  /// Digits with their sign, filled with zeros when asked for.
  func signed(_ digits: [UInt8], isNegative: Bool) -> [UInt8] {
    var digits = digits
    let sign = isNegative ? UInt8(ascii: "-") : plus
    if isZeroPadded && !isLeftAligned {
      let missing = max(width - digits.count - (sign == nil ? 0 : 1), 0)
      digits = [UInt8](repeating: UInt8(ascii: "0"), count: missing) + digits
    }
    return sign.map { [$0] + digits } ?? digits
  }

  func padded(_ text: [UInt8]) -> [UInt8] {
    let missing = max(width - UTF8Text.count(text), 0)
    let blanks = [UInt8](repeating: 0x20, count: missing)
    return isLeftAligned ? text + blanks : blanks + text
  }
}
