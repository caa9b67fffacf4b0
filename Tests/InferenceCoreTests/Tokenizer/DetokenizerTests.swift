import InferenceCore
import Testing

@Suite struct DetokenizerTests {
  @Test func releasesOnlyWholeCharacters() throws {
    try withTokenizer(of: .bytePairs()) { tokenizer in
      var detokenizer = Detokenizer(tokenizer)
      let text = "aé你😀z"
      var released: [[UInt8]] = []
      for byte in text.utf8 { released.append(detokenizer.append(TokenID(byte))) }
      #expect(
        released.map { String(decoding: $0, as: UTF8.self) } == ["a", "", "é", "", "", "你", "", "", "", "😀", "z"])
      #expect(detokenizer.finish().isEmpty)
    }
  }

  /// Malformed bytes against the standard library's repair, whatever the cuts between tokens.
  @Test func replacesMalformedBytesAsUnicodeAsks() throws {
    var random = TestGenerator(state: 3)
    let alphabet: [UInt8] = [0x41, 0x80, 0xBF, 0xC0, 0xC2, 0xE0, 0xE4, 0xED, 0xA0, 0x9F, 0xF0, 0xF4, 0x90, 0xF5, 0xFF]
    try withTokenizer(of: .bytePairs()) { tokenizer in
      for _ in 0..<3000 {
        let bytes = (0..<Int.random(in: 0...9, using: &random)).map { _ in
          alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
        }
        let text = tokenizer.decode(bytes.map { TokenID($0) })
        #expect(text == Array(String(decoding: bytes, as: UTF8.self).utf8), "\(bytes)")
      }
    }
  }

  @Test func replacesAnIncompleteEndOnlyAtFinish() throws {
    try withTokenizer(of: .bytePairs()) { tokenizer in
      var detokenizer = Detokenizer(tokenizer)
      #expect(detokenizer.append(0xE4).isEmpty)
      #expect(detokenizer.append(0xBD).isEmpty)
      #expect(detokenizer.finish() == Array("\u{FFFD}".utf8))
      #expect(detokenizer.append(0xFF) == Array("\u{FFFD}".utf8))
    }
  }

  @Test func skipsControlTokensUnlessAsked() throws {
    try withTokenizer(of: .bytePairs(others: [.control("<x>"), .userDefined("<y>")])) { tokenizer in
      #expect(tokenizer.decode([97, 256, 257, 98]) == Array("a<y>b".utf8))
      #expect(tokenizer.decode([97, 256, 257, 98], skipsControlTokens: false) == Array("a<x><y>b".utf8))
    }
  }

  @Test func removesTheSpaceThatEncodingAddedOnlyAtTheStart() throws {
    let pieces = [MadeToken(text: "▁a"), MadeToken(text: "▁▁"), MadeToken(text: "a")]
    try withTokenizer(of: .sentencePieces(pieces)) { tokenizer in
      #expect(tokenizer.decode([259, 259]) == Array("a a".utf8))
      #expect(tokenizer.decode([1, 259, 261]) == Array("aa".utf8))
      #expect(tokenizer.decode([260, 261]) == Array(" a".utf8))
      #expect(tokenizer.decode([261, 259]) == Array("a a".utf8))
      // What continues a prompt keeps it.
      var detokenizer = Detokenizer(tokenizer)
      #expect(detokenizer.append(259) == Array(" a".utf8))
    }
  }
}
