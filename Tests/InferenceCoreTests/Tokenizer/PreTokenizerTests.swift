import InferenceCore
import Testing

@Suite struct PreTokenizerTests {
  struct Example: CustomTestStringConvertible {
    let scanner: PreTokenizer
    let text: String
    let words: [String]
    var testDescription: String { "\(scanner): \(text.debugDescription)" }
  }

  static let examples: [Example] = [
    // GPT-2.
    Example(scanner: .gpt2, text: "Hello world's end", words: ["Hello", " world", "'s", " end"]),
    Example(scanner: .gpt2, text: "I'll I'LL we've'd", words: ["I", "'ll", " I", "'", "LL", " we", "'ve", "'d"]),
    Example(scanner: .gpt2, text: "x 123abc 45", words: ["x", " 123", "abc", " 45"]),
    Example(scanner: .gpt2, text: "a   b", words: ["a", "  ", " b"]),
    Example(scanner: .gpt2, text: "a   ", words: ["a", "   "]),
    Example(scanner: .gpt2, text: "a\n\nb\tc", words: ["a", "\n", "\n", "b", "\t", "c"]),
    Example(scanner: .gpt2, text: " (x)!? ", words: [" (", "x", ")!?", " "]),
    Example(scanner: .gpt2, text: "a\u{A0}\u{3000}b", words: ["a", "\u{A0}", "\u{3000}", "b"]),
    Example(scanner: .gpt2, text: "e\u{301}x ½²", words: ["e", "\u{301}", "x", " ½²"]),
    Example(scanner: .gpt2, text: "'", words: ["'"]),
    Example(scanner: .gpt2, text: "'l", words: ["'", "l"]),
    // SmolLM: digits apart before anything else, so that spaces before a digit stay together.
    Example(scanner: .smollm, text: "a  12 b3c", words: ["a", "  ", "1", "2", " b", "3", "c"]),
    Example(scanner: .smollm, text: "it's 4٣", words: ["it", "'s", " ", "4", "٣"]),
    Example(scanner: .smollm, text: "   x", words: ["  ", " x"]),
    // Llama 3.
    Example(scanner: .llama3, text: "I'LL don'T", words: ["I", "'LL", " don", "'T"]),
    Example(scanner: .llama3, text: "12345 1", words: ["123", "45", " ", "1"]),
    Example(scanner: .llama3, text: "(x) $y\tz", words: ["(x", ")", " $", "y", "\tz"]),
    Example(scanner: .llama3, text: "a.\n\n  b", words: ["a", ".\n\n", " ", " b"]),
    Example(scanner: .llama3, text: "a \n \n b", words: ["a", " \n \n", " b"]),
    Example(scanner: .llama3, text: "x\r\n", words: ["x", "\r\n"]),
    Example(scanner: .llama3, text: "a  ", words: ["a", "  "]),
    Example(scanner: .llama3, text: "\nword", words: ["\n", "word"]),
    Example(scanner: .llama3, text: " ", words: [" "]),
    Example(scanner: .llama3, text: "!word !!word", words: ["!word", " !!", "word"]),
    // Qwen 2 differs in digits.
    Example(scanner: .qwen2, text: "12 a1", words: ["1", "2", " a", "1"]),
    Example(scanner: .qwen2, text: "He'S\n9", words: ["He", "'S", "\n", "9"]),
    // llama.cpp's default.
    Example(scanner: .standard, text: "don't (x)", words: ["don", "'", "t", " ", "(", "x", ")"]),
    Example(scanner: .standard, text: "a 1234567", words: ["a", " ", "123", "456", "7"]),
    Example(scanner: .standard, text: "1٢345٦", words: ["1٢", "345", "٦"]),
    Example(scanner: .standard, text: "x<=y ~ €5 `q", words: ["x", "<=", "y", " ", "~", " €", "5", " `", "q"]),
    // Nothing at all.
    Example(scanner: .gpt2, text: "", words: []),
    Example(scanner: .standard, text: "", words: []),
  ]

  @Test(arguments: examples)
  func cutsTextAsTheExpressionDoes(_ example: Example) {
    #expect(words(Array(example.text.utf8), example.scanner) == example.words.map { Array($0.utf8) })
  }

  /// Words are never empty and make up the text, whatever the bytes.
  @Test(arguments: [PreTokenizer.gpt2, .smollm, .llama3, .qwen2, .standard])
  func losesNoByte(_ scanner: PreTokenizer) {
    var random = TestGenerator(state: 11)
    let alphabet: [UInt8] = Array(" \t\n\r'sSlLtaZ019.,($~".utf8) + [0, 0x80, 0xC3, 0xA9, 0xE4, 0xBD, 0xA0, 0xF0, 0xFF]
    for _ in 0..<2000 {
      let text = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
      }
      let words = words(text, scanner)
      #expect(words.allSatisfy { !$0.isEmpty })
      #expect(words.flatMap { $0 } == text)
    }
  }

  private func words(_ text: [UInt8], _ scanner: PreTokenizer) -> [[UInt8]] {
    var words: [[UInt8]] = []
    text.withUnsafeBufferPointer { text in
      var cursor = WordCursor()
      while let word = scanner.nextWord(in: text, classes: CharacterClasses(), after: &cursor) {
        words.append(Array(word))
      }
    }
    return words
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
    default: return .other
    }
  }
}
