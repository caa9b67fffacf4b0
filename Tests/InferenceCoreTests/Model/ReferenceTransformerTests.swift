import InferenceCore
import Testing

/// Every architecture, against a pass that shares no code with the engine's.
@Suite struct ReferenceTransformerTests {
  /// Weights as floats, which the engine multiplies with unrounded activations.
  static let exact: [TinyArchitecture] = [
    TinyArchitecture(name: "llama"), TinyArchitecture(name: "llama", keyValueHeads: 1, hasRotaryFactors: true),
    TinyArchitecture(name: "llama", rotaryBase: 500_000), TinyArchitecture(name: "qwen2", rotaryBase: 1_000_000),
    TinyArchitecture(name: "qwen3"), TinyArchitecture(name: "phi2", keyValueHeads: 4),
    TinyArchitecture(name: "phi2", keyValueHeads: 4, isFused: true),
    TinyArchitecture(name: "gemma2"), TinyArchitecture(name: "gemma3", rotaryBase: 1_000_000),
    TinyArchitecture(name: "lfm2", rotaryBase: 1_000_000),
    TinyArchitecture(name: "cohere2"), TinyArchitecture(name: "exaone4"),
    TinyArchitecture(name: "falcon", isFused: true),
    TinyArchitecture(name: "gpt2"), TinyArchitecture(name: "gptneox"), TinyArchitecture(name: "granite"),
    TinyArchitecture(name: "hunyuan-dense"), TinyArchitecture(name: "nemotron"), TinyArchitecture(name: "olmo2"),
    TinyArchitecture(name: "phi3", isFused: true), TinyArchitecture(name: "seed_oss"),
    TinyArchitecture(name: "smollm3"),
    TinyArchitecture(name: "deepseek2"), TinyArchitecture(name: "deepseek2", isFused: true),
    TinyArchitecture(name: "apertus"), TinyArchitecture(name: "gpt-oss"),
    TinyArchitecture(name: "qwen2moe"), TinyArchitecture(name: "qwen3moe"),
    TinyArchitecture(name: "stablelm"),
  ]
  static let tokens = Array(CPUExecutorTests.prompt.prefix(40))

  /// The largest difference of a logit, in standard deviations of the logits.
  private static func difference(_ architecture: TinyArchitecture) throws -> Double {
    let bytes = architecture.file()
    let found = try CPUExecutorTests.logits(bytes, pieces: [tokens.count], prompt: tokens).map(Double.init)
    let expected = try bytes.withUnsafeBytes { ReferenceTransformer(try GGUFFile($0)).logits(after: tokens) }
    #expect(found.count == expected.count)
    let mean = expected.reduce(0, +) / Double(expected.count)
    let spread = (expected.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(expected.count)).squareRoot()
    return zip(found, expected).map { abs($0 - $1) }.max()! / spread
  }

  @Test(arguments: exact)
  func logitsAreThoseOfThePapers(architecture: TinyArchitecture) throws {
    let difference = try Self.difference(architecture)
    #expect(difference < 0.003, "\(difference)")
  }

  /// Activations are rounded to eight bits there.
  @Test(arguments: TinyArchitecture.all)
  func quantizedOnesAreNear(architecture: TinyArchitecture) throws {
    let difference = try Self.difference(architecture)
    #expect(difference < 0.3, "\(difference)")
  }
}
