/// One layer: a mixer, which lets tokens see those before them, and a feed-forward, with the norms around them.
///
/// The GGUF name of each tensor stands beside its field (`blk.N.` left out).
struct Layer {
  let mixerNorm: Norm?  // attn_norm
  let mixer: Mixer
  let mixerPostNorm: Norm?  // post_attention_norm
  let feedForwardNorm: Norm?  // ffn_norm; absent where both branches read the same, or neither has one
  /// Mixer and feed-forward both read what comes in.
  let isParallel: Bool
  let feedForward: FeedForward
  let feedForwardPostNorm: Norm?  // post_ffw_norm
  /// Of the residual stream after each branch.
  let sumNorms: (mixer: Norm, feedForward: Norm)?  // attn_output_norm, layer_output_norm

  /// - Parameter place: Where the layer's keys and values or its state are; moves on by their size.
  init(
    _ index: Int, _ h: Hyperparameters, _ tensors: TensorReader, _ place: inout CachePlace
  ) throws(ModelError) {
    let traits = h.traits
    let width = h.embeddingLength
    let shape = h.layers[index]
    func norm(_ name: StaticString) throws(ModelError) -> Norm? {
      guard traits.hasPreNorms else { return nil }
      // Where embeddings are normalized the first layer need not do it again, unlike the others.
      if index == 0, traits.hasEmbeddingNorm, !tensors.has(layer: index, name, ".weight") { return nil }
      return try tensors.optionalNorm(layer: index, name, traits.norm, count: width)
    }
    let (first, second) = (try norm(traits.mixerNorm), try norm(traits.feedForwardNorm))
    switch traits.branches {
    case .sequential: isParallel = false
    case .parallel: isParallel = true
    case .byHeader: isParallel = h.isParallel
    case .byNorms: isParallel = second == nil
    }
    // One alone is that of both branches.
    mixerNorm = isParallel ? first ?? second : first
    feedForwardNorm = isParallel && first == nil ? nil : second
    if traits.hasPreNorms {
      let isNormalized = index == 0 && traits.hasEmbeddingNorm
      if !isNormalized { _ = try tensors.required(mixerNorm, "blk.\(index).\(traits.mixerNorm).weight") }
      if !isParallel { _ = try tensors.required(second, "blk.\(index).\(traits.feedForwardNorm).weight") }
    }
    switch shape.mixer {
    case .attention(let shape): mixer = .attention(try Attention(index, shape, h, tensors, &place))
    case .latent(let shape): mixer = .latent(try LatentAttention(index, shape, h, tensors, &place))
    case .convolution(let shape): mixer = .convolution(try ShortConvolution(index, shape, h, tensors, &place))
    }
    feedForward = try FeedForward(index, shape, h, tensors)
    if traits.hasPostNorms {
      mixerPostNorm = try tensors.norm(layer: index, "post_attention_norm", traits.norm, count: width)
      feedForwardPostNorm = try tensors.norm(layer: index, "post_ffw_norm", traits.norm, count: width)
    } else {
      mixerPostNorm = nil
      feedForwardPostNorm = nil
    }
    sumNorms =
      traits.hasSumNorms
      ? (
        try tensors.norm(layer: index, "attn_output_norm", traits.norm, count: width),
        try tensors.norm(layer: index, "layer_output_norm", traits.norm, count: width)
      ) : nil
  }

  /// The norm of what the branches read first: in parallel ones the feed-forward's, which comes before the mixer.
  var inputNorm: Norm? { isParallel ? feedForwardNorm ?? mixerNorm : mixerNorm }
}

/// How a layer lets tokens see those before them.
enum Mixer {
  case attention(Attention)
  case latent(LatentAttention)
  case convolution(ShortConvolution)
}

/// Where a layer's memory of a sequence begins.
struct CachePlace {
  /// In a page, in elements of keys and values.
  var page = 0
  /// In the recurrent state, in floats.
  var state = 0
}

/// Softmax of scaled products of queries with the keys before them (Vaswani et al. 2017).
struct Attention {
  let shape: AttentionShape
  let query: Linear  // attn_q [heads * key length × embedding], or the first rows of attn_qkv
  let key: Linear  // attn_k [key-value heads * key length × embedding]
  let value: Linear  // attn_v [key-value heads * value length × embedding]
  /// What is normalized of queries and keys; none where the file has no factors for it.
  let norms: Architecture.QueryKeyNorms
  /// Of all heads together, or one head's after the other's, where ``norms`` says so.
  let queryNorm: Vector  // attn_q_norm [key length] or [heads * key length]
  let keyNorm: Vector  // attn_k_norm [key length] or [key-value heads * key length]
  let output: Linear  // attn_output [embedding × heads * value length]
  /// Scores that take their part of a head's weights and have no value (Xiao et al. 2023).
  let sinks: Vector  // attn_sinks [heads]
  /// Which of the model's rotary tables turns the heads.
  let rotaryTable: Int
  /// Where the keys and values are in a page, in elements: ``PageLayout``.
  let place: Int

  init(
    _ index: Int, _ shape: AttentionShape, _ h: Hyperparameters, _ tensors: TensorReader, _ place: inout CachePlace
  ) throws(ModelError) {
    let width = h.embeddingLength
    let (queries, keys, values) = (shape.queryWidth, shape.keyWidth, shape.valueWidth)
    let rows = queries + keys + values
    if let fused = try tensors.optionalMatrix(layer: index, "attn_qkv", ".weight", rows: rows, columns: width) {
      let bias = try tensors.optionalVector(layer: index, "attn_qkv", ".bias", count: rows)
      let all = Linear(weight: fused, bias: bias)
      query = all.rows(0..<queries)
      key = all.rows(queries..<queries + keys)
      value = all.rows(queries + keys..<rows)
    } else {
      query = try tensors.linear(layer: index, "attn_q", rows: queries, columns: width)
      key = try tensors.linear(layer: index, "attn_k", rows: keys, columns: width)
      value = try tensors.linear(layer: index, "attn_v", rows: values, columns: width)
    }
    let kind = h.traits.queryKeyNorms
    let lengths = Self.normLengths(kind, shape)
    switch kind {
    case .none: (queryNorm, keyNorm) = (nil, nil)
    case .heads, .turnedHeads, .vectors:
      queryNorm = try tensors.vector(layer: index, "attn_q_norm", count: lengths.query)
      keyNorm = try tensors.vector(layer: index, "attn_k_norm", count: lengths.key)
    case .separateHeads:
      let (heads, shared) = (shape.headCount, shape.keyValueHeadCount)
      queryNorm = try tensors.optionalFloats(
        layer: index, "attn_q_norm", ".weight", rows: heads, columns: shape.keyLength)
      // Both or neither.
      keyNorm =
        try queryNorm != nil
        ? tensors.floats(layer: index, "attn_k_norm", rows: shared, columns: shape.keyLength) : nil
    }
    norms = queryNorm == nil && keyNorm == nil ? .none : kind
    output = try tensors.linear(layer: index, "attn_output", rows: width, columns: shape.attendedWidth)
    sinks = try tensors.optionalVector(layer: index, "attn_sinks", ".weight", count: shape.headCount)
    self.shape = shape
    rotaryTable = h.rotaryShapes.firstIndex(of: shape.rotary) ?? 0
    self.place = place.page
    place.page += PageLayout.elements(of: shape)
  }
}

extension Attention {
  /// Factors of the norms of queries and of keys.
  static func normLengths(_ kind: Architecture.QueryKeyNorms, _ shape: AttentionShape) -> (query: Int, key: Int) {
    switch kind {
    case .none: (0, 0)
    case .heads, .turnedHeads: (shape.keyLength, shape.keyLength)
    case .separateHeads, .vectors: (shape.queryWidth, shape.keyWidth)
    }
  }
}

/// A convolution over the last few tokens between two gates (LFM2, Liquid AI 2025):
/// y = out(c * conv(b * x)), where b, c, x = in(h).
struct ShortConvolution {
  let shape: ConvolutionShape
  let input: Linear  // shortconv.in_proj [3 * channels × embedding]: b, c, x
  let kernel: UnsafePointer<Float>  // shortconv.conv [channels][length], the newest token last
  let output: Linear  // shortconv.out_proj [embedding × channels]
  /// Where its part of the recurrent state is, in floats.
  let place: Int

  init(
    _ index: Int, _ shape: ConvolutionShape, _ h: Hyperparameters, _ tensors: TensorReader, _ place: inout CachePlace
  ) throws(ModelError) {
    let width = h.embeddingLength
    input = try tensors.linear(layer: index, "shortconv.in_proj", rows: 3 * shape.channels, columns: width)
    kernel = try tensors.floats(layer: index, "shortconv.conv", rows: shape.channels, columns: shape.length)
    output = try tensors.linear(layer: index, "shortconv.out_proj", rows: width, columns: shape.channels)
    self.shape = shape
    self.place = place.state
    place.state += shape.stateCount
  }
}

/// What each token goes through on its own.
enum FeedForward {
  /// down(act(gate h) * up h) (Shazeer 2020)
  case gated(gate: Linear, up: Linear, down: Linear)  // ffn_gate, ffn_up, ffn_down; or both halves of ffn_up
  /// down(act(up h))
  case plain(up: Linear, down: Linear, XIELU?)  // ffn_up, ffn_down
  case mixture(Mixture)

  init(_ index: Int, _ shape: LayerShape, _ h: Hyperparameters, _ tensors: TensorReader) throws(ModelError) {
    let (width, inner) = (h.embeddingLength, shape.feedForwardLength)
    if let experts = shape.experts {
      self = .mixture(try Mixture(index, experts, shared: inner, h, tensors))
      return
    }
    let down = try tensors.linear(layer: index, "ffn_down", rows: width, columns: inner)
    func up(rows: Int) throws(ModelError) -> Linear {
      try tensors.linear(layer: index, "ffn_up", rows: rows, columns: width)
    }
    guard h.traits.isGated else {
      self = .plain(up: try up(rows: inner), down: down, shape.curve)
      return
    }
    if let gate = try tensors.optionalMatrix(layer: index, "ffn_gate", ".weight", rows: inner, columns: width) {
      let bias = try tensors.optionalVector(layer: index, "ffn_gate", ".bias", count: inner)
      self = .gated(gate: Linear(weight: gate, bias: bias), up: try up(rows: inner), down: down)
    } else {
      let both = try up(rows: 2 * inner)
      self = .gated(gate: both.rows(0..<inner), up: both.rows(inner..<2 * inner), down: down)
    }
  }
}
