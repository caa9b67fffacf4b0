import Foundation
import InferenceCore
import Testing

@Suite struct PreTokenizerTests {
  struct Example: CustomTestStringConvertible {
    let rule: PreTokenizerRule
    let text: String
    let words: [String]
    var testDescription: String { "\(rule): \(text.debugDescription)" }
  }

  static let examples: [Example] = [
    // GPT-2.
    Example(rule: .gpt2, text: "Hello world's end", words: ["Hello", " world", "'s", " end"]),
    Example(rule: .gpt2, text: "I'll I'LL we've'd", words: ["I", "'ll", " I", "'", "LL", " we", "'ve", "'d"]),
    Example(rule: .gpt2, text: "x 123abc 45", words: ["x", " 123", "abc", " 45"]),
    Example(rule: .gpt2, text: "a   b", words: ["a", "  ", " b"]),
    Example(rule: .gpt2, text: "a   ", words: ["a", "   "]),
    Example(rule: .gpt2, text: "a\n\nb\tc", words: ["a", "\n", "\n", "b", "\t", "c"]),
    Example(rule: .gpt2, text: " (x)!? ", words: [" (", "x", ")!?", " "]),
    Example(rule: .gpt2, text: "a\u{A0}\u{3000}b", words: ["a", "\u{A0}", "\u{3000}", "b"]),
    Example(rule: .gpt2, text: "e\u{301}x ½²", words: ["e", "\u{301}", "x", " ½²"]),
    Example(rule: .gpt2, text: "'", words: ["'"]),
    Example(rule: .gpt2, text: "'l", words: ["'", "l"]),
    // SmolLM: digits apart before anything else, so that spaces before a digit stay together.
    Example(rule: .singleDigits, text: "a  12 b3c", words: ["a", "  ", "1", "2", " b", "3", "c"]),
    Example(rule: .singleDigits, text: "it's 4٣", words: ["it", "'s", " ", "4", "٣"]),
    Example(rule: .singleDigits, text: "   x", words: ["  ", " x"]),
    // Llama 3.
    Example(rule: .llama3, text: "I'LL don'T", words: ["I", "'LL", " don", "'T"]),
    Example(rule: .llama3, text: "12345 1", words: ["123", "45", " ", "1"]),
    Example(rule: .llama3, text: "(x) $y\tz", words: ["(x", ")", " $", "y", "\tz"]),
    Example(rule: .llama3, text: "a.\n\n  b", words: ["a", ".\n\n", " ", " b"]),
    Example(rule: .llama3, text: "a \n \n b", words: ["a", " \n \n", " b"]),
    Example(rule: .llama3, text: "x\r\n", words: ["x", "\r\n"]),
    Example(rule: .llama3, text: "a  ", words: ["a", "  "]),
    Example(rule: .llama3, text: "\nword", words: ["\n", "word"]),
    Example(rule: .llama3, text: " ", words: [" "]),
    Example(rule: .llama3, text: "!word !!word", words: ["!word", " !!", "word"]),
    // Qwen 2 differs in digits.
    Example(rule: .qwen2, text: "12 a1", words: ["1", "2", " a", "1"]),
    Example(rule: .qwen2, text: "He'S\n9", words: ["He", "'S", "\n", "9"]),
    // llama.cpp's default.
    Example(rule: .standard, text: "don't (x)", words: ["don", "'", "t", " ", "(", "x", ")"]),
    Example(rule: .standard, text: "a 1234567", words: ["a", " ", "123", "456", "7"]),
    Example(rule: .standard, text: "1٢345٦", words: ["1٢", "345", "٦"]),
    Example(rule: .standard, text: "x<=y ~ €5 `q", words: ["x", "<=", "y", " ", "~", " €", "5", " `", "q"]),
    // What the others do otherwise.
    Example(rule: .qwen35, text: "क्ष e\u{301}", words: ["क्ष", " e\u{301}"]),
    Example(rule: .ufakzeka, text: "it's", words: ["it", "'s"]),
    Example(rule: .ufakzeka, text: "it'suf", words: ["it", "'suf"]),
    Example(rule: .seedCoder, text: "a.\n\nb", words: ["a", ".", "\n\n", "b"]),
    Example(rule: .miniCPM5, text: "12345", words: ["123", "45"]),
    Example(
      rule: .jais2, text: "a" + String(repeating: " ", count: 43) + "b",
      words: ["a", String(repeating: " ", count: 32), String(repeating: " ", count: 8), "  ", " b"]),
    Example(rule: .jais2, text: "a   \n  b", words: ["a", "   \n", " ", " b"]),
    Example(rule: .k2Horizon, text: "می\u{200C}خواهم it'ſ", words: ["می\u{200C}خواهم", " it", "'ſ"]),
    Example(rule: .exaoneMoE, text: "a b c  d", words: ["a b c", " ", " d"]),
    Example(rule: .exaoneMoE, text: "x./\ny", words: ["x", "./\n", "y"]),
    Example(rule: .exaoneMoE, text: "x.\n\ny", words: ["x", ".\n", "\n", "y"]),
    Example(rule: .laguna, text: "a \n\n b", words: ["a", " ", "\n\n", " b"]),
    Example(rule: .deepSeekLLM, text: "ab 你好x 12  ", words: ["ab", " ", "你好", "x", " ", "12", "  "]),
    Example(rule: .deepSeekCoder, text: "ab 12!?", words: ["ab", " ", "1", "2", "!?"]),
    Example(rule: .deepSeekV3, text: "x.py 1234你好", words: ["x", ".py", " ", "123", "4", "你好"]),
    Example(rule: .afmoe, text: "ab1234567 12", words: ["ab", "1", "234", "567", " ", "12"]),
    Example(rule: .bloom, text: "Hi, you (there)", words: ["Hi", ",", " you", " (", "there", ")"]),
    Example(rule: .viking, text: "a12", words: ["a", "1", "2"]),
    Example(rule: .tekken, text: "camelCaseHTTPServer ÄBc", words: ["camel", "Case", "HTTPServer", " ÄBc"]),
    Example(rule: .tekken, text: "ÄAB x/\n/", words: ["Ä", "AB", " x", "/\n/"]),
    Example(rule: .gpt4o, text: "it's IT'S 1234", words: ["it's", " IT'S", " ", "123", "4"]),
    Example(rule: .graniteEmbedding, text: "\u{301}AB", words: ["\u{301}", "AB"]),
    Example(rule: .tinyAya, text: "1234567", words: ["1", "234", "567"]),
    Example(rule: .youtu, text: "한국어、，中文ab", words: ["한국어", "、，", "中文", "ab"]),
    Example(rule: .kimiK2, text: "中文ab'S cd，中", words: ["中文", "ab'S", " cd", "，", "中"]),
    Example(rule: .superBPE, text: "by the way 1234567 x", words: ["by the way ", "1", "234", "567", " x"]),
    Example(
      rule: .chameleon, text: "<sentinel:1>IMGIMGABZ   .",
      words: ["<", "sentinel", ":", "1", ">", "IMGIMGABZ", "  ", " ", "."]),
    Example(rule: .lines, text: "a b\n\nc\r\n", words: ["a b", "\n\n", "c\r", "\n"]),
    // Nothing at all.
    Example(rule: .gpt2, text: "", words: []),
    Example(rule: .standard, text: "", words: []),
  ]

  @Test(arguments: examples)
  func cutsTextAsTheExpressionDoes(_ example: Example) {
    #expect(words(Array(example.text.utf8), PreTokenizer(example.rule)) == example.words.map { Array($0.utf8) })
  }

  /// Words are never empty and make up the text, whatever the bytes.
  @Test(arguments: PreTokenizerRule.allCases)
  func losesNoByte(_ rule: PreTokenizerRule) {
    var random = TestGenerator(state: 11)
    let preTokenizer = PreTokenizer(rule)
    let alphabet: [UInt8] =
      Array(" \t\n\r'sSlLtaZ019.,($~/<IMGé你\u{301}\u{200D}".utf8) + [0, 0x80, 0xC3, 0xE4, 0xF0, 0xFF]
    for _ in 0..<2000 {
      let text = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      let words = words(text, preTokenizer)
      #expect(words.allSatisfy { !$0.isEmpty })
      #expect(words.flatMap { $0 } == text)
    }
  }

  /// A byte that is no text counts as a symbol does, and NUL as other controls.
  @Test(arguments: PreTokenizerRule.allCases)
  func takesInvalidBytesForSymbols(_ rule: PreTokenizerRule) {
    let preTokenizer = PreTokenizer(rule)
    for (bytes, like) in [([0xFF], "\u{FFFD}"), ([0x80], "\u{FFFD}"), ([0], "\u{1}")] as [([UInt8], String)] {
      for (before, after) in [("a", "b"), (" ", "\n"), ("1", "!"), ("é", " "), ("", "")] {
        let found = words(Array(before.utf8) + bytes + Array(after.utf8), preTokenizer)
        let expected = words(Array((before + like + after).utf8), preTokenizer)
        #expect(found.count == expected.count)
        #expect(found.first?.count == expected.first.map { $0.count - ($0.contains(0xBF) ? 2 : 0) })
      }
    }
  }

  /// Texts of one long run, in which looking ahead from every place would take hours.
  @Test(.timeLimit(.minutes(1)), arguments: PreTokenizerRule.allCases)
  func takesLinearTime(_ rule: PreTokenizerRule) {
    let preTokenizer = PreTokenizer(rule)
    let parts = [
      "a", "A", "É", "ÉA", "AÉ", " ", "\n", "\r\n", " \n", "\t", "\u{3000}", "7", "٣", "7٣", "!", "'", "''s", "\u{301}",
      "你", "a ", " a", "<sentinel:1", "<sentinel:", "IMGIMGA", "\u{0}", "\u{200D}", "/", "€", "$ ",
    ]
    for part in parts.map({ Array($0.utf8) }) + [[0xFF], [0xE4, 0xBD]] {
      for end in ["", "x"] {
        let text = Array(repeatElement(part, count: (1 << 18) / part.count).joined()) + Array(end.utf8)
        var count = 0
        text.withUnsafeBufferPointer { text in
          var cursor = WordCursor()
          while let word = preTokenizer.nextWord(in: text, after: &cursor) { count += word.count }
        }
        #expect(count == text.count)
      }
    }
  }

  private func words(_ text: [UInt8], _ preTokenizer: PreTokenizer) -> [[UInt8]] {
    var words: [[UInt8]] = []
    text.withUnsafeBufferPointer { text in
      var cursor = WordCursor()
      while let word = preTokenizer.nextWord(in: text, after: &cursor) {
        words.append(Array(word))
      }
    }
    return words
  }
}

/// The names of `tokenizer.ggml.pre`.
@Suite struct PreTokenizerNameTests {
  /// The parity tests hold every name of their list to llama.cpp.
  @Test func areThoseThatTheParityTestsTry() throws {
    let list = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Parity/pre_tokenizers.txt")
    let tried = try String(contentsOf: list, encoding: .utf8).split(separator: "\n").map(String.init)
    #expect(Tokenizer.preTokenizerNames == tried)
    #expect(Set(tried).count == tried.count)
  }

  @Test func everyNameIsTaken() throws {
    for name in Tokenizer.preTokenizerNames where name != "gemma4" {
      var builder = GGUFBuilder.bytePairs(others: [.control("<s>")], preTokenizer: name)
      builder.add("tokenizer.ggml.bos_token_id", .uint32, UInt32(256))
      try withTokenizer(of: builder) { tokenizer in
        #expect(tokenizer.unknownPreTokenizer == nil && tokenizer.warning == nil, "\(name)")
      }
    }
  }

  @Test func oneThatIsUnknownIsReadByTheCommonRuleAndSaysSo() throws {
    try withTokenizer(of: .bytePairs(merges: ["1 2", "12 3", ". Ċ"], preTokenizer: "wonder")) { tokenizer in
      #expect(tokenizer.pieces("1231.\n") == ["123", "1", ".\n"])
      #expect(tokenizer.unknownPreTokenizer == "“wonder”")
      #expect(tokenizer.warning?.contains("wonder") == true)
      #expect(!tokenizer.addsBeginOfText)
    }
    // Part of a name and several names are none.
    for name in ["", "gpt", "gpt-2 phi-2", " "] {
      try withTokenizer(of: .bytePairs(preTokenizer: name)) { #expect($0.unknownPreTokenizer != nil, "\(name)") }
    }
  }

  @Test func someBeginTextsUnlessOrWhateverTheFileSays() throws {
    func begins(_ name: String, _ asked: Bool?) throws -> Bool {
      var builder = GGUFBuilder.bytePairs(others: [.control("<s>")], preTokenizer: name)
      builder.add("tokenizer.ggml.bos_token_id", .uint32, UInt32(256))
      if let asked { builder.add("tokenizer.ggml.add_bos_token", type: .bool, bytes: [asked ? 1 : 0]) }
      return try withTokenizer(of: builder) { $0.encode([97], addSpecial: true, parseSpecial: false).first == 256 }
    }
    for (name, expected) in [
      ("gpt-2", [false, false, true]), ("tekken", [true, false, true]), ("gemma4", [true, true, true]),
    ] as [(String, [Bool])] {
      let found = [try begins(name, nil), try begins(name, false), try begins(name, true)]
      #expect(found == expected, "\(name)")
    }
  }
}

@Suite struct CharacterClassesTests {
  /// The generated table against the toolchain's Unicode data, for every code point that the table knows.
  @Test func agreesWithTheToolchain() {
    let classes = CharacterClasses()
    var checked = 0
    var different = 0
    for value in UInt32(0)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value), let age = scalar.properties.age, age <= (15, 1) else { continue }
      checked += 1
      if classes[value] != expectedClass(scalar) { different += 1 }
    }
    #expect(checked > 280_000)
    #expect(different == 0)
  }

  @Test(arguments: [UInt32(0x378), 0xD800, 0xFFFF, 0x10FFFF, 0x110000, .max])
  func treatsTheUnassignedAsOther(_ value: UInt32) {
    #expect(CharacterClasses()[value] == .other)
  }

  private func expectedClass(_ scalar: Unicode.Scalar) -> CharacterClass {
    if scalar.properties.isWhitespace { return .whitespace }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return .punctuation
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return .symbol
    case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
    default: return .other
    }
  }
}
