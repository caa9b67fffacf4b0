/// Byte-pair encoding: GPT-2 and its descendants (Radford et al. 2019, Sennrich et al. 2016).
///
/// Text is cut into words, and inside each word neighbouring tokens merge by rank, from single bytes up, or from
/// characters.
struct BytePairModel {
  private let preTokenizer: PreTokenizer
  private let merges: MergeTable
  /// The token of each single byte, or -1.
  private let byteTokens: [TokenID]
  /// Whether a word that is a token stays whole even where the merges would not build it.
  private let ignoresMerges: Bool
  private let spelling: PreTokenizerTable.Spelling

  init(vocabulary: Vocabulary, merges: GGUFArray, row: PreTokenizerTable.Row) throws(TokenizerError) {
    preTokenizer = PreTokenizer(row.rule)
    ignoresMerges = row.ignoresMerges
    spelling = row.spelling
    self.merges = try MergeTable(merges, vocabulary: vocabulary)
    let isBytes = row.spelling == .bytes
    byteTokens = (0..<256).map { byte in
      var text: [UInt8] = []
      if isBytes {
        ByteAlphabet.append(UInt8(byte), to: &text)
      } else {
        text = SentencePieceModel.name(ofByte: byte)
      }
      return text.withUnsafeBufferPointer { vocabulary.id(of: $0) } ?? -1
    }
  }

  /// Goes on with `text` and appends its tokens. Bytes for which the vocabulary has no token vanish, as in llama.cpp.
  ///
  /// - Returns: whether all of it is through.
  func advance(
    _ stretch: inout TextStretch, of text: UnsafeBufferPointer<UInt8>, vocabulary: Vocabulary, steps: inout Int,
    into tokens: inout [TokenID]
  ) -> Bool {
    guard spelling != .bytes else {
      return advanceWords(&stretch, of: text, vocabulary: vocabulary, steps: &steps, into: &tokens)
    }
    if stretch.escaped.isEmpty { SentencePieceModel.appendEscaped(text, to: &stretch.escaped) }
    let escaped = stretch.escaped
    return escaped.withUnsafeBufferPointer {
      advanceWords(&stretch, of: $0, vocabulary: vocabulary, steps: &steps, into: &tokens)
    }
  }

  private func advanceWords(
    _ stretch: inout TextStretch, of text: UnsafeBufferPointer<UInt8>, vocabulary: Vocabulary, steps: inout Int,
    into tokens: inout [TokenID]
  ) -> Bool {
    while true {
      if stretch.phase == .between {
        guard steps > 0 else { return false }
        guard let word = preTokenizer.nextWord(in: text, after: &stretch.words) else { return true }
        if let whole = wholeToken(of: word, vocabulary, spelledIn: &stretch.escaped) {
          steps -= word.count
          tokens.append(whole)
          continue
        }
        stretch.chain.removeAll()
        stretch.chain.reserve(word.count)
        (stretch.phase, stretch.word, stretch.built) = (
          .building, stretch.words.position - word.count..<stretch.words.position, 0
        )
      }
      if stretch.phase == .building {
        let (begin, length) = (stretch.word.lowerBound, stretch.word.count)
        let end = stretch.built + min(max(1, steps), length - stretch.built)
        steps -= end - stretch.built
        if spelling == .bytes {
          for offset in stretch.built..<end {
            stretch.chain.append(token: byteTokens[Int(text[begin + offset])], start: offset, length: 1)
          }
          stretch.built = end
        } else {
          while stretch.built < end { appendCharacter(of: text, from: begin, to: &stretch, vocabulary) }
        }
        guard stretch.built == length else { return false }
        stretch.phase = .merging
      }
      guard stretch.chain.merge(merges, steps: &steps) else { return false }
      stretch.phase = .between
      for symbol in stretch.chain.symbols where symbol.length > 0 {
        if symbol.token >= 0 {
          tokens.append(symbol.token)
        } else if spelling != .bytes {
          let start = stretch.word.lowerBound + Int(symbol.start)
          for byte in text[start..<start + Int(symbol.length)] where byteTokens[Int(byte)] >= 0 {
            tokens.append(byteTokens[Int(byte)])
          }
        }
      }
    }
  }

  private func appendCharacter(
    of text: UnsafeBufferPointer<UInt8>, from begin: Int, to stretch: inout TextStretch, _ vocabulary: Vocabulary
  ) {
    let start = begin + stretch.built
    let length = UTF8Step(text, at: start).length
    let token = vocabulary.id(of: UnsafeBufferPointer(rebasing: text[start..<start + length])) ?? -1
    stretch.chain.append(token: token, start: stretch.built, length: length)
    stretch.built += length
  }

  /// The token of a word that is one and stays whole.
  private func wholeToken(
    of word: UnsafeBufferPointer<UInt8>, _ vocabulary: Vocabulary, spelledIn spelling: inout [UInt8]
  ) -> TokenID? {
    if ignoresMerges {
      guard word.count <= vocabulary.longestText else { return nil }
      return token(of: word, vocabulary, spelledIn: &spelling)
    }
    guard self.spelling == .charactersAndLineFeeds, word.first == 0x0A else { return nil }
    return vocabulary.id(of: word)
  }

  /// The token that a whole word is.
  private func token(
    of word: UnsafeBufferPointer<UInt8>, _ vocabulary: Vocabulary, spelledIn spelling: inout [UInt8]
  ) -> TokenID? {
    // Room for two bytes each, made once.
    if spelling.count < 2 * word.count { spelling = [UInt8](repeating: 0, count: max(256, 2 * word.count)) }
    return spelling.withUnsafeMutableBufferPointer { spelling in
      var length = 0
      for byte in word { length = ByteAlphabet.write(byte, to: spelling, at: length) }
      return vocabulary.id(of: UnsafeBufferPointer(rebasing: spelling[..<length]))
    }
  }

  /// Appends the bytes that a token's spelling stands for; characters outside the alphabet stand for themselves.
  func appendBytes(of text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
    guard spelling == .bytes else { return SentencePieceModel.appendUnescaped(text, to: &bytes) }
    var position = 0
    while position < text.count {
      let step = UTF8Step(text, at: position)
      if step.kind == .scalar, let byte = ByteAlphabet.byte(for: step.scalar) {
        bytes.append(byte)
      } else {
        for offset in 0..<step.length { bytes.append(text[position + offset]) }
      }
      position += step.length
    }
  }
}
