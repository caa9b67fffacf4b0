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

  /// Appends the tokens of `text`. Bytes for which the vocabulary has no token vanish, as in llama.cpp.
  func encode(_ text: UnsafeBufferPointer<UInt8>, vocabulary: Vocabulary, into tokens: inout [TokenID]) {
    var chain = SymbolChain()
    var spelling: [UInt8] = []
    preTokenizer.forEachWord(in: text, classes: classes) { word in
      if ignoresMerges {
        spelling.removeAll(keepingCapacity: true)
        for byte in word { ByteAlphabet.append(byte, to: &spelling) }
        if let whole = spelling.withUnsafeBufferPointer({ vocabulary.id(of: $0) }) {
          tokens.append(whole)
          return
        }
      }
      chain.removeAll()
      for (offset, byte) in word.enumerated() {
        chain.append(token: byteTokens[Int(byte)], start: offset, length: 1)
      }
      chain.mergeAll(merges)
      for symbol in chain.symbols where symbol.length > 0 && symbol.token >= 0 {
        tokens.append(symbol.token)
      }
    }
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
