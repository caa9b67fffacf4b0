import Foundation
import InferenceCore
import Testing

/// Long texts become tokens in slices.
// Needs the vocabularies beside the project.
@Suite(.enabled(if: TestFiles.hasData)) struct TextEncodingTests {
  private static let texts: [String] = [
    "", "a", "  Hello, world! 12345 it's<|im_end|>\r\n\n\tdone  ",
    String(repeating: "Grüße an 漢字 🙂 und 1234567 Zahlen, <|im_start|>they're\n  here. ", count: 20),
    String(repeating: "a", count: 3000), String(repeating: " ", count: 500), String(repeating: "12345", count: 200),
  ]

  private func withVocabulary(_ name: String, _ body: (Tokenizer) throws -> Void) throws {
    let directory = try #require(TestFiles.data).appendingPathComponent("vocab")
    try withTokenizer(of: directory.appendingPathComponent("ggml-vocab-\(name).gguf"), body)
  }

  @Test(arguments: VocabularyParityTests.names)
  func slicesOfAnySizeGiveTheSameTokens(_ name: String) throws {
    try withVocabulary(name) { tokenizer in
      for text in Self.texts.map({ Array($0.utf8) }) {
        for parsesSpecial in [false, true] {
          let whole = tokenizer.encode(text, addSpecial: true, parseSpecial: parsesSpecial)
          for steps in [1, 2, 7, 100, 4096] {
            let encoding = TextEncoding(
              text, addSpecial: true, parseSpecial: parsesSpecial, tokenizer: tokenizer)
            while !encoding.advance(steps: steps) {}
            #expect(encoding.tokens == whole, "\(steps) steps")
            #expect(encoding.advance(steps: steps) && encoding.tokens == whole)
          }
        }
      }
    }
  }

  /// Also where the text is one word, which merges as a whole.
  @Test(arguments: VocabularyParityTests.names)
  func aSliceIsShortWhateverTheText(_ name: String) throws {
    try withVocabulary(name) { tokenizer in
      for text in ["a", " ", "word "] {
        let bytes = Array(String(repeating: text, count: (1 << 18) / text.utf8.count).utf8)
        let encoding = TextEncoding(bytes, addSpecial: false, parseSpecial: true, tokenizer: tokenizer)
        var slices = 1
        while !encoding.advance(steps: 5000) { slices += 1 }
        // Looking up the pairs of one word takes 52; whole words that are tokens take a step for each byte.
        #expect(slices > (text == "word " ? 50 : 60) || encoding.tokens.count == bytes.count, "of \(text)")
      }
    }
  }
}

/// The same with made vocabularies, which are always there.
@Suite struct MadeTextEncodingTests {
  private static let merges = ["a b", "ab ab", "abab abab", "b a", "1 2", "Ġ ab"]

  @Test(arguments: [
    "gpt-2", "smollm", "dbrx", "qwen2", "default", "gpt-4o", "afmoe", "deepseek-llm", "superbpe", "jais-2",
  ])
  func wordsAreCutAnywhereAndMergeTheSame(preTokenizer: String) throws {
    try withTokenizer(of: .bytePairs(merges: Self.merges, preTokenizer: preTokenizer)) { tokenizer in
      for text in [
        "abababab", "ab ab abab 1212 12.12 ab", String(repeating: "ab", count: 333), "ba ba bababab\n\n12121",
      ] {
        let bytes = Array(text.utf8)
        let whole = tokenizer.encode(bytes, addSpecial: false, parseSpecial: false)
        #expect(tokenizer.decode(whole) == bytes)
        for steps in [0, 1, 2, 3, 50] {
          let encoding = TextEncoding(bytes, addSpecial: false, parseSpecial: false, tokenizer: tokenizer)
          while !encoding.advance(steps: steps) {}
          #expect(encoding.tokens == whole, "\(steps) steps")
        }
      }
      // 256 bytes, then what the merges form: eight letters are the third of them.
      #expect(tokenizer.encode(Array("abababab".utf8), addSpecial: false, parseSpecial: false) == [258])
    }
  }

  @Test func wordsOfCharactersAreCutAnywhereAndMergeTheSame() throws {
    var tokens = ["a", "b", "▁", "é", "ab", "▁a", "▁ab", "\n\n"].map { MadeToken(text: $0) } + [.control("<s>")]
    for byte in 0..<256 {
      let hex = String(byte, radix: 16, uppercase: true)
      tokens.append(MadeToken(text: "<0x\(byte < 16 ? "0" : "")\(hex)>", type: 6))
    }
    var builder = GGUFBuilder.vocabulary("gemma4", tokens)
    builder.add("tokenizer.ggml.merges", ["a b", "▁ a", "▁ ab"])
    builder.add("tokenizer.ggml.bos_token_id", .uint32, UInt32(8))
    try withTokenizer(of: builder) { tokenizer in
      let ids: [TokenID] = [6, 2, 1, 0]
      #expect(tokenizer.ids(" ab ba") == ids)
      // A word of line feeds stays whole if it is a token, and characters that are none are spelled by byte.
      let spelled: [TokenID] = [0, 7, 3, 19, 204, 168]
      #expect(tokenizer.ids("a\n\né\nß") == spelled)
      let texts: [[UInt8]] = [
        Array(" ab ba\n\n\n x é ß\u{0}你好  ab".utf8), Array(String(repeating: "ab ", count: 300).utf8), [97, 255, 32],
      ]
      for text in texts {
        let whole = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
        #expect(whole.flatMap { tokenizer.piece($0) } == text)
        for steps in [0, 1, 2, 3, 50] {
          let encoding = TextEncoding(text, addSpecial: false, parseSpecial: false, tokenizer: tokenizer)
          while !encoding.advance(steps: steps) {}
          #expect(encoding.tokens == whole, "\(steps) steps")
        }
      }
    }
  }

  @Test func piecesAreCutAnywhereAndMergeTheSame() throws {
    let pieces = [("ab", -1), ("abab", -2), ("▁", -3), ("▁ab", -4), ("a", -9), ("b", -9)] as [(String, Float)]
    try withTokenizer(of: .sentencePieces(pieces.map { MadeToken(text: $0.0, score: $0.1) })) { tokenizer in
      for text in ["abab ab", String(repeating: "ab", count: 333), "xyz é ab"] {
        let bytes = Array(text.utf8)
        let whole = tokenizer.encode(bytes, addSpecial: false, parseSpecial: false)
        for steps in [0, 1, 2, 3, 50] {
          let encoding = TextEncoding(bytes, addSpecial: false, parseSpecial: false, tokenizer: tokenizer)
          while !encoding.advance(steps: steps) {}
          #expect(encoding.tokens == whole, "\(steps) steps")
        }
      }
    }
  }

  /// Also where a control token begins with a blank, as a file may have it.
  @Test(arguments: [false, true])
  func whatATextSpellsOutIsFoundInSlicesToo(joins: Bool) throws {
    let others: [MadeToken] = [.control("<|end|>"), .control(" <|x|>"), .userDefined("<tool>")]
    try withTokenizer(of: .bytePairs(others: others)) { tokenizer in
      for text in [
        "<|end|>", "  <|x|> a", "   |end|> b <|e", " \n", "x|> <|en", "<tool>", String(repeating: "< ", count: 3000),
      ] {
        let bytes = Array(text.utf8)
        var steps = Int.max
        var whole = SpelledTokens(in: bytes, joins: joins, tokenizer: tokenizer)
        let isThrough = whole.advance(steps: &steps)
        #expect(isThrough)
        #expect(zip(whole.places, whole.places.dropFirst()).allSatisfy { $0 <= $1 }, "of \(text)")
        var cut = SpelledTokens(in: bytes, joins: joins, tokenizer: tokenizer)
        var slices = 0
        repeat {
          steps = 100
          slices += 1
        } while !cut.advance(steps: &steps)
        #expect(cut.places == whole.places && slices >= text.utf8.count / 1024)
      }
    }
  }
}
