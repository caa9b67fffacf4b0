import Foundation
import InferenceCore
import Testing

/// Real vocabularies with text that nobody writes.
// Needs the vocabularies beside the project.
@Suite(.enabled(if: TestFiles.hasData)) struct TokenizerExtremesTests {
  static let names = VocabularyParityTests.names

  private func withVocabulary(_ name: String, _ body: (Tokenizer) throws -> Void) throws {
    let directory = try #require(TestFiles.data).appendingPathComponent("vocab")
    try withTokenizer(of: directory.appendingPathComponent("ggml-vocab-\(name).gguf"), body)
  }

  /// Quadratic merging would take hours for these.
  @Test(.timeLimit(.minutes(5)), arguments: names)
  func encodesAMegabyteOfOneCharacter(_ name: String) throws {
    try withVocabulary(name) { tokenizer in
      for byte in "a ".utf8 {
        let text = [UInt8](repeating: byte, count: 1 << 20)
        let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: true)
        #expect(ids.count <= text.count + 1)
        #expect(tokenizer.decode(ids) == text)
      }
    }
  }

  @Test(.timeLimit(.minutes(5)), arguments: names)
  func encodesAHundredThousandSpaces(_ name: String) throws {
    try withVocabulary(name) { tokenizer in
      let text = [UInt8](repeating: 0x20, count: 100_000) + Array("end".utf8)
      let ids = tokenizer.encode(text, addSpecial: false, parseSpecial: false)
      // GPT-2 has no token for two spaces.
      #expect(name == "gpt-2" ? ids.count == 100_000 : ids.count < 10_000)
      #expect(tokenizer.decode(ids) == text)
    }
  }

  /// Text survives the way to tokens and back.
  @Test(arguments: names)
  func roundTripsRandomText(_ name: String) throws {
    var random = TestGenerator(state: 1)
    let ranges: [ClosedRange<UInt32>] = [
      0...0x7F, 0x20...0x7E, 0xA0...0x24F, 0x300...0x36F, 0x370...0x7FF, 0x900...0x1FFF, 0x2000...0x206F,
      0x3000...0x9FFF, 0xAC00...0xD7A3, 0xE000...0xFFFF, 0x1F000...0x1FAFF, 0x10000...0x10FFFF,
    ]
    try withVocabulary(name) { tokenizer in
      for _ in 0..<1500 {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...60, using: &random) {
          let range = ranges[Int.random(in: 0..<ranges.count, using: &random)]
          // SentencePiece writes a space as U+2581, so that this one character comes back as a space.
          if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)), scalar != "\u{2581}" {
            text.append(scalar)
          }
        }
        let bytes = Array(String(text).utf8)
        #expect(tokenizer.decode(tokenizer.encode(bytes, addSpecial: true, parseSpecial: false)) == bytes)
      }
    }
  }

  /// Bytes that are no text are kept as they are: the tokens' own bytes spell them out.
  @Test(arguments: names)
  func keepsBytesThatAreNoUTF8(_ name: String) throws {
    var random = TestGenerator(state: 2)
    try withVocabulary(name) { tokenizer in
      for _ in 0..<300 {
        let bytes = (0..<Int.random(in: 1...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        let ids = tokenizer.encode(bytes, addSpecial: false, parseSpecial: false)
        let prefix: [UInt8] = tokenizer.addsSpacePrefix ? [0x20] : []
        #expect(ids.flatMap { tokenizer.piece($0) } == prefix + bytes)
      }
    }
  }

  @Test(arguments: names)
  func encodesNULBytes(_ name: String) throws {
    try withVocabulary(name) { tokenizer in
      let text = Array("a\0\0b\0".utf8)
      #expect(tokenizer.decode(tokenizer.encode(text, addSpecial: false, parseSpecial: true)) == text)
    }
  }
}
