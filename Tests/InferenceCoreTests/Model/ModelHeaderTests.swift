import InferenceCore
import Testing

/// Headers and tensors that contradict themselves: each is refused by name, and none gives wrong numbers.
@Suite struct ModelHeaderTests {
  typealias Setting = (key: String, value: TinyFamily.Value)

  static func error(_ name: String, _ settings: [Setting], without missing: String? = nil) -> ModelError? {
    LanguageModelTests.error(TinyArchitecture(name: name).file(without: missing, setting: settings))
  }

  @Test(arguments: [
    ("granite", "residual_scale"), ("granite", "embedding_scale"), ("granite", "logit_scale"),
    ("granite", "attention.scale"), ("gemma2", "attn_logit_softcapping"), ("gemma2", "final_logit_softcapping"),
    ("llama", "rope.scaling.attn_factor"), ("llama", "rope.freq_base"), ("llama", "rope.scaling.factor"),
    ("gemma3", "rope.freq_base_swa"),
  ])
  func numbersAreAboveZeroAndFiniteInSinglePrecision(name: String, key: String) throws {
    for value in [1e39, 1e300, 1e-50, -1, 0, .infinity, .nan] {
      let error = try #require(Self.error(name, [(key, .double(value))]), "\(key) \(value)")
      #expect(error.kind == .invalid && error.message.contains("\(name).\(key)"), "\(error.message)")
    }
    #expect(Self.error(name, [(key, .number(2))]) == nil)
  }

  @Test func whatFollowsFromSeveralNumbersIsFiniteToo() throws {
    for settings in [
      [("residual_scale", .double(1e-30))], [("logit_scale", .double(1e-39))],
      [("embedding_scale", .double(1e30)), ("residual_scale", .double(1e-15))],
    ] as [[Setting]] {
      let error = try #require(Self.error("granite", settings))
      #expect(error.kind == .invalid && error.message.contains("granite."))
    }
    let error = try #require(
      Self.error(
        "llama",
        [
          ("rope.scaling.type", .text("yarn")), ("rope.scaling.attn_factor", .double(3e38)),
          ("rope.scaling.factor", .number(64)),
        ]))
    #expect(error.kind == .invalid && error.message.contains("attn_factor"))
  }

  @Test func longRopeTakesItsFactors() throws {
    let longrope: [Setting] = [("rope.scaling.type", .text("longrope"))]
    let error = try #require(Self.error("phi3", longrope))
    #expect(error.kind == .missing && error.message.contains("rope_factors_short.weight"))
    let model = TinyArchitecture(name: "phi3")
    let names = ["rope_factors_short.weight", "rope_factors_long.weight"]
    #expect(LanguageModelTests.error(model.file(rotaryFactor: 1, factorsNamed: names, setting: longrope)) == nil)
    for name in names {
      let bad = try #require(LanguageModelTests.error(model.file(rotaryFactor: 0, factorsNamed: [name])))
      #expect(bad.kind == .invalid && bad.message.contains(name) && !bad.message.contains("rope_freqs"))
      let one = try #require(
        LanguageModelTests.error(model.file(rotaryFactor: 1, factorsNamed: [name], setting: longrope)))
      #expect(one.kind == .missing && !one.message.contains(name))
    }
  }

  @Test(arguments: [
    ("qwen2", "blk.3.attn_k.bias"), ("qwen2", "blk.0.attn_q.bias"), ("phi2", "blk.6.ffn_up.bias"),
    ("gpt2", "blk.2.attn_norm.bias"), ("stablelm", "blk.5.attn_q_norm.weight"),
    ("stablelm", "blk.1.attn_k_norm.weight"),
    ("falcon", "blk.4.attn_norm_2.weight"), ("qwen2moe", "blk.2.ffn_gate_inp_shexp.weight"),
    ("qwen2moe", "blk.6.ffn_up_shexp.weight"), ("qwen2moe", "blk.6.ffn_down_shexp.weight"),
  ])
  func whatOneLayerLacksAndOthersHaveIsNamed(name: String, tensor: String) throws {
    let error = try #require(Self.error(name, [], without: tensor))
    #expect(error.kind == .missing && error.message.contains(tensor), "\(error.message)")
  }

  @Test func ofQueriesAndKeysBothAreNormalizedOrNeither() throws {
    let model = TinyArchitecture(name: "stablelm")
    for part in ["q", "k"] {
      let missing = (0..<7).map { "blk.\($0).attn_\(part)_norm.weight" }
      let error = try #require(LanguageModelTests.error(model.file(withoutAll: missing)))
      #expect(error.message.contains("attn_\(part == "q" ? "k" : "q")_norm.weight") || part == "k")
    }
    let both = (0..<7).flatMap { layer in ["q", "k"].map { "blk.\(layer).attn_\($0)_norm.weight" } }
    #expect(LanguageModelTests.error(model.file(withoutAll: both)) == nil)
  }

  @Test func ofExpertsAtLeastOneIsUsed() throws {
    let none = try #require(Self.error("qwen3moe", [("expert_count", .count(0))]))
    #expect(none.message.contains("expert_count") && !none.message.contains("1 to 0"))
    let tooMany = try #require(Self.error("qwen3moe", [("expert_used_count", .count(9))]))
    #expect(tooMany.kind == .invalid && tooMany.message.contains("1 to 8"))
  }

  @Test func aSingleExpertNeedsNoDimensionOfItsOwn() {
    let settings: [Setting] = [("expert_count", .count(1)), ("expert_used_count", .count(1))]
    let model = TinyArchitecture(name: "qwen3moe")
    #expect(LanguageModelTests.error(model.file(setting: settings, experts: 1)) == nil)
    let name = "blk.2.ffn_gate_exps.weight"
    let flat = model.file(replacing: (name, [64, 96]), setting: settings, experts: 1)
    #expect(LanguageModelTests.error(flat) == nil)
  }

  @Test func whatTheHeaderSaysOfExpertsIsUnderstoodOrRefused() throws {
    let unknown = try #require(Self.error("qwen3moe", [("expert_gating_func", .count(9))]))
    #expect(unknown.kind == .unsupported && unknown.message.contains("qwen3moe.expert_gating_func"))
    for groups in [[("expert_group_count", .count(3))], [("expert_group_count", .count(8))]] as [[Setting]] {
      #expect(Self.error("qwen3moe", groups)?.kind == .invalid)
    }
    let few: [Setting] = [("expert_group_count", .count(4)), ("expert_group_used_count", .count(1))]
    #expect(Self.error("qwen3moe", few + [("expert_used_count", .count(3))])?.kind == .invalid)
    #expect(Self.error("qwen3moe", few) == nil)
  }

  @Test(
    arguments: [
      [("expert_weights_scale", .number(2.5))], [("expert_gating_func", .count(2))],
      [("expert_weights_norm", .flag(false))],
      [("expert_gating_func", .count(3))], [("expert_group_count", .count(4)), ("expert_group_used_count", .count(1))],
    ] as [[Setting]])
  func whatTheHeaderSaysOfExpertsIsObeyed(settings: [Setting]) throws {
    let tokens = ReferenceTransformerTests.tokens
    func logits(_ settings: [Setting]) throws -> [Float] {
      let bytes = TinyArchitecture(name: "qwen3moe").file(setting: settings)
      return try CPUExecutorTests.logits(bytes, pieces: [tokens.count], prompt: tokens)
    }
    let plain = try logits([])
    // The softmax of those that were chosen is what the weights are that add up to one.
    let isSame = settings.contains { if case .count(3) = $0.value { $0.key == "expert_gating_func" } else { false } }
    let largest = zip(plain, try logits(settings)).map { abs($0 - $1) }.max()!
    #expect(isSame ? largest < 5e-3 : largest > 2e-2, "\(largest)")
  }

  @Test func whichLayersHaveAWindowIsWhatTheHeaderSays() throws {
    let tokens = ReferenceTransformerTests.tokens
    func logits(_ settings: [Setting]) throws -> [Float] {
      let bytes = TinyArchitecture(name: "gemma2").file(setting: settings)
      return try CPUExecutorTests.logits(bytes, pieces: [tokens.count], prompt: tokens)
    }
    let key = "attention.sliding_window_pattern"
    let plain = try logits([])
    #expect(try logits([(key, .count(2))]) == plain)
    #expect(try logits([(key, .flags((0..<7).map { $0 % 2 == 0 }))]) == plain)
    #expect(try logits([(key, .count(3))]) != plain)
    #expect(try logits([(key, .flags((0..<7).map { $0 % 3 < 2 }))]) == logits([(key, .count(3))]))
    let error = try #require(Self.error("gemma2", [(key, .flags([true, false]))]))
    #expect(error.kind == .invalid && error.message.contains(key) && error.message.contains("found 2"))
  }

  @Test func whoseTokensSeeThoseAfterThemIsRefused() throws {
    #expect(Self.error("qwen3", [("attention.causal", .flag(false))]) == nil)
    #expect(Self.error("qwen3", [("attention.causal", .flag(true))]) == nil)
  }
}
