/// The weights of one layer; the GGUF name of each tensor stands beside its field (`blk.N.` left out).
struct Layer {
  let attentionNorm: UnsafePointer<Float>  // attn_norm.weight [embedding]
  let attentionNormBias: Vector  // attn_norm.bias
  let query: Matrix  // attn_q.weight [heads * key length × embedding], or the first rows of attn_qkv.weight
  let key: Matrix  // attn_k.weight [key-value heads * key length × embedding]
  let value: Matrix  // attn_v.weight [key-value heads * value length × embedding]
  let queryBias: Vector  // attn_q.bias
  let keyBias: Vector  // attn_k.bias
  let valueBias: Vector  // attn_v.bias
  let queryNorm: Vector  // attn_q_norm.weight [key length]
  let keyNorm: Vector  // attn_k_norm.weight [key length]
  let attentionOutput: Matrix  // attn_output.weight [embedding × heads * value length]
  let attentionOutputBias: Vector  // attn_output.bias
  let attentionPostNorm: Vector  // post_attention_norm.weight [embedding]

  let feedForwardNorm: Vector  // ffn_norm.weight [embedding]; absent when parallel
  let gate: Matrix?  // ffn_gate.weight [feed-forward × embedding]
  let up: Matrix  // ffn_up.weight [feed-forward × embedding]
  let upBias: Vector  // ffn_up.bias
  let down: Matrix  // ffn_down.weight [embedding × feed-forward]
  let downBias: Vector  // ffn_down.bias
  let feedForwardPostNorm: Vector  // post_ffw_norm.weight [embedding]

  /// Positions a query sees; 0: all before it.
  let window: Int

  init(_ index: Int, _ h: Hyperparameters, _ tensors: TensorReader) throws(ModelError) {
    let traits = h.traits
    let width = h.embeddingLength
    let queryRows = h.headCount * h.keyLength
    let keyRows = h.keyValueHeadCount * h.keyLength
    let valueRows = h.keyValueHeadCount * h.valueLength

    attentionNorm = try tensors.vector(layer: index, "attn_norm.weight", count: width)
    attentionNormBias = try tensors.optionalVector(layer: index, "attn_norm.bias", count: width)
    let rows = queryRows + keyRows + valueRows
    if let fused = try tensors.optionalMatrix(layer: index, "attn_qkv.weight", rows: rows, columns: width) {
      query = fused.rows(0..<queryRows)
      key = fused.rows(queryRows..<queryRows + keyRows)
      value = fused.rows(queryRows + keyRows..<rows)
      let bias = try tensors.optionalVector(layer: index, "attn_qkv.bias", count: rows)
      queryBias = bias
      keyBias = bias.map { $0 + queryRows }
      valueBias = bias.map { $0 + queryRows + keyRows }
    } else {
      query = try tensors.matrix(layer: index, "attn_q.weight", rows: queryRows, columns: width)
      key = try tensors.matrix(layer: index, "attn_k.weight", rows: keyRows, columns: width)
      value = try tensors.matrix(layer: index, "attn_v.weight", rows: valueRows, columns: width)
      queryBias = try tensors.optionalVector(layer: index, "attn_q.bias", count: queryRows)
      keyBias = try tensors.optionalVector(layer: index, "attn_k.bias", count: keyRows)
      valueBias = try tensors.optionalVector(layer: index, "attn_v.bias", count: valueRows)
    }
    if traits.hasQueryKeyNorms {
      queryNorm = try tensors.vector(layer: index, "attn_q_norm.weight", count: h.keyLength)
      keyNorm = try tensors.vector(layer: index, "attn_k_norm.weight", count: h.keyLength)
    } else {
      queryNorm = nil
      keyNorm = nil
    }
    let attended = h.headCount * h.valueLength
    attentionOutput = try tensors.matrix(layer: index, "attn_output.weight", rows: width, columns: attended)
    attentionOutputBias = try tensors.optionalVector(layer: index, "attn_output.bias", count: width)

    feedForwardNorm =
      traits.isParallel ? nil : try tensors.vector(layer: index, "ffn_norm.weight", count: width)
    let inner = h.feedForwardLength
    gate = traits.isGated ? try tensors.matrix(layer: index, "ffn_gate.weight", rows: inner, columns: width) : nil
    up = try tensors.matrix(layer: index, "ffn_up.weight", rows: inner, columns: width)
    upBias = try tensors.optionalVector(layer: index, "ffn_up.bias", count: inner)
    down = try tensors.matrix(layer: index, "ffn_down.weight", rows: width, columns: inner)
    downBias = try tensors.optionalVector(layer: index, "ffn_down.bias", count: width)

    if traits.hasPostNorms {
      attentionPostNorm = try tensors.vector(layer: index, "post_attention_norm.weight", count: width)
      feedForwardPostNorm = try tensors.vector(layer: index, "post_ffw_norm.weight", count: width)
    } else {
      attentionPostNorm = nil
      feedForwardPostNorm = nil
    }
    let isGlobal = traits.globalLayerPeriod == 0 || index % traits.globalLayerPeriod == traits.globalLayerPeriod - 1
    window = isGlobal ? 0 : h.slidingWindow
  }
}
