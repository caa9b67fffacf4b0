/// One layer: a mixer, which lets tokens see those before them, and a feed-forward, with the norms around them.
///
/// The GGUF name of each tensor stands beside its field (`blk.N.` left out).
struct Layer {
  let mixerNorm: Norm  // attn_norm
  let mixer: Mixer
  let mixerPostNorm: Norm?  // post_attention_norm
  let feedForwardNorm: Norm?  // ffn_norm; absent where both branches read the same
  let feedForward: FeedForward
  let feedForwardPostNorm: Norm?  // post_ffw_norm

  /// - Parameter place: Where the layer's keys and values or its state are; moves on by their size.
  init(
    _ index: Int, _ h: Hyperparameters, _ tensors: TensorReader, _ place: inout CachePlace
  ) throws(ModelError) {
    let traits = h.traits
    let width = h.embeddingLength
    let shape = h.layers[index]
    mixerNorm = try tensors.norm(layer: index, "attn_norm", traits.norm, count: width)
    switch shape.mixer {
    case .attention(let shape): mixer = .attention(try Attention(index, shape, h, tensors, &place))
    case .convolution(let shape): mixer = .convolution(try ShortConvolution(index, shape, h, tensors, &place))
    }
    feedForwardNorm = traits.isParallel ? nil : try tensors.norm(layer: index, "ffn_norm", traits.norm, count: width)
    feedForward = try FeedForward(index, shape, h, tensors)
    if traits.hasPostNorms {
      mixerPostNorm = try tensors.norm(layer: index, "post_attention_norm", traits.norm, count: width)
      feedForwardPostNorm = try tensors.norm(layer: index, "post_ffw_norm", traits.norm, count: width)
    } else {
      mixerPostNorm = nil
      feedForwardPostNorm = nil
    }
  }
}

/// How a layer lets tokens see those before them.
enum Mixer {
  case attention(Attention)
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
  let queryNorm: Vector  // attn_q_norm [key length]
  let keyNorm: Vector  // attn_k_norm [key length]
  let output: Linear  // attn_output [embedding × heads * value length]
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
      func part(_ range: Range<Int>) -> Linear {
        Linear(weight: fused.rows(range), bias: bias.map { $0 + range.lowerBound })
      }
      query = part(0..<queries)
      key = part(queries..<queries + keys)
      value = part(queries + keys..<rows)
    } else {
      query = try tensors.linear(layer: index, "attn_q", rows: queries, columns: width)
      key = try tensors.linear(layer: index, "attn_k", rows: keys, columns: width)
      value = try tensors.linear(layer: index, "attn_v", rows: values, columns: width)
    }
    if h.traits.hasQueryKeyNorms {
      queryNorm = try tensors.vector(layer: index, "attn_q_norm", count: shape.keyLength)
      keyNorm = try tensors.vector(layer: index, "attn_k_norm", count: shape.keyLength)
    } else {
      queryNorm = nil
      keyNorm = nil
    }
    output = try tensors.linear(layer: index, "attn_output", rows: width, columns: shape.attendedWidth)
    self.shape = shape
    rotaryTable = h.rotaryShapes.firstIndex(of: shape.rotary) ?? 0
    self.place = place.page
    place.page += PageLayout.elements(of: shape)
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
  case gated(gate: Linear, up: Linear, down: Linear)  // ffn_gate, ffn_up, ffn_down
  /// down(act(up h))
  case plain(up: Linear, down: Linear)  // ffn_up, ffn_down

  init(_ index: Int, _ shape: LayerShape, _ h: Hyperparameters, _ tensors: TensorReader) throws(ModelError) {
    let (width, inner) = (h.embeddingLength, shape.feedForwardLength)
    let up = try tensors.linear(layer: index, "ffn_up", rows: inner, columns: width)
    let down = try tensors.linear(layer: index, "ffn_down", rows: width, columns: inner)
    if h.traits.isGated {
      self = .gated(gate: try tensors.linear(layer: index, "ffn_gate", rows: inner, columns: width), up: up, down: down)
    } else {
      self = .plain(up: up, down: down)
    }
  }

  var up: Linear {
    switch self {
    case .gated(_, let up, _), .plain(let up, _): up
    }
  }

  var down: Linear {
    switch self {
    case .gated(_, _, let down), .plain(_, let down): down
    }
  }
}
