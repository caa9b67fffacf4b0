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

  @Test func aTensorThatNothingReadsIsRefusedUnlessItIsKnownToBeHarmless() throws {
    let model = TinyArchitecture(name: "llama")
    for name in ["blk.2.ffn_norm.bias", "blk.0.attn_gate.weight", "cls.weight"] {
      let error = try #require(Self.error(model.file(adding: [name])))
      #expect(error.kind == .unsupported)
      #expect(error.message.contains(name))
    }
    let several = try #require(Self.error(model.file(adding: ["a_first", "b", "c"])))
    #expect(several.message.contains("a_first") && several.message.contains("2 more"))
    #expect(Self.error(model.file(adding: ["v.blk.0.ln1.weight", "mm.0.weight", "blk.3.attn_rot_embd.freqs"])) == nil)
  }

  @Test(arguments: [0, -1, 1e-30, .nan, .infinity] as [Float])
  func factorsThatGiveNoFrequencyAreRefused(factor: Float) throws {
    let error = Self.error(TinyArchitecture(name: "llama").file(rotaryFactor: factor))
    // What turns never is what an infinite factor says.
    if factor == .infinity {
      #expect(error == nil)
    } else {
      #expect(error?.kind == .invalid)
      #expect(error?.message.contains("rope_freqs.weight") == true)
    }
  }

  @Test(arguments: TinyArchitecture.all)
  func aHeaderTellsWhetherItsTensorsAreThoseOfItsArchitecture(architecture: TinyArchitecture) throws {
    try architecture.file().withUnsafeBytes { bytes in
      try LanguageModel.check(header: GGUFFile.parseHeader(bytes, fileSize: Int64(bytes.count)))
    }
    let other = architecture.file(adding: ["blk.1.new.weight"])
    try other.withUnsafeBytes { bytes in
      let header = try GGUFFile.parseHeader(bytes, fileSize: Int64(bytes.count))
      #expect(throws: ModelError.self) { try LanguageModel.check(header: header) }
    }
  }

  @Test(arguments: [1, 2]) func aShortConvolutionSeesMoreThanItsOwnToken(length: Int) {
    let error = Self.error(TinyArchitecture(name: "lfm2", convolutionLength: length).file())
    #expect((error == nil) == (length == 2))
  }

  @Test func memoryCostComesFromTheHeaderAlone() throws {
    try TinyArchitecture(name: "llama").file().withUnsafeBytes { bytes in
      let header = try GGUFFile.parseHeader(bytes, fileSize: Int64(bytes.count))
      let short = try LanguageModel.memoryCost(of: header, contextLength: 128)
      let long = try LanguageModel.memoryCost(of: header, contextLength: 129)
      // In pages of 128 positions.
      #expect(long.cache == 2 * short.cache)
      #expect(short.cache == 128 * 7 * 2 * (16 + 16) * 2)
      let several = try LanguageModel.memoryCost(of: header, limits: ExecutionLimits(contextLength: 128, sequences: 3))
      #expect(several.cache == 3 * short.cache)
      #expect(short.weights > 0 && short.weights <= bytes.count)
      #expect(throws: ModelError.self) { try LanguageModel.memoryCost(of: header, contextLength: 0) }
    }
  }
}
