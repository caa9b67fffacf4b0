/// SentencePiece's BPE (Kudo and Richardson 2018): neighbouring pieces merge by the score of what they form, from
/// single characters up, and characters that are no pieces fall back to one token a byte.
struct SentencePieceModel {
  /// U+2581, which stands for a space in pieces.
  static let spaceMark: (UInt8, UInt8, UInt8) = (0xE2, 0x96, 0x81)

  /// Each token's score as a merge priority: the higher the score, the smaller.
  private let priorities: [UInt32]
  /// The token of each single byte, or -1.
  private let byteTokens: [TokenID]
  /// What stands for bytes without a token, or -1.
  private let unknown: TokenID

  /// - Parameter scores: `tokenizer.ggml.scores`; without them all merges are equal.
  init(vocabulary: Vocabulary, scores: GGUFArray?, unknown: TokenID?) throws(TokenizerError) {
    if let scores, scores.count < vocabulary.count {
      throw TokenizerError(
        .malformed,
        "Expected one entry of tokenizer.ggml.scores for each of \(vocabulary.count) tokens, found \(scores.count).")
    }
    priorities = (0..<vocabulary.count).map { id in
      Self.priority(scores.map { Float($0.float(at: id)) } ?? 0)
    }
    byteTokens = (0..<256).map { byte in
      let name = Self.name(ofByte: byte)
      let raw = [UInt8(byte)]
      return name.withUnsafeBufferPointer { vocabulary.id(of: $0) }
        ?? raw.withUnsafeBufferPointer { vocabulary.id(of: $0) } ?? -1
    }
    self.unknown = unknown ?? -1
  }

  /// Goes on with `text`, before which goes a space if `addsSpace`, and at its end appends its tokens.
  ///
  /// - Returns: whether it is through.
  func advance(
    _ stretch: inout TextStretch, of text: UnsafeBufferPointer<UInt8>, addsSpace: Bool, vocabulary: Vocabulary,
    steps: inout Int, into tokens: inout [TokenID]
  ) -> Bool {
    if stretch.phase == .between {
      stretch.phase = .building
      stretch.escaped.reserveCapacity(text.count + text.count / 2 + 3)
      stretch.chain.reserve(text.count + 1)
      if addsSpace { Self.appendMark(to: &stretch) }
    }
    if stretch.phase == .building {
      guard build(&stretch, of: text, steps: &steps) else { return false }
      stretch.phase = .merging
    }
    let escaped = stretch.escaped
    return escaped.withUnsafeBufferPointer { escaped in
      let rules = Rules(text: escaped, vocabulary: vocabulary, priorities: priorities)
      guard stretch.chain.merge(rules, steps: &steps) else { return false }
      appendTokens(of: stretch.chain, escaped, vocabulary, to: &tokens)
      return true
    }
  }

  /// Marks the spaces, and makes a symbol of each character.
  ///
  /// - Returns: whether all of the text is through.
  private func build(_ stretch: inout TextStretch, of text: UnsafeBufferPointer<UInt8>, steps: inout Int) -> Bool {
    while stretch.built < text.count {
      guard steps > 0 else { return false }
      steps -= 1
      if text[stretch.built] == 0x20 {
        Self.appendMark(to: &stretch)
        stretch.built += 1
        continue
      }
      let length = UTF8Step(text, at: stretch.built).length
      stretch.chain.append(token: -1, start: stretch.escaped.count, length: length)
      stretch.escaped += text[stretch.built..<stretch.built + length]
      stretch.built += length
    }
    return true
  }

  private static func appendMark(to stretch: inout TextStretch) {
    stretch.chain.append(token: -1, start: stretch.escaped.count, length: 3)
    stretch.escaped.append(spaceMark.0)
    stretch.escaped.append(spaceMark.1)
    stretch.escaped.append(spaceMark.2)
  }

  private func appendTokens(
    of chain: SymbolChain, _ text: UnsafeBufferPointer<UInt8>, _ vocabulary: Vocabulary, to tokens: inout [TokenID]
  ) {
    for symbol in chain.symbols where symbol.length > 0 {
      if symbol.token >= 0 {
        tokens.append(symbol.token)
        continue
      }
      let start = Int(symbol.start)
      let character = UnsafeBufferPointer(rebasing: text[start..<start + Int(symbol.length)])
      if let token = vocabulary.id(of: character) {
        tokens.append(token)
        continue
      }
      for byte in character {
        let token = byteTokens[Int(byte)] >= 0 ? byteTokens[Int(byte)] : unknown
        if token >= 0 { tokens.append(token) }
      }
    }
  }

  /// Appends a piece's text with its space marks turned back into spaces.
  static func appendUnescaped(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    var position = 0
    while position < text.count {
      if position + 2 < text.count, text[position] == spaceMark.0, text[position + 1] == spaceMark.1,
        text[position + 2] == spaceMark.2
      {
        bytes.append(0x20)
        position += 3
      } else {
        bytes.append(text[position])
        position += 1
      }
    }
  }

  /// Appends a text with its spaces marked.
  static func appendEscaped(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    bytes.reserveCapacity(text.count + text.count / 2)
    for byte in text {
      if byte == 0x20 {
        bytes.append(spaceMark.0)
        bytes.append(spaceMark.1)
        bytes.append(spaceMark.2)
      } else {
        bytes.append(byte)
      }
    }
  }

  /// The piece `<0x41>` of a byte.
  static func name(ofByte byte: Int) -> [UInt8] {
    [0x3C, 0x30, 0x78, hexDigit(byte >> 4), hexDigit(byte & 15), 0x3E]
  }

  /// The byte that a piece of the form `<0x41>` stands for.
  static func byte(named text: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard text.count == 6, let high = hexValue(text[3]), let low = hexValue(text[4]) else { return nil }
    return high << 4 | low
  }

  /// Maps scores to integers that order the other way round. Not a number comes last.
  private static func priority(_ score: Float) -> UInt32 {
    guard !score.isNaN else { return .max - 1 }
    // Adding zero turns -0 into 0, which compares equal to it.
    let bits = (score + 0).bitPattern
    let ascending = bits >> 31 == 1 ? ~bits : bits | 1 << 31
    return min(~ascending, .max - 1)
  }

  private struct Rules: MergeRules {
    let text: UnsafeBufferPointer<UInt8>
    let vocabulary: Vocabulary
    let priorities: [UInt32]

    @inline(__always)
    func merge(_ left: Symbol, _ right: Symbol) -> Merge {
      let start = Int(left.start)
      let length = Int(left.length) + Int(right.length)
      guard length <= vocabulary.longestText,
        let token = vocabulary.id(of: UnsafeBufferPointer(rebasing: text[start..<start + length]))
      else { return .none }
      return Merge(priority: priorities[Int(token)], token: token)
    }
  }
}

private func hexDigit(_ value: Int) -> UInt8 {
  UInt8(value < 10 ? 0x30 + value : 0x41 + value - 10)
}

private func hexValue(_ digit: UInt8) -> UInt8? {
  switch digit {
  case 0x30...0x39: digit - 0x30
  case 0x41...0x46: digit - 0x41 + 10
  case 0x61...0x66: digit - 0x61 + 10
  default: nil
  }
}
