/// What files of an architecture have, for those of ``TinyArchitecture``.
struct TinyFamily {
  enum HeadNorms {
    case none, heads, separate, vectors
  }
  enum Gate {
    case own, both, none
  }
  enum Value {
    case count(UInt32)
    case number(Float)
    case flag(Bool)
    case text(String)
    case double(Double)
    case flags([Bool])
    case numbers([Float])
  }

  /// Mean and deviation instead of the root mean square, and whether such norms have biases.
  var isLayerNorm = false
  var hasNormBiases = false
  var before = ["attn_norm", "ffn_norm"]
  var behind: [String] = []
  var hasInputBiases = false
  var hasFeedForwardBiases = false
  var headNorms = HeadNorms.none
  var gate = Gate.own
  var hasPositions = false
  /// The part of a head that is turned.
  var turned = 1.0
  /// Layers that are attention, where others are convolutions.
  var attentionLayers: [Int]?
  var outputNorm = "output_norm"
  /// How many experts there are; each has as many elements as the feed-forward of others.
  var experts = 0
  /// Whether the router and the experts have biases.
  var hasExpertBiases = false
  /// Elements of the latent vectors that keys and values are made of, and of what queries are.
  var latent: (rank: Int, query: Int)?
  /// Whether heads have scores that take their part of the weights.
  var hasSinks = false
  /// Elements of one that is shared.
  var sharedLength = 0
  var keys: [(String, Value)] = []

  private static let behind = ["post_attention_norm", "post_ffw_norm"]
  private static let window = ("attention.sliding_window", Value.count(24))

  static func named(_ name: String) -> TinyFamily {
    var family = TinyFamily()
    switch name {
    case "apertus":
      (family.gate, family.headNorms) = (.none, .heads)
      family.keys = [("alpha_p", 0.5), ("alpha_n", 0.25), ("beta", 0.5), ("eps", -1e-3)].map { key, value in
        ("xielu.\(key)", .numbers((0..<7).map { value * Float(1 + $0) }))
      }
    case "cohere2":
      (family.isLayerNorm, family.before) = (true, ["attn_norm"])
      family.keys = [window, ("logit_scale", .number(0.5))]
    case "deepseek2":
      (family.latent, family.experts, family.sharedLength) = ((32, 32), 8, 64)
      family.keys = [
        ("attention.kv_lora_rank", .count(32)), ("attention.q_lora_rank", .count(32)), ("expert_count", .count(8)),
        ("expert_used_count", .count(3)), ("expert_shared_feed_forward_length", .count(64)),
        ("expert_gating_func", .count(2)), ("expert_weights_norm", .flag(true)), ("expert_weights_scale", .number(2.5)),
        ("attention.key_length_mla", .count(48)), ("attention.value_length_mla", .count(32)),
      ]
    case "exaone4":
      (family.before, family.behind, family.headNorms, family.keys) = ([], behind, .heads, [window])
    case "falcon":
      (family.isLayerNorm, family.hasNormBiases, family.gate) = (true, true, .none)
      family.before = ["attn_norm_2", "attn_norm"]
    case "gemma2":
      family.behind = behind
      family.keys = [
        window, ("attn_logit_softcapping", .number(2)), ("final_logit_softcapping", .number(3)),
      ]
    case "gemma3": (family.behind, family.headNorms, family.keys) = (behind, .heads, [window])
    case "gpt-oss":
      (family.before, family.hasInputBiases) = (["attn_norm", "post_attention_norm"], true)
      (family.experts, family.hasExpertBiases, family.hasSinks) = (8, true, true)
      family.keys = [window, ("expert_count", .count(8)), ("expert_used_count", .count(3))]
    case "gpt2":
      (family.isLayerNorm, family.hasNormBiases, family.gate) = (true, true, .none)
      (family.hasPositions, family.hasInputBiases, family.hasFeedForwardBiases) = (true, true, true)
    case "gptneox":
      (family.isLayerNorm, family.hasNormBiases, family.gate, family.turned) = (true, true, .none, 0.5)
      (family.hasInputBiases, family.hasFeedForwardBiases) = (true, true)
      family.keys = [("use_parallel_residual", .flag(true))]
    case "granite":
      family.keys = [
        ("embedding_scale", .number(3)), ("residual_scale", .number(0.25)), ("logit_scale", .number(4)),
        ("attention.scale", .number(0.1)),
      ]
    case "hunyuan-dense", "qwen3": family.headNorms = .heads
    case "lfm2":
      (family.headNorms, family.outputNorm, family.attentionLayers) = (.heads, "token_embd_norm", [2, 4, 6])
    case "nemotron": (family.isLayerNorm, family.hasNormBiases, family.gate) = (true, true, .none)
    case "olmo2": (family.before, family.behind, family.headNorms) = ([], behind, .vectors)
    case "phi2":
      (family.isLayerNorm, family.hasNormBiases, family.gate, family.turned) = (true, true, .none, 0.5)
      (family.before, family.hasInputBiases, family.hasFeedForwardBiases) = (["attn_norm"], true, true)
    case "phi3": family.gate = .both
    case "qwen2": family.hasInputBiases = true
    case "qwen2moe":
      (family.hasInputBiases, family.experts, family.sharedLength) = (true, 6, 64)
      family.keys = [
        ("expert_count", .count(6)), ("expert_used_count", .count(3)),
        ("expert_shared_feed_forward_length", .count(64)),
      ]
    case "qwen3moe":
      (family.headNorms, family.experts) = (.heads, 8)
      family.keys = [("expert_count", .count(8)), ("expert_used_count", .count(2))]
    case "seed_oss": (family.before, family.hasInputBiases) = (["attn_norm", "post_attention_norm"], true)
    case "stablelm":
      (family.isLayerNorm, family.hasNormBiases, family.turned) = (true, true, 0.5)
      (family.before, family.headNorms) = (["attn_norm"], .separate)
    default: break
    }
    return family
  }
}
