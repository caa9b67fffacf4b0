/// The sizes and constants of one model, from the metadata of its file: the whole model's, and each layer's.
public struct Hyperparameters: Sendable {
  /// GGUF's `general.architecture`.
  public let architecture: String
  /// Tokens the model was trained to attend over.
  public let contextLength: Int
  /// Tokens it attended over before its context was lengthened.
  let originalContextLength: Int
  public let vocabularySize: Int
  public let layerCount: Int
  /// Elements of the residual stream.
  public let embeddingLength: Int
  ///
  /// Of the residual stream divided by what branches are multiplied with, where the model does that: x / s + branch is
  /// (x + s * branch) / s, and what is normalized with ε / s² is the same.
  public let normEpsilon: Float
  /// What embeddings are multiplied by: the root of their length, or what the header says, divided by the branches' factor.
  let embeddingScale: Float
  /// What logits are multiplied by.
  let logitScale: Float
  /// What logits are bounded to; 0: not bounded.
  let logitSoftCap: Float
  let traits: Architecture
  /// Whether the header says that mixer and feed-forward read the same.
  let isParallel: Bool
  /// Whether rotations are scaled by tensors of factors for short and for long contexts.
  let hasRotaryFactors: Bool
  let layers: [LayerShape]
  /// Whether tokens see those behind them: such a model turns whole texts into vectors, and writes none.
  public let isBidirectional: Bool
  /// How a text's vector is made of its tokens', where the file says so.
  public let pooling: Pooling?

  /// Whether the model writes text: one whose file says how texts become vectors was not made for it.
  public var generates: Bool { !isBidirectional && pooling == nil }

  /// Bytes that one token's keys and values take in the cache, all layers together.
  public var cacheBytesPerToken: Int64 {
    var elements: Int64 = 0
    for attention in attentions { elements += Int64(attention.keyWidth + attention.valueWidth) }
    return elements * Int64(MemoryLayout<UInt16>.size)
  }

  /// The different lengths of keys and values of a head.
  public var headLengths: [HeadLengths] {
    var found: [HeadLengths] = []
    for attention in attentions {
      let lengths = HeadLengths(key: attention.keyLength, value: attention.valueLength)
      if !found.contains(lengths) { found.append(lengths) }
    }
    return found
  }

  /// Elements of a head's key and of its value.
  public struct HeadLengths: Equatable, Sendable {
    public let key: Int
    public let value: Int

    public init(key: Int, value: Int) {
      (self.key, self.value) = (key, value)
    }
  }

  /// The layers that are attention.
  var attentions: [AttentionShape] {
    layers.compactMap { layer in
      switch layer.mixer {
      case .attention(let shape): shape
      case .latent(let shape): shape.attention
      case .convolution: nil
      }
    }
  }

  /// Those over latent vectors.
  var latents: [LatentShape] {
    layers.compactMap { if case .latent(let shape) = $0.mixer { shape } else { nil } }
  }

  /// The layers that keep a state from token to token.
  var convolutions: [ConvolutionShape] {
    layers.compactMap { if case .convolution(let shape) = $0.mixer { shape } else { nil } }
  }

  /// The different ways in which layers turn their heads.
  var rotaryShapes: [RotaryShape] {
    var found: [RotaryShape] = []
    for attention in attentions where !found.contains(attention.rotary) { found.append(attention.rotary) }
    return found
  }

  /// Far above any model's, and small enough for arithmetic in 32 bits.
  private static let largestVocabulary = 1 << 24

  /// Reads and checks the header's values.
  public init(_ file: GGUFFile) throws(ModelError) {
    let read = try HeaderReader(file)
    let traits = read.traits
    self.traits = traits
    architecture = String(decoding: read.prefix, as: UTF8.self)
    contextLength = try read.count(".context_length", upTo: 1 << 24)
    originalContextLength = try read.originalContextLength()
    embeddingLength = try read.count(".embedding_length", upTo: 1 << 20)
    layerCount = try read.count(".block_count", upTo: 1024)
    let epsilonKey: StaticString =
      traits.norm == .rms ? ".attention.layer_norm_rms_epsilon" : ".attention.layer_norm_epsilon"
    let epsilon = try read.number(epsilonKey, default: 1e-5)
    let scales = try read.scales(embeddingLength: embeddingLength, layerCount: layerCount)
    normEpsilon = try read.single(epsilon / (scales.branch * scales.branch), "norms", of: ".residual_scale")
    embeddingScale = try read.single(scales.embedding / scales.branch, "embeddings", of: ".embedding_scale")
    logitScale = try read.single(scales.logit, "logits", of: ".logit_scale")
    hasRotaryFactors = try read.hasRotaryFactors()
    isParallel = traits.branches == .byHeader ? try read.flag(".use_parallel_residual", default: true) : false
    logitSoftCap = traits.hasSoftCaps ? Float(try read.number(".final_logit_softcapping", default: 0)) : 0

    isBidirectional = !(try read.flag(".attention.causal", default: !traits.isBidirectional))
    pooling = try read.pooling()

    let feedForwards = try FeedForwardReader(read)
    let curves = traits.activation == .xielu ? try read.curves(layerCount) : []
    let mixers = try MixerReader(read, embeddingLength: embeddingLength, layerCount: layerCount)
    var layers: [LayerShape] = []
    for index in 0..<layerCount {
      var layer = try feedForwards.layer(index, mixers.mixer(index))
      if index < curves.count { layer.curve = curves[index] }
      layers.append(layer)
    }
    self.layers = layers

    let embedding = try gguf { () throws(GGUFError) in try file.tensor("token_embd.weight") }
    // Of a split file's part that stands alone, the matrix may be in another one; a file's beginning does not tell.
    var rows = embedding.flatMap { $0.shape.count == 2 ? $0.shape[1] : nil }
    if file.isBeginning {
      rows = 0
    } else if file.partCount > 1, !file.hasData, embedding == nil {
      rows = try gguf { () throws(GGUFError) in try file.array("tokenizer.ggml.tokens", of: .strings)?.count }
    }
    guard let rows else {
      throw ModelError(
        .missing,
        file.tensors.isEmpty && file.unsupportedTensors.isEmpty
          ? "The file has no weights: it holds only a vocabulary. Load the model's own file."
          : "The file has no matrix token_embd.weight, whose rows are the tokens.")
    }
    guard rows <= Self.largestVocabulary else {
      throw read.invalid("up to \(Self.largestVocabulary) rows of token_embd.weight, found \(rows)")
    }
    vocabularySize = rows
  }
}

/// What a header says of the feed-forwards of all layers.
private struct FeedForwardReader {
  private let file: GGUFFile
  private let length: Int
  /// Beside experts.
  private let sharedLength: Int
  /// How many there are, and how many a token goes through; 0: none.
  private let experts: (count: Int, used: Int)
  private let routing: ExpertRouting

  init(_ read: HeaderReader) throws(ModelError) {
    file = read.file
    length = try read.count(".feed_forward_length", upTo: 1 << 20)
    guard let own = read.traits.routing else {
      (experts, sharedLength, routing) = ((0, 0), 0, ExpertRouting())
      return
    }
    let count = try read.count(".expert_count", upTo: 1024, default: 0)
    let used = try read.count(".expert_used_count", upTo: 1024, default: 0)
    guard count > 0 || used == 0 else {
      throw read.invalid("expert_count to be at least 1 where a token goes through \(used) experts, found 0")
    }
    guard used <= count, used > 0 || count == 0 else {
      throw read.invalid("a token to go through 1 to \(count) experts, found \(used)")
    }
    experts = (count, used)
    routing = try read.routing(own, experts: experts)
    // Several that are shared are as one.
    let shared = try read.count(".expert_shared_count", upTo: 1024, default: 0)
    let each = try read.count(".expert_feed_forward_length", upTo: 1 << 20, default: length)
    sharedLength = try read.count(
      ".expert_shared_feed_forward_length", upTo: 1 << 20, default: shared > 0 ? min(shared * each, 1 << 20) : length)
  }

  /// A layer with a router has experts, as long as their matrices are.
  func layer(_ index: Int, _ mixer: LayerShape.Mixer) throws(ModelError) -> LayerShape {
    let up = try gguf { () throws(GGUFError) in try file.tensor(layer: index, "ffn_up_exps.weight") }
    guard experts.count > 0, let up, up.shape.count > 1, up.shape[1] <= 1 << 20 else {
      return LayerShape(mixer: mixer, feedForwardLength: length, experts: nil)
    }
    let hasShared = file.position(layer: index, "ffn_up_shexp", ".weight") != nil
    return LayerShape(
      mixer: mixer, feedForwardLength: hasShared ? sharedLength : 0,
      experts: ExpertShape(count: experts.count, used: experts.used, length: up.shape[1], routing: routing))
  }
}

/// What a header says of the mixers of all layers.
private struct MixerReader {
  private let traits: Architecture
  private let global: AttentionShape
  private let windowed: AttentionShape
  private let unrotated: AttentionShape
  private let latent: LatentShape?
  private let convolution: ConvolutionShape
  /// By layer; 0 where it is no attention.
  private let keyValueHeadCounts: [Int]
  /// By layer: whether it attends to a window, where the header says how long that is.
  private let hasWindow: [Bool]

  init(_ read: HeaderReader, embeddingLength: Int, layerCount: Int) throws(ModelError) {
    traits = read.traits
    let headCount = try read.count(".attention.head_count", upTo: 4096)
    let counts = try read.counts(
      ".attention.head_count_kv", perLayer: layerCount, from: traits.hasConvolutions ? 0 : 1, upTo: 4096,
      default: headCount)
    for count in counts where count > 0 && headCount % count != 0 {
      throw read.invalid("the number of heads to be a multiple of \(count), found \(headCount)")
    }
    keyValueHeadCounts = counts
    let headLength = embeddingLength / headCount
    var keyLength = try read.count(".attention.key_length", upTo: 4096, default: headLength)
    var valueLength = try read.count(".attention.value_length", upTo: 4096, default: headLength)
    if traits.hasLatents {
      // Newer files say how they are computed, and with other keys what they stand for.
      keyLength = try read.count(".attention.key_length_mla", upTo: 4096, default: keyLength)
      valueLength = try read.count(".attention.value_length_mla", upTo: 4096, default: valueLength)
    }
    guard (1...4096).contains(keyLength), (1...4096).contains(valueLength) else {
      throw read.invalid("heads of 1 to 4096 elements, found \(embeddingLength) elements in \(headCount) heads")
    }
    let rotaryDimensions =
      traits.hasPositionEmbeddings || traits.hasLinearBiases
      ? 0 : try read.count(".rope.dimension_count", upTo: 4096, default: keyLength)
    guard rotaryDimensions <= keyLength, rotaryDimensions % 2 == 0 else {
      throw read.invalid("an even number of rotated elements up to \(keyLength), found \(rotaryDimensions)")
    }
    let base = try read.number(".rope.freq_base", default: 10_000)
    let scaling = try read.rotaryScaling(dimensions: rotaryDimensions, base: base)
    let window =
      traits.globalLayerPeriod > 0 ? try read.count(".attention.sliding_window", upTo: 1 << 24, default: 0) : 0
    hasWindow = try read.windowedLayers(layerCount)
    let isBidirectional = !(try read.flag(".attention.causal", default: !traits.isBidirectional))
    let softCap = traits.hasSoftCaps ? Float(try read.number(".attn_logit_softcapping", default: 0)) : 0
    let scaled = traits.layersScaledByHeads == layerCount ? headLength : keyLength
    let root = 1 / Double(scaled).squareRoot()
    let scale = Float(traits.scales == .none ? root : try read.number(".attention.scale", default: root))

    let temperature = try traits.hasTemperature || traits.hasLatents ? read.temperature() : Temperature()

    let hasLinearBiases = traits.hasLinearBiases
    func shape(window: Int, rotary: RotaryShape) -> AttentionShape {
      AttentionShape(
        headCount: headCount, keyValueHeadCount: headCount, keyLength: keyLength, valueLength: valueLength,
        window: isBidirectional && window > 0 ? max(1, window / 2) : window, isBidirectional: isBidirectional,
        hasLinearBiases: hasLinearBiases, scale: scale, softCap: softCap, rotary: rotary, temperature: temperature)
    }
    let rotary = RotaryShape(dimensions: rotaryDimensions, base: base, scaling: scaling)
    let none = RotaryShape(dimensions: 0, base: 1, scaling: .none)
    var windowRotary = rotary
    if case .unscaled(let other) = traits.windowRotation {
      windowRotary = RotaryShape(
        dimensions: rotaryDimensions, base: try read.number(".rope.freq_base_swa", default: other ?? base),
        scaling: .none)
    }
    global = shape(window: 0, rotary: window > 0 && !traits.rotatesGlobalLayers ? none : rotary)
    windowed = shape(window: window, rotary: window > 0 ? windowRotary : rotary)
    unrotated = shape(window: 0, rotary: none)
    latent = try traits.hasLatents ? read.latent(of: global) : nil
    let length = traits.hasConvolutions ? try read.count(".shortconv.l_cache", upTo: 64) : 1
    guard length > 1 || !traits.hasConvolutions else {
      throw read.invalid("a short convolution over at least 2 tokens, found \(length)")
    }
    convolution = ConvolutionShape(channels: embeddingLength, length: length)
  }

  func mixer(_ layer: Int) -> LayerShape.Mixer {
    let count = keyValueHeadCounts[layer]
    guard count > 0 else { return .convolution(convolution) }
    if let latent { return .latent(latent) }
    let turns = traits.unrotatedLayerPeriod
    let shape = turns > 0 && layer % turns == turns - 1 ? unrotated : hasWindow[layer] ? windowed : global
    return .attention(shape.sharing(keyValueHeads: count))
  }
}

extension AttentionShape {
  fileprivate func sharing(keyValueHeads: Int) -> AttentionShape {
    AttentionShape(
      headCount: headCount, keyValueHeadCount: keyValueHeads, keyLength: keyLength, valueLength: valueLength,
      window: window, isBidirectional: isBidirectional, hasLinearBiases: hasLinearBiases, scale: scale,
      softCap: softCap,
      rotary: rotary, temperature: temperature)
  }
}
