extension TemplateInterpreter {
  /// Filters whose result is text.
  func textFilter(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    let text = try text(of: value)
    switch filter {
    case .upper:
      _ = try bind(arguments, "upper")
      return try produce(UTF8Text.uppercased(text))
    case .lower:
      _ = try bind(arguments, "lower")
      return try produce(UTF8Text.lowercased(text))
    case .capitalize:
      _ = try bind(arguments, "capitalize")
      return try produce(UTF8Text.capitalized(text))
    case .title:
      _ = try bind(arguments, "title")
      return try produce(titled(text))
    case .trim:
      let set = try string(try bind(arguments, "trim", "chars")[0], "trim")
      try charge((set?.count ?? 0) * text.count / 16)
      return try produce(UTF8Text.trim(text, set))
    case .e, .escape:
      _ = try bind(arguments, "escape")
      return try produce(escaped(text))
    case .replace:
      let values = try bind(arguments, "replace", "old", "new", "count", required: 2)
      return try replaced(
        text, try self.text(of: values[0] ?? .none), by: try self.text(of: values[1] ?? .none),
        atMost: try whole(values[2], "replace"))
    case .format:
      guard arguments.keywords.isEmpty else {
        guard arguments.positional.isEmpty else {
          throw fail("'format' takes arguments with names or without, not both")
        }
        return try formatted(text, with: .mapping(TemplateMapping(arguments.keywords.map { ($0.name, $0.value) })))
      }
      return try formatted(text, with: .tuple(arguments.positional))
    case .center:
      let width = Int(clamping: try whole(try bind(arguments, "center", "width")[0], "center") ?? 80)
      let missing = Swift.max(width - UTF8Text.count(text), 0)
      try charge(bytes: missing)
      // Python puts the odd blank to the left when the width is odd.
      let left = missing / 2 + (missing & width & 1)
      let blanks = [UInt8](repeating: 0x20, count: missing)
      return try produce(blanks[..<left] + text + blanks[left...])
    case .indent:
      return try indented(try string(value, "indent") ?? [], arguments)
    case .truncate:
      return try truncated(try string(value, "truncate") ?? [], arguments)
    default:
      _ = try bind(arguments, filter.name)
      return .string(text)
    }
  }

  /// Every word's first letter in upper case; words end at white space and at `-({[<`.
  private func titled(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var word: [UInt8] = []
    var index = 0
    while index < text.count {
      let (scalar, length) = UTF8Text.scalar(text, at: index)
      let part = text[index..<index + length]
      if UTF8Text.isSpace(scalar) || [0x2D, 0x28, 0x7B, 0x5B, 0x3C].contains(scalar) {
        result += UTF8Text.capitalized(word) + part
        word = []
      } else {
        word += part
      }
      index += length
    }
    return result + UTF8Text.capitalized(word)
  }

  private func escaped(_ text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    for byte in text {
      switch byte {
      case UInt8(ascii: "&"): result += "&amp;".bytes
      case UInt8(ascii: "<"): result += "&lt;".bytes
      case UInt8(ascii: ">"): result += "&gt;".bytes
      case UInt8(ascii: "'"): result += "&#39;".bytes
      case UInt8(ascii: "\""): result += "&#34;".bytes
      default: result.append(byte)
      }
    }
    return result
  }

  private func indented(_ text: [UInt8], _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, "indent", "width", "first", "blank")
    let indentation: [UInt8]
    if case .string(let text)? = values[0] {
      indentation = text
    } else {
      let width = try whole(values[0], "indent") ?? 4
      guard width <= limits.outputBytes else { throw exceed("the width of 'indent' is too large") }
      indentation = [UInt8](repeating: 0x20, count: Int(Swift.max(width, 0)))
    }
    let isFirst = values[1].map(isTrue) ?? false
    let isBlank = values[2].map(isTrue) ?? false
    // The newline makes an empty last line count, as in Jinja.
    let lines = UTF8Text.lines(text + [0x0A])
    var result: [UInt8] = isFirst ? indentation : []
    for (index, line) in lines.enumerated() {
      let isIndented = index > 0 && (isBlank || !line.isEmpty)
      try charge(bytes: line.count + (isIndented ? indentation.count : 0))
      if index > 0 { result.append(0x0A) }
      if isIndented { result += indentation }
      result += line
      if result.count > limits.outputBytes { throw exceed("a text grows longer than \(limits.outputBytes) bytes") }
    }
    return .string(result)
  }

  private func truncated(_ text: [UInt8], _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, "truncate", "length", "killwords", "end", "leeway")
    let length = Int(clamping: try whole(values[0], "truncate") ?? 255)
    let end = try string(values[2], "truncate") ?? "...".bytes
    let leeway = Int(clamping: try whole(values[3], "truncate") ?? 5)
    let endLength = UTF8Text.count(end)
    guard length >= endLength, leeway >= 0 else {
      throw fail("'truncate' needs a length of at least \(endLength), that of the end it adds, and a leeway from 0")
    }
    let scalars = UTF8Text.scalars(text)
    if scalars.count - leeway <= length { return .string(text) }
    var kept = Array(scalars[..<(length - endLength)].joined())
    if values[1].map(isTrue) != true, let blank = kept.lastIndex(of: 0x20) { kept = Array(kept[..<blank]) }
    return try produce(kept + end)
  }
}
