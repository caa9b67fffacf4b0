import InferenceCore
import Testing

/// The rules of both tokenizers on vocabularies small enough to work out by hand.
@Suite struct TokenizerTests {
  @Test func mergesByRankThenFromTheLeft() throws {
    // "abc": "b c" has the better rank, so "a" stays alone although "a b" comes first in the text.
    try withTokenizer(of: .bytePairs(merges: ["b c", "a b", "a a"])) { tokenizer in
      #expect(tokenizer.pieces("abc") == ["a", "bc"])
      #expect(tokenizer.pieces("ab") == ["ab"])
      #expect(tokenizer.pieces("aaaaa") == ["aa", "aa", "a"])
    }
  }

  @Test func keepsMergesInsideWords() throws {
    try withTokenizer(of: .bytePairs(merges: ["Ġ b", "a Ġ"])) { tokenizer in
      #expect(tokenizer.pieces("a b") == ["a", " b"])
    }
  }

  @Test func takesWholeWordsBeforeMergesWhereThePreTokenizerSaysSo() throws {
    let merges = ["b c"]
    let others = [MadeToken(text: "abc"), MadeToken(text: "Ġabc")]
    var llama = GGUFBuilder.bytePairs(merges: merges, others: others, preTokenizer: "llama-bpe")
    llama.add("tokenizer.ggml.bos_token_id", .uint32, UInt32(0))
    try withTokenizer(of: llama) { tokenizer in
      #expect(tokenizer.pieces("abc abc abcd") == ["abc", " abc", " ", "a", "bc", "d"])
    }
    try withTokenizer(of: .bytePairs(merges: merges, others: others)) { tokenizer in
      #expect(tokenizer.pieces("abc") == ["a", "bc"])
    }
  }

  @Test func mergesPiecesByScore() throws {
    let pieces = [
      MadeToken(text: "▁", score: -9), MadeToken(text: "a", score: -9), MadeToken(text: "b", score: -9),
      MadeToken(text: "c", score: -9), MadeToken(text: "ab", score: -2), MadeToken(text: "bc", score: -1),
      MadeToken(text: "▁a", score: -3),
    ]
    try withTokenizer(of: .sentencePieces(pieces)) { tokenizer in
      #expect(tokenizer.addsSpacePrefix)
      #expect(tokenizer.pieces("abc") == [" a", "bc"])
      #expect(tokenizer.pieces("ab") == [" ", "ab"])
      #expect(tokenizer.ids("é") == [259, 3 + 0xC3, 3 + 0xA9])
      #expect(tokenizer.decode(tokenizer.ids("é a")) == Array("é a".utf8))
    }
  }

  @Test func addsNoSpaceWhereTheFileForbidsIt() throws {
    var builder = GGUFBuilder.sentencePieces([MadeToken(text: "▁"), MadeToken(text: "a")])
    builder.add("tokenizer.ggml.add_space_prefix", type: .bool, bytes: [0])
    try withTokenizer(of: builder) { tokenizer in
      #expect(tokenizer.pieces(" a") == [" ", "a"])
      #expect(tokenizer.decode(tokenizer.ids(" a")) == Array(" a".utf8))
    }
  }

  @Test func usesTheUnknownTokenForBytesWithoutOne() throws {
    let tokens = [MadeToken(text: "<unk>", type: 2), .control("<s>"), .control("</s>"), MadeToken(text: "a")]
    var builder = GGUFBuilder.vocabulary("llama", tokens)
    builder.add("tokenizer.ggml.add_space_prefix", type: .bool, bytes: [0])
    try withTokenizer(of: builder) { tokenizer in
      #expect(tokenizer.ids("aéa") == [3, 0, 0, 3])
    }
  }

  @Test func parsesControlTokensOnlyWhenAsked() throws {
    let others: [MadeToken] = [.control("<|x|>"), .control("<|x|>>"), .userDefined("user")]
    try withTokenizer(of: .bytePairs(others: others)) { tokenizer in
      #expect(tokenizer.ids("a<|x|>b", parseSpecial: true) == [97, 256, 98])
      #expect(tokenizer.pieces("<|x|>").count == 5)
      // The longest wins, and user-defined tokens are always found.
      #expect(tokenizer.ids("<|x|>>user", parseSpecial: true) == [257, 258])
      #expect(tokenizer.ids("user") == [258])
    }
  }

  @Test func placesLongSpecialTokensBeforeShortOnes() throws {
    let others: [MadeToken] = [.control("ab"), .control("bcd"), .control("cd")]
    try withTokenizer(of: .bytePairs(others: others)) { tokenizer in
      #expect(tokenizer.ids("abcd", parseSpecial: true) == [97, 257])
      #expect(tokenizer.ids("abab", parseSpecial: true) == [256, 256])
      #expect(tokenizer.ids("xcdx", parseSpecial: true) == [120, 258, 120])
    }
  }

  @Test func addsTheTokensThatTheFileAsksFor() throws {
    var builder = GGUFBuilder.bytePairs(others: [.control("<s>"), .control("<e>")])
    builder.add("tokenizer.ggml.bos_token_id", .uint32, UInt32(256))
    builder.add("tokenizer.ggml.eos_token_id", .uint32, UInt32(257))
    builder.add("tokenizer.ggml.add_bos_token", type: .bool, bytes: [1])
    builder.add("tokenizer.ggml.add_eos_token", type: .bool, bytes: [1])
    try withTokenizer(of: builder) { tokenizer in
      #expect(tokenizer.encode([97], addSpecial: true, parseSpecial: false) == [256, 97, 257])
      #expect(tokenizer.encode([], addSpecial: true, parseSpecial: false) == [256, 257])
      #expect(tokenizer.encode([97], addSpecial: false, parseSpecial: false) == [97])
    }
  }

  @Test func stripsWhitespaceAfterPhi3sTokens() throws {
    var builder = GGUFBuilder.sentencePieces([MadeToken(text: "a"), .control("<|user|>")])
    builder.add("general.name", "Phi-3-mini")
    builder.add("tokenizer.ggml.add_space_prefix", type: .bool, bytes: [0])
    try withTokenizer(of: builder) { tokenizer in
      let mark: [TokenID] = [3 + 0xE2, 3 + 0x96, 3 + 0x81]
      #expect(tokenizer.ids("<|user|> \n a</s>  a<s> a", parseSpecial: true) == [260, 259, 2, 259, 1] + mark + [259])
    }
  }

  @Test func knowsTheEndsOfGenerationByIDAndByText() throws {
    let others: [MadeToken] = [
      .control("<end>"), MadeToken(text: "<|im_end|>"), .control("<|eom_id|>"), .control("<x>"),
    ]
    var builder = GGUFBuilder.bytePairs(others: others)
    builder.add("tokenizer.ggml.eos_token_id", .uint32, UInt32(256))
    try withTokenizer(of: builder) { tokenizer in
      #expect(tokenizer.endOfGeneration == [256, 257, 258])
      #expect(tokenizer.endOfText == 256)
      #expect(tokenizer.endOfTurn == 257)
      #expect(tokenizer.endOfMessage == 258)
      #expect(tokenizer.isEndOfGeneration(257) && !tokenizer.isEndOfGeneration(259))
      // A token that looks like control is one, whatever its type.
      #expect(tokenizer.isControl(257) && tokenizer.isControl(259) && !tokenizer.isControl(97))
      #expect(!tokenizer.isControl(-1) && !tokenizer.isControl(1000))
      #expect(tokenizer.piece(-1).isEmpty && tokenizer.piece(1000).isEmpty)
    }
  }

  @Test func ignoresSpecialIDsOutsideTheVocabulary() throws {
    var builder = GGUFBuilder.bytePairs()
    builder.add("tokenizer.ggml.bos_token_id", .int32, Int32(-1))
    builder.add("tokenizer.ggml.eos_token_id", .uint32, UInt32.max)
    try withTokenizer(of: builder) { tokenizer in
      #expect(tokenizer.beginOfText == nil && tokenizer.endOfText == nil && tokenizer.endOfGeneration.isEmpty)
    }
  }
}
