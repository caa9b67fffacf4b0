/// What sets one GGUF `general.architecture` apart; the pass reads these and nothing else about it.
///
/// Biases are not listed: a layer has those whose tensors are in the file.
struct Architecture: Sendable {
  enum Norm: Sendable {
    /// Root mean square, without mean and bias (Zhang and Sennrich 2019).
    case rms
    /// Mean and deviation, with an optional bias (Ba et al. 2016).
    case layer
  }
  enum Activation: Sendable {
    case silu
    /// In its tanh form.
    case gelu
    /// The square of what is above zero (So et al. 2021).
    case reluSquared
    /// Of a bounded gate, steeper, with one more than the other half (OpenAI 2025).
    case boundedSilu
    /// With parameters of each layer: ``XIELU``.
    case xielu
  }
  /// Which elements of a head form a rotated pair.
  enum RotaryLayout: Sendable {
    /// (2i, 2i + 1)
    case interleaved
    /// (i, i + half)
    case halves
  }

  /// How a layer's mixer and its feed-forward come together.
  enum Branches: Sendable {
    /// The feed-forward reads what the mixer has added to.
    case sequential
    /// Both read the same input (Wang and Komatsuzaki 2021), normalized for each by itself where the file has two norms.
    case parallel
    /// Parallel where the header's `use_parallel_residual` says so.
    case byHeader
    /// Parallel in layers without a norm of the feed-forward's own.
    case byNorms
  }
  /// What is normalized of queries and keys.
  enum QueryKeyNorms: Sendable {
    case none
    /// Each head, all by the same factors.
    case heads
    /// The same after the rotation.
    case turnedHeads
    /// Each head by factors of its own, where the file has them.
    case separateHeads
    /// All heads as one vector.
    case vectors
  }
  /// How heads are turned in layers with a window.
  enum WindowRotation: Sendable {
    case same
    /// With this base, or the others', and without the scaling that lengthens the context.
    case unscaled(base: Double?)
  }
  /// By what embeddings, branches and scores are multiplied.
  enum Scales: Sendable {
    case none
    /// What the header says (Granite Team 2024).
    case header
    /// The same; in old files 12 and 1.4 / √layers (Hu et al. 2024).
    case miniCPM
  }
  /// What the header's `logit_scale` does.
  enum LogitScale: Sendable {
    case none, multiplies, divides
  }

  let name: StaticString
  var norm = Norm.rms
  var activation = Activation.silu
  /// `down(activation(gate x) * up x)` rather than `down(activation(up x))`.
  var isGated = true
  var branches = Branches.sequential
  /// Tokens see those behind them too: the model turns texts into vectors and writes none (Devlin et al. 2019). Headers may say
  /// otherwise.
  var isBidirectional = false
  /// Embeddings are normalized before the first layer.
  var hasEmbeddingNorm = false
  /// The vector of the first type is added to all embeddings, where the file has types.
  var hasTokenTypes = false
  /// Nothing is turned; scores fall with the distance of what is attended to, by head (Press et al. 2022).
  var hasLinearBiases = false
  /// Learned vectors of the positions are added to the embeddings, and nothing is turned.
  var hasPositionEmbeddings = false
  var rotaryLayout = RotaryLayout.halves
  var queryKeyNorms = QueryKeyNorms.none
  /// The branches' inputs are normalized.
  var hasPreNorms = true
  /// The branches' outputs are normalized before they are added.
  var hasPostNorms = false
  /// The residual stream itself is normalized after each branch (Vaswani et al. 2017), and not before the output.
  var hasSumNorms = false
  /// The norms before a mixer and before a feed-forward.
  var mixerNorm: StaticString = "attn_norm"
  var feedForwardNorm: StaticString = "ffn_norm"
  /// Embeddings are multiplied by the square root of their length.
  var scalesEmbeddings = false
  var scales = Scales.none
  var logitScale = LogitScale.none
  /// Scores of attention and logits are bounded as the header says (Gemma Team 2024).
  var hasSoftCaps = false
  /// With a sliding window in the file: every so many layers, one attends to everything. 0: none has a window.
  var globalLayerPeriod = 0
  /// That one is the first of them rather than the last.
  var globalLayersComeFirst = false
  var windowRotation = WindowRotation.same
  /// Queries grow with their position, as the header says.
  var hasTemperature = false
  /// Beside layers with a window, those without one are turned too.
  var rotatesGlobalLayers = true
  /// Every so many layers, one is not turned (Kazemnejad et al. 2023). 0: all are.
  var unrotatedLayerPeriod = 0
  /// The layer count of the one size whose scores are divided by the square root of embedding length per head.
  var layersScaledByHeads: Int? = nil
  /// Keys and values are made of latent vectors: ``LatentAttention``.
  var hasLatents = false
  /// Layers without heads of keys and values are short convolutions.
  var hasConvolutions = false
  /// Of layers with experts, unless the header says otherwise.
  var routing: ExpertRouting? = nil
  /// What the expert gives that every token goes through is multiplied by the sigmoid of a product.
  var weighsSharedExpert = false
  /// The norm before the output.
  var outputNorm: StaticString = "output_norm"

  static let table: [Architecture] = [
    // SmolLM2, Llama 2 to 3.3, Mistral, Mixtral
    Architecture(name: "llama", rotaryLayout: .interleaved, routing: ExpertRouting(isNormalized: true)),
    Architecture(name: "apertus", activation: .xielu, isGated: false, queryKeyNorms: .heads),
    Architecture(name: "arcee", activation: .reluSquared, isGated: false, rotaryLayout: .interleaved),
    // MiniLM, BGE, E5, Arctic, and XLM-RoBERTa's
    Architecture(
      name: "bert", norm: .layer, activation: .gelu, isGated: false, isBidirectional: true, hasEmbeddingNorm: true,
      hasTokenTypes: true, hasPositionEmbeddings: true, hasPreNorms: false, hasSumNorms: true),
    Architecture(name: "chatglm", rotaryLayout: .interleaved),
    Architecture(
      name: "cohere2", norm: .layer, branches: .parallel, rotaryLayout: .interleaved, logitScale: .multiplies,
      globalLayerPeriod: 4, rotatesGlobalLayers: false),
    Architecture(
      name: "command-r", norm: .layer, branches: .parallel, rotaryLayout: .interleaved, queryKeyNorms: .separateHeads,
      logitScale: .multiplies),
    // DeepSeek-V2 to V3.1, Kimi K2, GigaChat 3
    Architecture(name: "deepseek2", rotaryLayout: .interleaved, hasLatents: true, routing: ExpertRouting()),
    Architecture(name: "ernie4_5", rotaryLayout: .interleaved),
    Architecture(
      name: "exaone4", queryKeyNorms: .heads, hasPreNorms: false, hasPostNorms: true, globalLayerPeriod: 4,
      rotatesGlobalLayers: false),
    // Of two norms, which the larger sizes have, the second is the mixer's.
    Architecture(
      name: "falcon", norm: .layer, activation: .gelu, isGated: false, branches: .parallel, mixerNorm: "attn_norm_2",
      feedForwardNorm: "attn_norm"),
    Architecture(name: "gemma", activation: .gelu, scalesEmbeddings: true),
    Architecture(
      name: "gemma2", activation: .gelu, hasPostNorms: true, scalesEmbeddings: true, hasSoftCaps: true,
      globalLayerPeriod: 2, layersScaledByHeads: 46),
    Architecture(
      name: "gemma3", activation: .gelu, queryKeyNorms: .heads, hasPostNorms: true, scalesEmbeddings: true,
      globalLayerPeriod: 6, windowRotation: .unscaled(base: 10_000), layersScaledByHeads: 62),
    Architecture(
      name: "gemma-embedding", activation: .gelu, isBidirectional: true, queryKeyNorms: .heads, hasPostNorms: true,
      scalesEmbeddings: true, globalLayerPeriod: 6, windowRotation: .unscaled(base: 10_000)),
    Architecture(name: "glm4", rotaryLayout: .interleaved, hasPostNorms: true),
    Architecture(
      name: "gpt-oss", activation: .boundedSilu, feedForwardNorm: "post_attention_norm", globalLayerPeriod: 2,
      routing: ExpertRouting(scores: .softmaxOfChosen)),
    Architecture(
      name: "gpt2", norm: .layer, activation: .gelu, isGated: false, hasPositionEmbeddings: true),
    Architecture(name: "gptneox", norm: .layer, activation: .gelu, isGated: false, branches: .byHeader),
    Architecture(name: "granite", rotaryLayout: .interleaved, scales: .header, logitScale: .divides),
    Architecture(
      name: "granitemoe", rotaryLayout: .interleaved, scales: .header, logitScale: .divides,
      routing: ExpertRouting(isNormalized: true)),
    Architecture(name: "hunyuan-dense", queryKeyNorms: .turnedHeads),
    Architecture(name: "internlm2", rotaryLayout: .interleaved),
    Architecture(
      name: "jina-bert-v2", norm: .layer, activation: .gelu, isBidirectional: true, hasEmbeddingNorm: true,
      hasTokenTypes: true, hasLinearBiases: true, hasPreNorms: false, hasSumNorms: true),
    Architecture(name: "lfm2", queryKeyNorms: .heads, hasConvolutions: true, outputNorm: "token_embd_norm"),
    Architecture(name: "minicpm", rotaryLayout: .interleaved, scales: .miniCPM, logitScale: .divides),
    // Ministral 3
    Architecture(name: "mistral3", rotaryLayout: .interleaved, hasTemperature: true),
    Architecture(
      name: "modern-bert", norm: .layer, activation: .gelu, isBidirectional: true, hasEmbeddingNorm: true,
      globalLayerPeriod: 3, globalLayersComeFirst: true, windowRotation: .unscaled(base: nil)),
    Architecture(name: "nemotron", norm: .layer, activation: .reluSquared, isGated: false),
    Architecture(
      name: "nomic-bert", norm: .layer, isBidirectional: true, hasEmbeddingNorm: true, hasTokenTypes: true,
      hasPreNorms: false, hasSumNorms: true),
    // OLMo 2 and 3
    Architecture(
      name: "olmo2", queryKeyNorms: .vectors, hasPreNorms: false, hasPostNorms: true, globalLayerPeriod: 4,
      windowRotation: .unscaled(base: nil)),
    Architecture(name: "olmoe", queryKeyNorms: .vectors, routing: ExpertRouting()),
    Architecture(name: "phi2", norm: .layer, activation: .gelu, isGated: false, branches: .parallel),
    // Phi-3 to Phi-4-mini
    Architecture(name: "phi3"),
    Architecture(name: "qwen2"),
    Architecture(name: "qwen2moe", routing: ExpertRouting(), weighsSharedExpert: true),
    Architecture(name: "qwen3", queryKeyNorms: .heads),
    Architecture(name: "qwen3moe", queryKeyNorms: .heads, routing: ExpertRouting(isNormalized: true)),
    Architecture(name: "seed_oss", feedForwardNorm: "post_attention_norm"),
    Architecture(name: "smollm3", rotaryLayout: .interleaved, unrotatedLayerPeriod: 4),
    Architecture(name: "stablelm", norm: .layer, branches: .byNorms, queryKeyNorms: .separateHeads),
    Architecture(name: "starcoder2", norm: .layer, activation: .gelu, isGated: false),
  ]

  /// The table's entry for a name from a file.
  /// The names of all architectures, for those who compare them.
  static var names: [StaticString] { table.map { $0.name } }

  static func named(_ name: UnsafeRawBufferPointer) throws(ModelError) -> Architecture {
    for entry in table where entry.name.utf8CodeUnitCount == name.count {
      if entry.name.withUTF8Buffer({ name.elementsEqual($0) }) { return entry }
    }
    var known = ""
    for entry in table { known += (known.isEmpty ? "" : ", ") + "\(entry.name)" }
    let found = String(decoding: name.prefix(64), as: UTF8.self)
    throw ModelError(.unknownArchitecture, "The model's architecture is \(found); known here are \(known).")
  }
}
