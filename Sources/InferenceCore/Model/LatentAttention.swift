/// The sizes of attention over latent vectors (DeepSeek-AI 2024).
struct LatentShape: Sendable {
  /// As it is computed: all heads share one key, a latent vector and behind it what is turned, and one value, the latent vector.
  let attention: AttentionShape
  /// Elements of a head's query that are not turned, and of its value.
  let plainLength: Int
  let valueLength: Int
  /// Elements that queries are made of; 0: those of the residual stream.
  let queryRank: Int

  var headCount: Int { attention.headCount }
  /// Elements of a latent vector.
  var rank: Int { attention.valueLength }
  var turnedLength: Int { attention.keyLength - rank }
  var queryLength: Int { plainLength + turnedLength }
}

/// Attention whose keys and values are products of a latent vector, which alone is kept of a token (DeepSeek-AI 2024):
/// q · Wk c = (Wkᵀ q) · c and Σ w Wv c = Wv Σ w c, so that heads attend to the latent vectors themselves.
struct LatentAttention {
  let shape: LatentShape
  let queryDown: Linear?  // attn_q_a [query rank × embedding]
  let queryNorm: Vector  // attn_q_a_norm [query rank]
  let query: Linear  // attn_q_b [heads * query length × query rank], or attn_q [heads * query length × embedding]
  let latent: Linear  // attn_kv_a_mqa [rank + turned length × embedding]
  let latentNorm: UnsafePointer<Float>  // attn_kv_a_norm [rank]
  let output: Linear  // attn_output [embedding × heads * value length]
  /// Which of the model's rotary tables turns the heads.
  let rotaryTable: Int
  /// Where the latent vectors are in a page, in elements: ``PageLayout``.
  let place: Int
  private let heads: Heads

  /// Wkᵀ and Wv of all heads; in older files Wk and Wv one below the other, head by head.
  private enum Heads {
    case apart(keys: Linear, values: Linear)  // attn_k_b [heads * rank × plain], attn_v_b [heads * value × rank]
    case together(Linear)  // attn_kv_b [heads * (plain + value) × rank]
  }

  init(
    _ index: Int, _ shape: LatentShape, _ h: Hyperparameters, _ tensors: TensorReader, _ place: inout CachePlace
  ) throws(ModelError) {
    let (width, count, rank) = (h.embeddingLength, shape.headCount, shape.rank)
    let queries = count * shape.queryLength
    if shape.queryRank > 0 {
      queryDown = try tensors.linear(layer: index, "attn_q_a", rows: shape.queryRank, columns: width)
      queryNorm = try tensors.vector(layer: index, "attn_q_a_norm", count: shape.queryRank)
      query = try tensors.linear(layer: index, "attn_q_b", rows: queries, columns: shape.queryRank)
    } else {
      (queryDown, queryNorm) = (nil, nil)
      query = try tensors.linear(layer: index, "attn_q", rows: queries, columns: width)
    }
    latent = try tensors.linear(layer: index, "attn_kv_a_mqa", rows: rank + shape.turnedLength, columns: width)
    latentNorm = try tensors.vector(layer: index, "attn_kv_a_norm", count: rank)
    let rows = count * (shape.plainLength + shape.valueLength)
    if let both = try tensors.optionalMatrix(layer: index, "attn_kv_b", ".weight", rows: rows, columns: rank) {
      heads = .together(Linear(weight: both, bias: nil))
    } else {
      heads = .apart(
        keys: try tensors.experts(layer: index, "attn_k_b", count, rows: rank, columns: shape.plainLength),
        values: try tensors.experts(layer: index, "attn_v_b", count, rows: shape.valueLength, columns: rank))
    }
    output = try tensors.linear(layer: index, "attn_output", rows: width, columns: count * shape.valueLength)
    self.shape = shape
    rotaryTable = h.rotaryShapes.firstIndex(of: shape.attention.rotary) ?? 0
    self.place = place.page
    place.page += PageLayout.elements(of: shape.attention)
  }

  /// A head's Wkᵀ [rank × plain length], or its Wk [plain length × rank].
  func key(_ head: Int) -> (matrix: Linear, isTransposed: Bool) {
    switch heads {
    case .apart(let keys, _): return (keys.rows(head * shape.rank..<(head + 1) * shape.rank), true)
    case .together(let both):
      let first = head * (shape.plainLength + shape.valueLength)
      return (both.rows(first..<first + shape.plainLength), false)
    }
  }

  /// A head's Wv [value length × rank].
  func value(_ head: Int) -> Linear {
    switch heads {
    case .apart(_, let values): return values.rows(head * shape.valueLength..<(head + 1) * shape.valueLength)
    case .together(let both):
      let end = (head + 1) * (shape.plainLength + shape.valueLength)
      return both.rows(end - shape.valueLength..<end)
    }
  }

  /// The matrices besides the output's.
  var matrices: [Linear] {
    let own: [Linear] =
      switch heads {
      case .apart(let keys, let values): [keys, values]
      case .together(let both): [both]
      }
    return [query, latent] + own + (queryDown.map { [$0] } ?? [])
  }
}
