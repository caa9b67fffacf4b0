/// Cuts a template's source into tokens, applying the rules of white space around tags.
///
/// The rules are Jinja's with `trim_blocks` and `lstrip_blocks`: the newline after a block tag or comment goes, and so do
/// the blanks between the start of a line and one; `-` inside a tag's bounds takes all white space, `+` keeps it. One
/// newline at the end of the source goes.
struct TemplateLexer {
  private let source: [UInt8]
  private var index = 0
  private var position = SourcePosition(line: 1, column: 1)
  private var tokens: [TemplateToken] = []

  private init(_ source: [UInt8]) {
    self.source = source
  }

  /// All tokens of a source, the last one being `end`.
  static func tokens(of source: [UInt8]) throws(TemplateError) -> [TemplateToken] {
    var lexer = TemplateLexer(normalized(source))
    while lexer.index < lexer.source.count { try lexer.textAndTag() }
    lexer.emit(.end, at: lexer.position)
    return lexer.tokens
  }

  /// The source with `\n` for every kind of newline, without a last one.
  private static func normalized(_ source: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(source.count)
    var index = 0
    while index < source.count {
      if source[index] == 0x0D {
        result.append(0x0A)
        if index + 1 < source.count, source[index + 1] == 0x0A { index += 1 }
      } else {
        result.append(source[index])
      }
      index += 1
    }
    if result.last == 0x0A { result.removeLast() }
    return result
  }

  // MARK: Text and tags

  /// Reads text up to the next tag, and the tag.
  private mutating func textAndTag() throws(TemplateError) {
    let start = index
    let textPosition = position
    var open = start
    while open < source.count {
      if source[open] == UInt8(ascii: "{"), open + 1 < source.count {
        let next = source[open + 1]
        if next == UInt8(ascii: "{") || next == UInt8(ascii: "%") || next == UInt8(ascii: "#") { break }
      }
      open += 1
    }
    if open >= source.count {
      emit(.text(Array(source[start...])), at: textPosition)
      advance(to: source.count)
      return
    }
    let kind = source[open + 1]
    let sign = sign(at: open + 2)
    emitText(start..<open, sign: sign, isOutput: kind == UInt8(ascii: "{"), at: textPosition)
    advance(to: open)
    let tagPosition = position
    advance(to: open + (sign == nil ? 2 : 3))
    switch kind {
    case UInt8(ascii: "#"):
      try comment(openedAt: tagPosition)
    case UInt8(ascii: "{"):
      emit(.outputBegin, at: tagPosition)
      try expression(openedAt: tagPosition, isOutput: true)
    default:
      if let body = rawBegin() {
        advance(to: body)
        try raw(openedAt: tagPosition)
      } else {
        emit(.tagBegin, at: tagPosition)
        try expression(openedAt: tagPosition, isOutput: false)
      }
    }
  }

  /// Emits the text before a tag, less what the tag strips.
  private mutating func emitText(_ range: Range<Int>, sign: UInt8?, isOutput: Bool, at position: SourcePosition) {
    var text = Array(source[range])
    if sign == UInt8(ascii: "-") {
      text = UTF8Text.trim(text, leading: false)
    } else if sign == nil, !isOutput {
      let lineStart = (text.lastIndex(of: 0x0A) ?? -1) + 1
      let startsLine = lineStart > 0 || range.lowerBound == 0 || source[range.lowerBound - 1] == 0x0A
      if startsLine, UTF8Text.trim(Array(text[lineStart...])).isEmpty { text.removeLast(text.count - lineStart) }
    }
    if !text.isEmpty { emit(.text(text), at: position) }
  }

  private func sign(at index: Int) -> UInt8? {
    guard index < source.count, source[index] == UInt8(ascii: "-") || source[index] == UInt8(ascii: "+") else {
      return nil
    }
    return source[index]
  }

  /// The offset after white space.
  private func skipSpace(from start: Int) -> Int {
    var index = start
    while index < source.count {
      let (scalar, length) = UTF8Text.scalar(source, at: index)
      guard UTF8Text.isSpace(scalar) else { break }
      index += length
    }
    return index
  }

  private func starts(_ text: StaticString, at index: Int) -> Bool {
    guard index + text.utf8CodeUnitCount <= source.count else { return false }
    return text.withUTF8Buffer { text in
      for offset in 0..<text.count where source[index + offset] != text[offset] { return false }
      return true
    }
  }

  /// The offset after a tag's end with what it strips, if one is here.
  private func tagEnd(_ end: StaticString, at index: Int, trimsNewline: Bool) -> Int? {
    if starts(end, at: index) {
      let after = index + 2
      return trimsNewline && after < source.count && source[after] == 0x0A ? after + 1 : after
    }
    guard let sign = sign(at: index), starts(end, at: index + 1) else { return nil }
    if sign == UInt8(ascii: "-") { return skipSpace(from: index + 3) }
    return trimsNewline ? index + 3 : nil
  }

  private mutating func comment(openedAt opening: SourcePosition) throws(TemplateError) {
    var end = index
    while end < source.count {
      if let after = tagEnd("#}", at: end, trimsNewline: true) {
        advance(to: after)
        return
      }
      end += 1
    }
    throw TemplateError(.syntax, at: opening, "a comment that starts here is never closed: expected '#}'")
  }

  /// The offset of a raw block's body, if its opening tag (after its sign) is here.
  private func rawBegin() -> Int? {
    let word = skipSpace(from: index)
    guard starts("raw", at: word) else { return nil }
    let end = skipSpace(from: word + 3)
    if starts("%}", at: end) { return end + 2 }
    return starts("-%}", at: end) ? skipSpace(from: end + 3) : nil
  }

  private mutating func raw(openedAt opening: SourcePosition) throws(TemplateError) {
    let start = index
    let textPosition = position
    var open = start
    while open < source.count {
      if starts("{%", at: open) {
        let sign = sign(at: open + 2)
        let word = skipSpace(from: open + (sign == nil ? 2 : 3))
        if starts("endraw", at: word),
          let after = tagEnd("%}", at: skipSpace(from: word + 6), trimsNewline: true)
        {
          emitText(start..<open, sign: sign, isOutput: false, at: textPosition)
          advance(to: after)
          return
        }
      }
      open += 1
    }
    throw TemplateError(.syntax, at: opening, "a raw block that starts here is never closed: expected '{% endraw %}'")
  }

  // MARK: Expressions

  /// Reads the tokens of a tag up to and with its end.
  private mutating func expression(openedAt opening: SourcePosition, isOutput: Bool) throws(TemplateError) {
    var brackets: [TemplateSymbol] = []
    while true {
      if brackets.isEmpty, let after = tagEnd(isOutput ? "}}" : "%}", at: index, trimsNewline: !isOutput) {
        emit(isOutput ? .outputEnd : .tagEnd, at: position)
        advance(to: after)
        return
      }
      let next = skipSpace(from: index)
      if next > index {
        advance(to: next)
        continue
      }
      guard index < source.count else {
        throw TemplateError(
          .syntax, at: opening, "a tag that starts here is never closed: expected '\(isOutput ? "}}" : "%}")'")
      }
      let start = position
      let kind = try token()
      if case .symbol(let symbol) = kind {
        if let closing = symbol.closing { brackets.append(closing) }
        if symbol.isClosing {
          guard let expected = brackets.popLast() else {
            throw TemplateError(.syntax, at: start, "unexpected '\(text(symbol))': no bracket is open")
          }
          guard expected == symbol else {
            throw TemplateError(.syntax, at: start, "unexpected '\(text(symbol))', expected '\(text(expected))'")
          }
        }
      }
      emit(kind, at: start)
    }
  }

  private func text(_ symbol: TemplateSymbol) -> String {
    String(decoding: symbol.text.bytes, as: UTF8.self)
  }

  private mutating func token() throws(TemplateError) -> TemplateToken.Kind {
    let byte = source[index]
    if isDigit(byte) { return try number() }
    if isNameByte(byte) {
      let start = index
      var end = index
      while end < source.count, isNameByte(source[end]) || isDigit(source[end]) { end += 1 }
      advance(to: end)
      return .name(Array(source[start..<end]))
    }
    if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") { return try string(quote: byte) }
    for symbol in TemplateSymbol.allCases where starts(symbol.text, at: index) {
      advance(to: index + symbol.text.utf8CodeUnitCount)
      return .symbol(symbol)
    }
    throw TemplateError(.syntax, at: position, "unexpected character '\(String(decoding: [byte], as: UTF8.self))'")
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

  private func isNameByte(_ byte: UInt8) -> Bool {
    let letter = byte | 0x20
    return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "z") || byte == UInt8(ascii: "_") || byte >= 0x80
  }

  /// The offset after digits of a radix and single underscores between them.
  private func digitsEnd(from start: Int, radix: UInt32 = 10) -> Int {
    var end = start
    while end < source.count {
      if let value = hexadecimalValue(source[end]), value < radix {
        end += 1
      } else if source[end] == UInt8(ascii: "_"), end > start, end + 1 < source.count,
        let value = hexadecimalValue(source[end + 1]), value < radix
      {
        end += 2
      } else {
        break
      }
    }
    return end
  }

  private mutating func number() throws(TemplateError) -> TemplateToken.Kind {
    let start = index
    if source[start] == UInt8(ascii: "0"), start + 1 < source.count {
      var radix: UInt32 = 0
      switch source[start + 1] | 0x20 {
      case UInt8(ascii: "x"): radix = 16
      case UInt8(ascii: "o"): radix = 8
      case UInt8(ascii: "b"): radix = 2
      default: break
      }
      if radix > 0 {
        let end = digitsEnd(from: start + 2, radix: radix)
        if end > start + 2 { return try whole(start + 2..<end, radix: Int64(radix)) }
      }
    }
    var end = digitsEnd(from: start)
    let wholeEnd = end
    // After a dot a number is a position, as in `pair.0.name`.
    if start == 0 || source[start - 1] != UInt8(ascii: ".") {
      if end + 1 < source.count, source[end] == UInt8(ascii: "."), isDigit(source[end + 1]) {
        end = digitsEnd(from: end + 1)
      }
      if end + 1 < source.count, source[end] | 0x20 == UInt8(ascii: "e") {
        let digits = sign(at: end + 1) == nil ? end + 1 : end + 2
        if digits < source.count, isDigit(source[digits]) { end = digitsEnd(from: digits) }
      }
    }
    if end == wholeEnd { return try whole(start..<end, radix: 10) }
    let value = DecimalConversion.parse(Array(source[start..<end])) ?? 0
    advance(to: end)
    return .double(value)
  }

  private mutating func whole(_ range: Range<Int>, radix: Int64) throws(TemplateError) -> TemplateToken.Kind {
    let digits = source[range].filter { $0 != UInt8(ascii: "_") }
    guard let value = wholeNumber(digits, radix: radix) else {
      throw TemplateError(.syntax, at: position, "a whole number of more than 64 bits")
    }
    advance(to: range.upperBound)
    return .int(value)
  }

  private mutating func string(quote: UInt8) throws(TemplateError) -> TemplateToken.Kind {
    let start = position
    var end = index + 1
    while end < source.count, source[end] != quote { end += source[end] == UInt8(ascii: "\\") ? 2 : 1 }
    guard end < source.count else {
      throw TemplateError(.syntax, at: start, "a string that starts here has no closing quote")
    }
    let body = Array(source[index + 1..<end])
    advance(to: end + 1)
    guard let text = PythonString.unescaped(body) else {
      throw TemplateError(.syntax, at: start, "a string that starts here has an incomplete \\x, \\u or \\U escape")
    }
    return .string(text)
  }

  // MARK: Position

  private mutating func emit(_ kind: TemplateToken.Kind, at position: SourcePosition) {
    tokens.append(TemplateToken(kind: kind, position: position))
  }

  private mutating func advance(to end: Int) {
    while index < end {
      if source[index] == 0x0A {
        position.line += 1
        position.column = 1
      } else if source[index] & 0xC0 != 0x80 {
        position.column += 1
      }
      index += 1
    }
  }
}
