/// Turns text into the tokens of one model and back.
///
/// The vocabulary's texts and scores stay in the mapped file: the bytes behind the ``GGUFFile`` must outlive the
/// tokenizer. Building one takes tens of milliseconds for 128 000 tokens.
public final class Tokenizer {
  let vocabulary: Vocabulary
  let special: SpecialTokens
  private let model: Model
  private let splitter: SpecialTokenSplitter

  /// Whether encoding puts ``beginOfText`` first when special tokens are asked for.
  public let addsBeginOfText: Bool
  /// Whether encoding puts ``endOfText`` last when special tokens are asked for.
  public let addsEndOfText: Bool
  /// Whether a space goes before text at the start and after special tokens.
  public let addsSpacePrefix: Bool
  /// The file's `tokenizer.ggml.pre`, in quotes, if this engine does not know it, so that text is cut by a rule that may
  /// not be the model's own; see ``warning``.
  package let unknownPreTokenizer: String?

  private enum Model {
    case bytePairs(BytePairModel)
    case sentencePieces(SentencePieceModel)
    case wordPieces(WordPieceModel)
    case unigrams(UnigramModel)
  }

  /// Reads the `tokenizer.ggml.*` entries of `file`, which may be a vocabulary without tensors.
  ///
  /// - Throws: ``TokenizerError`` when they are absent, contradict each other, or ask for a tokenizer that this engine
  ///   does not have; the message then names those it has. A pre-tokenizer that is not known is no error, see
  ///   ``warning``.
  public init(_ file: GGUFFile) throws(TokenizerError) {
    let metadata = TokenizerMetadata(file: file)
    let (family, unknown) = try TokenizerFamily.read(metadata)
    unknownPreTokenizer = unknown
    guard let tokens = try metadata.array("tokenizer.ggml.tokens", of: .strings), tokens.count > 0 else {
      throw TokenizerError(.missing, "Expected a vocabulary in tokenizer.ggml.tokens, found none.")
    }
    guard tokens.count < 1 << 30 else {
      throw TokenizerError(.malformed, "Expected at most 2^30 tokens, found \(tokens.count).")
    }
    let types = try metadata.array("tokenizer.ggml.token_type", of: .integers)
    var vocabulary = try Vocabulary(tokens: tokens, types: types)
    special = try SpecialTokens(metadata, family: family, vocabulary: &vocabulary)

    addsBeginOfText = family.addsBeginOfText(asked: try metadata.bool("tokenizer.ggml.add_bos_token"))
    addsEndOfText = try metadata.bool("tokenizer.ggml.add_eos_token") ?? family.isUnigrams
    guard !addsBeginOfText || special.beginOfText != nil else {
      throw TokenizerError(
        .malformed, "Expected tokenizer.ggml.bos_token_id, since a begin-of-text token is to be added; found none.")
    }
    guard !addsEndOfText || special.endOfText != nil else {
      throw TokenizerError(
        .malformed, "Expected tokenizer.ggml.eos_token_id, since an end-of-text token is to be added; found none.")
    }

    var separates = try metadata.bool("tokenizer.ggml.add_sep_token") ?? false
    if case .wordPieces = family { separates = false }
    tokenBetween = separates ? special.separator : nil
    switch family {
    case .bytePairs(let row):
      guard let merges = try metadata.array("tokenizer.ggml.merges", of: .strings) else {
        throw TokenizerError(.missing, "Expected the merges of a byte-pair vocabulary in tokenizer.ggml.merges.")
      }
      addsSpacePrefix = false
      model = .bytePairs(
        try BytePairModel(vocabulary: vocabulary, merges: merges, row: row))
    case .sentencePieces:
      addsSpacePrefix = try metadata.bool("tokenizer.ggml.add_space_prefix") ?? true
      model = .sentencePieces(
        try SentencePieceModel(
          vocabulary: vocabulary, scores: try metadata.array("tokenizer.ggml.scores", of: .numbers),
          unknown: special.unknown))
    case .wordPieces:
      // Tokens that begin a word begin with a space.
      addsSpacePrefix = true
      model = .wordPieces(WordPieceModel(unknown: special.unknown))
    case .unigrams:
      addsSpacePrefix = try metadata.bool("tokenizer.ggml.add_space_prefix") ?? false
      model = .unigrams(
        try UnigramModel(
          vocabulary: vocabulary, scores: try metadata.array("tokenizer.ggml.scores", of: .numbers),
          unknown: special.unknown,
          characters: try CharacterMap(try metadata.array("tokenizer.ggml.precompiled_charsmap", of: .integers)),
          mergesSpaces: try metadata.bool("tokenizer.ggml.remove_extra_whitespaces") ?? false))
    }
    splitter = SpecialTokenSplitter(vocabulary: vocabulary)
    self.vocabulary = vocabulary
  }

  /// A sentence for whoever uses the model, if its answers may suffer from something in the file that is not known.
  public var warning: String? {
    unknownPreTokenizer.map {
      "The file's pre-tokenizer \($0) (tokenizer.ggml.pre) is not known; text is cut as for Llama 3, and answers may be "
        + "worse than they should."
    }
  }

  /// The values of `tokenizer.ggml.pre` that are known.
  package static var preTokenizerNames: [String] { PreTokenizerTable.names }

  /// Bytes of the longest token: a text of so many times more has more tokens.
  public var longestToken: Int { vocabulary.longestText }
  /// How many tokens there are; ids count from 0.
  public var vocabularySize: Int { vocabulary.count }
  /// The token that stands before a text.
  public var beginOfText: TokenID? { special.beginOfText }
  /// The token that stands after a text.
  public var endOfText: TokenID? { special.endOfText }
  /// The token that stands between two texts.
  public var separator: TokenID? { special.separator }
  /// The token that encoding puts last when special tokens are asked for.
  public var lastToken: TokenID? {
    if case .wordPieces = model { return separator }
    return addsEndOfText ? endOfText : nil
  }
  /// The token between two texts beside ``lastToken``, which stands behind both.
  let tokenBetween: TokenID?
  /// The token that ends one speaker's turn in a chat.
  public var endOfTurn: TokenID? { special.endOfTurn }
  /// The token that ends a message to be continued, as by a tool's answer.
  public var endOfMessage: TokenID? { special.endOfMessage }
  /// The token for what the vocabulary cannot express.
  public var unknown: TokenID? { special.unknown }
  /// The token that fills up batches.
  public var padding: TokenID? { special.padding }
  /// Every token after which generation ends, ascending.
  public var endOfGeneration: [TokenID] { special.endOfGeneration }

  /// Whether a text is one of the vocabulary's control tokens, or one that its users define.
  public func hasControlToken(_ text: StaticString) -> Bool {
    guard let id = vocabulary.id(of: text) else { return false }
    return !vocabulary.attributes[Int(id)].isDisjoint(with: [.control, .userDefined])
  }

  /// Whether a token steers the model and is no text for the reader.
  public func isControl(_ id: TokenID) -> Bool {
    vocabulary.contains(id) && !vocabulary.attributes[Int(id)].isDisjoint(with: [.control, .unknown])
  }

  /// Whether generation ends after this token: end of text, turn or message by the file, or by its text as llama.cpp
  /// recognizes it.
  public func isEndOfGeneration(_ id: TokenID) -> Bool {
    special.endOfGeneration.contains(id)
  }

  /// The tokens of `text`, which need not be valid UTF-8.
  ///
  /// - Parameters:
  ///   - addSpecial: whether to add the begin-of-text and end-of-text tokens, if the model wants them.
  ///   - parseSpecial: whether control tokens spelled out in the text become those tokens; otherwise they are plain
  ///     text, as befits what users type.
  ///   - plain: places in the text, ascending, that no token which is spelled out covers.
  public func encode(_ text: [UInt8], addSpecial: Bool, parseSpecial: Bool, plain: [Int] = []) -> [TokenID] {
    let encoding = TextEncoding(
      text, addSpecial: addSpecial, parseSpecial: parseSpecial, plain: plain, tokenizer: self)
    while !encoding.advance() {}
    return encoding.tokens
  }

  /// The text between special tokens, and the special tokens; nil while they are looked for.
  func fragments(
    of text: [UInt8], parseSpecial: Bool, plain: [Int], search: inout SpecialTokenSearch, steps: inout Int
  ) -> [TextFragment]? {
    text.withUnsafeBufferPointer {
      splitter.split(
        $0, vocabulary: vocabulary, parseSpecial: parseSpecial, plain: plain, found: &search, steps: &steps)
    }
  }

  /// Goes on with a stretch of text between special tokens.
  ///
  /// - Returns: whether all of its tokens are there.
  func advance(
    _ stretch: inout TextStretch, of text: UnsafeBufferPointer<UInt8>, followsSpecial: Bool, steps: inout Int,
    into tokens: inout [TokenID]
  ) -> Bool {
    switch model {
    case .bytePairs(let model):
      model.advance(&stretch, of: text, vocabulary: vocabulary, steps: &steps, into: &tokens)
    case .sentencePieces(let model):
      model.advance(
        &stretch, of: text, addsSpace: addsSpacePrefix && followsSpecial, vocabulary: vocabulary, steps: &steps,
        into: &tokens)
    case .wordPieces(let model):
      model.advance(&stretch, of: text, vocabulary: vocabulary, steps: &steps, into: &tokens)
    case .unigrams(let model):
      model.advance(
        &stretch, of: text, addsSpace: addsSpacePrefix, vocabulary: vocabulary, steps: &steps, into: &tokens)
    }
  }

  /// Whether a text begins with the end or the middle of a control token.
  func continues(_ text: ArraySlice<UInt8>) -> Bool {
    text.withUnsafeBufferPointer { splitter.continues($0, vocabulary) }
  }

  /// See ``SpelledTokens``.
  func look(for spelled: inout SpelledTokens, in text: [UInt8], steps: inout Int) -> Bool {
    text.withUnsafeBufferPointer { splitter.look(for: &spelled, in: $0, vocabulary: vocabulary, steps: &steps) }
  }

  /// The bytes a token adds to a text, which may be part of a character; for control tokens their name. Empty for ids
  /// outside the vocabulary and for unused ones.
  public func piece(_ id: TokenID) -> [UInt8] {
    guard vocabulary.contains(id) else { return [] }
    let text = vocabulary.text(id)
    let attributes = vocabulary.attributes[Int(id)]
    if !attributes.isDisjoint(with: [.control, .unknown, .userDefined]) { return [UInt8](text) }
    var bytes: [UInt8] = []
    if attributes.contains(.byte), let byte = SentencePieceModel.byte(named: text) {
      bytes.append(byte)
    } else if attributes.contains(.normal) {
      switch model {
      case .bytePairs(let model): model.appendBytes(of: text, to: &bytes)
      case .sentencePieces, .wordPieces, .unigrams: SentencePieceModel.appendUnescaped(text, to: &bytes)
      }
    }
    return bytes
  }

  /// The text of a whole sequence of tokens: what ``encode(_:addSpecial:parseSpecial:)`` was given.
  ///
  /// - Parameter skipsControlTokens: whether control tokens leave no trace, or appear by name.
  public func decode(_ ids: [TokenID], skipsControlTokens: Bool = true) -> [UInt8] {
    var detokenizer = Detokenizer(self, skipsControlTokens: skipsControlTokens, removesSpacePrefix: true)
    var text: [UInt8] = []
    for id in ids { text += detokenizer.append(id) }
    return text + detokenizer.finish()
  }
}
