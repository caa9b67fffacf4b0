/// The tokens with a role of their own, from the file's metadata and, as llama.cpp has it, from their texts.
struct SpecialTokens {
  let beginOfText: TokenID?
  let endOfText: TokenID?
  let endOfTurn: TokenID?
  let endOfMessage: TokenID?
  let unknown: TokenID?
  let padding: TokenID?
  /// What stands between texts, and in WordPiece behind the last.
  let separator: TokenID?
  /// Ascending.
  let endOfGeneration: [TokenID]

  /// Finds the roles, and marks as control tokens those that are known by their text whatever the file says.
  init(
    _ metadata: TokenizerMetadata, family: TokenizerFamily, vocabulary: inout Vocabulary
  ) throws(TokenizerError) {
    let standard = family.standardIDs
    let size = vocabulary.count
    func id(_ key: GGUFKey, default standard: TokenID? = nil) throws(TokenizerError) -> TokenID? {
      let fallback = standard.flatMap { Int($0) < size ? $0 : nil }
      // An id outside the vocabulary, often -1, means none.
      guard let value = try metadata.int(key), value >= 0, value < Int64(size) else { return fallback }
      return TokenID(value)
    }
    beginOfText = try id("tokenizer.ggml.bos_token_id", default: standard.beginOfText)
    endOfText = try id("tokenizer.ggml.eos_token_id", default: standard.endOfText)
    unknown = try id("tokenizer.ggml.unknown_token_id", default: standard.unknown)
    padding = try id("tokenizer.ggml.padding_token_id")
    // The key is spelled so.
    separator = try id("tokenizer.ggml.seperator_token_id", default: standard.separator)

    /// The token that the file names for a role, or else the first of `texts` that is a token, made a control token.
    func role(_ key: GGUFKey, _ texts: [StaticString]) throws(TokenizerError) -> TokenID? {
      if let named = try id(key) { return named }
      for text in texts {
        if let found = vocabulary.id(of: text) {
          vocabulary.attributes[Int(found)].insert(.control)
          return found
        }
      }
      return nil
    }
    endOfTurn = try role("tokenizer.ggml.eot_token_id", Self.endOfTurnTexts)
    endOfMessage = try role("tokenizer.ggml.eom_token_id", ["<|eom_id|>"])
    // Of the fill-in-the-middle tokens, these three end generation; the others only count as control tokens.
    let fillPadding = try role("tokenizer.ggml.fim_pad_token_id", Self.fillPaddingTexts)
    let fillRepository = try role("tokenizer.ggml.fim_rep_token_id", Self.fillRepositoryTexts)
    let fillSeparator = try role("tokenizer.ggml.fim_sep_token_id", ["<|file_sep|>"])
    _ = try role("tokenizer.ggml.fim_pre_token_id", Self.fillPrefixTexts)
    _ = try role("tokenizer.ggml.fim_suf_token_id", Self.fillSuffixTexts)
    _ = try role("tokenizer.ggml.fim_mid_token_id", Self.fillMiddleTexts)

    var ends: [TokenID] = []
    for case let token? in [endOfText, endOfTurn, endOfMessage, fillPadding, fillRepository, fillSeparator] {
      ends.append(token)
    }
    for text in Self.endOfGenerationTexts {
      if let found = vocabulary.id(of: text) {
        vocabulary.attributes[Int(found)].insert(.control)
        ends.append(found)
      }
    }
    ends.sort()
    var distinct: [TokenID] = []
    for end in ends where distinct.last != end { distinct.append(end) }
    endOfGeneration = distinct

    if let name = try metadata.string("general.name"), Self.isPhi3(name) {
      Self.stripRight(&vocabulary)
    }
  }

  private static let endOfTurnTexts: [StaticString] = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<EOT>", "_<EOT>",
    "[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>",
  ]
  private static let endOfGenerationTexts: [StaticString] = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
    "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
    "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[",
  ]
  private static let fillPrefixTexts: [StaticString] = [
    "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>", "▁<PRE>", "<|code_prefix|>",
    "<|prefix|>",
  ]
  private static let fillSuffixTexts: [StaticString] = [
    "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>", "▁<SUF>", "<|code_suffix|>",
    "<|suffix|>",
  ]
  private static let fillMiddleTexts: [StaticString] = [
    "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>", "▁<MID>", "<|code_middle|>",
    "<|middle|>",
  ]
  private static let fillPaddingTexts: [StaticString] = ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"]
  private static let fillRepositoryTexts: [StaticString] = [
    "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>",
  ]

  /// Whether a model's name contains `phi-3` or `phi3`, in any case.
  private static func isPhi3(_ name: UnsafeRawBufferPointer) -> Bool {
    func spells(_ text: StaticString, at start: Int) -> Bool {
      guard start + text.utf8CodeUnitCount <= name.count else { return false }
      for offset in 0..<text.utf8CodeUnitCount {
        let byte = name[start + offset]
        let lower = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
        if lower != text.utf8Start[offset] { return false }
      }
      return true
    }
    return name.indices.contains { spells("phi-3", at: $0) || spells("phi3", at: $0) }
  }

  /// Phi-3's tokenizer drops whitespace after its added tokens; GGUF has no field for that, so llama.cpp knows it.
  private static func stripRight(_ vocabulary: inout Vocabulary) {
    for id in 0..<vocabulary.count
    where !vocabulary.attributes[id].isDisjoint(with: [.control, .unknown, .userDefined]) {
      vocabulary.attributes[id].insert(.stripsRight)
    }
    let exempt: [StaticString] = ["<unk>", "<s>", "<|endoftext|>"]
    for text in exempt {
      if let id = vocabulary.id(of: text) { vocabulary.attributes[Int(id)].remove(.stripsRight) }
    }
  }
}
