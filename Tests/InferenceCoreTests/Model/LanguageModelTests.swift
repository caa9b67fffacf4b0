import InferenceCore
import Testing

@Suite struct LanguageModelTests {
  static func error(_ bytes: [UInt8]) -> ModelError? {
    bytes.withUnsafeBytes { bytes in
      do {
        _ = try LanguageModel(file: GGUFFile(bytes))
        return nil
      } catch {
        return error as? ModelError
      }
    }
  }

  @Test func anUnknownArchitectureNamesTheKnownOnes() throws {
    let error = try #require(Self.error(TinyArchitecture(name: "mamba").file()))
    #expect(error.kind == .unknownArchitecture)
    #expect(error.message.contains("mamba"))
    for name in ["llama", "phi2", "gemma3"] { #expect(error.message.contains(name)) }
  }

  @Test(arguments: [
    "block_count", "embedding_length", "attention.head_count", "token_embd.weight", "output_norm.weight",
    "blk.3.attn_q.weight", "blk.6.ffn_down.weight",
  ])
  func whatIsMissingIsNamed(name: String) throws {
    let error = try #require(Self.error(TinyArchitecture(name: "llama").file(without: name)))
    #expect(error.kind == .missing)
    #expect(error.message.contains(name))
  }

  @Test(arguments: [
    ("blk.2.attn_k.weight", [64, 16] as [UInt64]), ("blk.0.attn_norm.weight", [32]), ("blk.1.ffn_up.weight", [96, 64]),
    ("output_norm.weight", [64, 1, 1, 1]),
  ])
  func aWrongShapeIsNamedUnlessOnlyOnesAreAdded(name: String, shape: [UInt64]) throws {
    let error = Self.error(TinyArchitecture(name: "llama").file(replacing: (name, shape)))
    if shape == [64, 1, 1, 1] {
      #expect(error == nil)
    } else {
      #expect(error?.kind == .invalid)
      #expect(error?.message.contains(name) == true)
    }
  }

  @Test func memoryCostComesFromTheHeaderAlone() throws {
    try TinyArchitecture(name: "llama").file().withUnsafeBytes { bytes in
      let header = try GGUFFile.parseHeader(bytes, fileSize: Int64(bytes.count))
      let short = try LanguageModel.memoryCost(of: header, contextLength: 128)
      let long = try LanguageModel.memoryCost(of: header, contextLength: 256)
      #expect(long.cache == 2 * short.cache)
      #expect(short.cache == 128 * 7 * 2 * (16 + 16) * 2)
      #expect(short.weights > 0 && short.weights <= bytes.count)
      #expect(throws: ModelError.self) { try LanguageModel.memoryCost(of: header, contextLength: 0) }
    }
  }
}
