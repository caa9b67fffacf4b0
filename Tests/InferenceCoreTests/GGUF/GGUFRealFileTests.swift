import Foundation
import InferenceCore
import Testing

/// Facts about real files, as the Python package `gguf` reads them.
@Suite struct GGUFRealFileTests {
  struct Vocabulary: CustomTestStringConvertible {
    let name: String
    let tokenizer: String
    let pretokenizer: String?
    let tokenCount: Int
    var testDescription: String { name }
  }

  static let vocabularies = [
    Vocabulary(name: "gpt-2", tokenizer: "gpt2", pretokenizer: "gpt-2", tokenCount: 50_257),
    Vocabulary(name: "llama-bpe", tokenizer: "gpt2", pretokenizer: "llama-bpe", tokenCount: 128_256),
    Vocabulary(name: "llama-spm", tokenizer: "llama", pretokenizer: "default", tokenCount: 32_000),
    Vocabulary(name: "phi-3", tokenizer: "llama", pretokenizer: "default", tokenCount: 32_064),
    Vocabulary(name: "qwen2", tokenizer: "gpt2", pretokenizer: "qwen2", tokenCount: 151_936),
  ]

  // Needs the vocabularies beside the project.
  @Test(.enabled(if: TestFiles.hasData), arguments: vocabularies)
  func readsVocabularyFiles(_ expected: Vocabulary) throws {
    let url = try #require(TestFiles.data).appendingPathComponent("vocab/ggml-vocab-\(expected.name).gguf")
    try TestFiles.map(url).withUnsafeBytes { bytes in
      let file = try GGUFFile(bytes)
      #expect(file.tensors.isEmpty)
      #expect(try file.string("tokenizer.ggml.model").map(text) == expected.tokenizer)
      #expect(try file.string("tokenizer.ggml.pre").map(text) == expected.pretokenizer)
      let tokens = try #require(try file.array("tokenizer.ggml.tokens", of: .strings))
      #expect(tokens.count == expected.tokenCount)
      var walked = 0
      tokens.forEachString { _ in walked += 1 }
      #expect(walked == expected.tokenCount)
      #expect(try file.array("tokenizer.ggml.token_type", of: .integers)?.count == expected.tokenCount)
    }
  }

  // Needs the real models.
  @Test(.enabled(if: TestFiles.hasModels))
  func readsARealModel() throws {
    let url = try #require(TestFiles.models).appendingPathComponent("smollm2.gguf")
    try TestFiles.map(url).withUnsafeBytes { bytes in
      let file = try GGUFFile(bytes)
      #expect(file.version == 3)
      #expect(try file.string("general.architecture").map(text) == "llama")
      #expect(try file.uint(GGUFKey(prefix: Array("llama".utf8), ".block_count")) == 30)
      #expect(file.tensors.count == 272)
      #expect(file.unsupportedTensors.isEmpty)
      let embedding = try #require(try file.tensor("token_embd.weight"))
      #expect(embedding.shape == [576, 49_152])
      #expect(embedding.data.count == Int(embedding.byteCount))
      let query = try #require(try file.tensor(layer: 29, "attn_q.weight"))
      #expect(query.shape == [576, 576])
      #expect(query.format == .q4_1)
      #expect(query.data.baseAddress == bytes.baseAddress.map { $0 + Int(query.fileOffset) })
      #expect(try file.tensor(layer: 30, "attn_q.weight") == nil)

      // The header alone says the same.
      let header = try GGUFFile.parseHeader(
        UnsafeRawBufferPointer(rebasing: bytes[..<Int(file.dataOffset)]), fileSize: Int64(bytes.count))
      #expect(header.tensors.count == file.tensors.count)
      #expect(header.dataSize == file.dataSize)
      #expect(try header.tensor("token_embd.weight")?.byteCount == embedding.byteCount)
      #expect(try header.tensor("token_embd.weight")?.data.isEmpty == true)
    }
  }
}

func text(_ bytes: UnsafeRawBufferPointer) -> String {
  String(decoding: bytes, as: UTF8.self)
}
