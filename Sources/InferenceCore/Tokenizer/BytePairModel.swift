/// Byte-level byte-pair encoding: GPT-2 and its descendants (Radford et al. 2019, Sennrich et al. 2016).
///
/// Text is cut into words, and inside each word neighbouring tokens merge by rank, from single bytes up.
struct BytePairModel {
  private let preTokenizer: PreTokenizer
  private let classes = CharacterClasses()
  private let merges: MergeTable
  /// The token of each single byte, or -1.
  private let byteTokens: [TokenID]
  /// Whether a word that is a token stays whole even where the merges would not build it.
  private let ignoresMerges: Bool

  init(
    vocabulary: Vocabulary, merges: GGUFArray, preTokenizer: PreTokenizer, ignoresMerges: Bool
  ) throws(TokenizerError) {
    self.preTokenizer = preTokenizer
    self.ignoresMerges = ignoresMerges
    self.merges = try MergeTable(merges, vocabulary: vocabulary)
    byteTokens = (0..<256).map { byte in
      var text: [UInt8] = []
      ByteAlphabet.append(UInt8(byte), to: &text)
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
    while true {
      if stretch.phase == .between {
        guard steps > 0 else { return false }
        guard let word = preTokenizer.nextWord(in: text, classes: classes, after: &stretch.words) else { return true }
        if ignoresMerges, word.count <= vocabulary.longestText,
          let whole = token(of: word, vocabulary, spelledIn: &stretch.escaped)
        {
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
        for offset in stretch.built..<end {
          stretch.chain.append(token: byteTokens[Int(text[begin + offset])], start: offset, length: 1)
        }
        stretch.built = end
        guard end == length else { return false }
        stretch.phase = .merging
      }
      guard stretch.chain.merge(merges, steps: &steps) else { return false }
      stretch.phase = .between
      for symbol in stretch.chain.symbols where symbol.length > 0 && symbol.token >= 0 {
        tokens.append(symbol.token)
      }
    }
  }

  /// The token that a whole word is.
  private func token(
    of word: UnsafeBufferPointer<UInt8>, _ vocabulary: Vocabulary, spelledIn spelling: inout [UInt8]
  ) -> TokenID? {
    spelling.removeAll(keepingCapacity: true)
    for byte in word { ByteAlphabet.append(byte, to: &spelling) }
    return spelling.withUnsafeBufferPointer { vocabulary.id(of: $0) }
  }

  /// Appends the bytes that a token's spelling stands for; characters outside the alphabet stand for themselves.
  static func appendBytes(of text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
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
