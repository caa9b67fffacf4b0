import Foundation
import InferenceCore
import Testing

/// Real vocabularies with texts and the ids that llama.cpp gives them.
// Needs the vocabularies beside the project.
@Suite(.enabled(if: TestFiles.hasData)) struct VocabularyParityTests {
  static let names = ["gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2"]

  @Test(arguments: names)
  func givesTheExpectedIDs(_ name: String) throws {
    let directory = try #require(TestFiles.data).appendingPathComponent("vocab")
    let base = directory.appendingPathComponent("ggml-vocab-\(name).gguf")
    let texts = try String(contentsOf: base.appendingPathExtension("inp"), encoding: .utf8)
      .components(separatedBy: "\n__ggml_vocab_test__\n")
    let expected = try String(contentsOf: base.appendingPathExtension("out"), encoding: .utf8)
      .components(separatedBy: "\n")
      .map { $0.split(separator: " ").compactMap { TokenID($0) } }
    #expect(texts.count > 40)
    #expect(expected.count >= texts.count)
    try withTokenizer(of: base) { tokenizer in
      for (text, ids) in zip(texts, expected) {
        let encoded = tokenizer.encode(Array(text.utf8), addSpecial: false, parseSpecial: false)
        #expect(encoded == ids, "\(text.debugDescription)")
        #expect(String(decoding: tokenizer.decode(encoded), as: UTF8.self) == text)
      }
    }
  }
}
