import CKernels

/// One pass of a decoder-only transformer (Vaswani et al. 2017) over consecutive tokens of one sequence.
///
/// Every lane of a thread team runs the same pass and takes its share of the rows of each product.
struct Transformer {
  let h: Hyperparameters
  let layers: UnsafeMutablePointer<Layer>
  let embedding: Matrix
  let outputNorm: UnsafePointer<Float>
  let outputNormBias: Vector
  let output: Matrix
  let outputBias: Vector
  let scratch: Scratch
  let contextLength: Int

  /// The tokens, whose first has the position `position`.
  let tokens: UnsafePointer<TokenID>
  let count: Int
  let position: Int
  /// Of how many tokens, counted from the last, logits are wanted.
  let logitRows: Int

  func run(_ lane: Lane) {
    let traits = h.traits
    embed(lane)
    for index in 0..<h.layerCount {
      let layer = layers[index]

      // h = norm(x)
      normalize(layer.attentionNorm, layer.attentionNormBias, tokens: 0..<count, lane)

      // q, k, v = Wq h, Wk h, Wv h; queries and keys are turned by their position; k and v join the cache
      projectHeads(layer, index, lane)
      lane.wait()

      // a = softmax(q kᵀ / √d) v, head by head
      attend(layer, index, lane)
      lane.wait()
      quantize(scratch.attendedInput, lane)
      multiply(layer.attentionOutput, layer.attentionOutputBias, scratch.attendedInput, scratch.attentionBranch, lane)

      // x += Wo a, before the feed-forward reads it unless both branches are parallel
      if !traits.isParallel {
        lane.wait()
        add(scratch.attentionBranch, layer.attentionPostNorm, lane)
        normalize(layer.feedForwardNorm ?? layer.attentionNorm, nil, tokens: 0..<count, lane)
      }

      // x += Wdown (act(Wgate h) * Wup h)
      expand(layer, lane)
      lane.wait()
      quantize(scratch.hiddenInput, lane)
      multiply(layer.down, layer.downBias, scratch.hiddenInput, scratch.feedForwardBranch, lane)
      lane.wait()
      if traits.isParallel { add(scratch.attentionBranch, nil, lane) }
      add(scratch.feedForwardBranch, layer.feedForwardPostNorm, lane)
    }
    if logitRows > 0 { predict(lane) }
  }

  // MARK: Steps

  /// x = E[token], times √width for architectures that scale it.
  private func embed(_ lane: Lane) {
    let definition = embedding.format.definition
    let factor = Float(h.embeddingLength).squareRoot()
    forEachToken(0..<count, lane) { token, row in
      let x = scratch.residual + row * h.embeddingLength
      let source = embedding.kernel.data + Int(tokens[token]) * embedding.kernel.row_bytes
      definition.dequantize(source, count: h.embeddingLength, into: x)
      if h.traits.scalesEmbeddings { ck_scale(x, factor, Int32(h.embeddingLength)) }
    }
  }

  private func normalize(_ weight: UnsafePointer<Float>, _ bias: Vector, tokens range: Range<Int>, _ lane: Lane) {
    let width = h.embeddingLength
    forEachToken(range, lane) { token, row in
      norm(scratch.residual + row * width, weight, bias, width, into: scratch.input.real(row))
      var activations = scratch.input.rows(from: row, realFirst: row)
      ck_quantize(&activations, 0, 1)
    }
    if count > 1 { lane.wait() }
  }

  /// Each lane takes whole heads of queries, keys and values, so that it can turn and store them at once.
  private func projectHeads(_ layer: Layer, _ index: Int, _ lane: Lane) {
    let rotation = layer.window > 0 ? scratch.windowRotary : scratch.rotary
    let heads = lane.share(of: h.headCount + 2 * h.keyValueHeadCount)
    let queries = heads.clamped(to: 0..<h.headCount)
    let keys = shifted(heads, by: h.headCount, limit: h.keyValueHeadCount)
    let values = shifted(heads, by: h.headCount + h.keyValueHeadCount, limit: h.keyValueHeadCount)

    let queryStride = h.headCount * h.keyLength
    multiply(layer.query, layer.queryBias, scratch.input, scratch.queries, rows: scaled(queries, h.keyLength), lane)
    for token in 0..<count {
      for head in queries {
        let q = scratch.queries + token * queryStride + head * h.keyLength
        if let weight = layer.queryNorm { norm(q, weight, nil, h.keyLength, into: q) }
        rotation.rotate(q, token: token, layout: h.traits.rotaryLayout)
      }
    }

    let keyStride = h.keyValueHeadCount * h.keyLength
    multiply(layer.key, layer.keyBias, scratch.input, scratch.newKeys, rows: scaled(keys, h.keyLength), lane)
    for token in 0..<count {
      for head in keys {
        let k = scratch.newKeys + token * keyStride + head * h.keyLength
        if let weight = layer.keyNorm { norm(k, weight, nil, h.keyLength, into: k) }
        rotation.rotate(k, token: token, layout: h.traits.rotaryLayout)
        let slot = (cacheHead(index, head) * contextLength + position + token) * h.keyLength
        ck_store_f16(k, scratch.keys + slot, Int32(h.keyLength))
      }
    }

    let valueStride = h.keyValueHeadCount * h.valueLength
    multiply(layer.value, layer.valueBias, scratch.input, scratch.newValues, rows: scaled(values, h.valueLength), lane)
    for token in 0..<count {
      for head in values {
        let v = scratch.newValues + token * valueStride + head * h.valueLength
        let slot = (cacheHead(index, head) * contextLength + position + token) * h.valueLength
        ck_store_f16(v, scratch.values + slot, Int32(h.valueLength))
      }
    }
  }

  /// Lanes take turns at the heads' tiles of queries, since later queries see more.
  private func attend(_ layer: Layer, _ index: Int, _ lane: Lane) {
    let tiles = (count + scratch.queryTile - 1) / scratch.queryTile
    let sharing = h.headCount / h.keyValueHeadCount
    for item in stride(from: lane.index, to: tiles * h.headCount, by: lane.count) {
      let head = item % h.headCount
      let first = item / h.headCount * scratch.queryTile
      let slot = cacheHead(index, head / sharing) * contextLength
      var attention = ck_attention(
        query: scratch.queries + (first * h.headCount + head) * h.keyLength,
        out: scratch.attended + (first * h.headCount + head) * h.valueLength,
        query_stride: h.headCount * h.keyLength, out_stride: h.headCount * h.valueLength,
        keys: scratch.keys + slot * h.keyLength, values: scratch.values + slot * h.valueLength,
        dimension: Int32(h.keyLength), value_dimension: Int32(h.valueLength), position: Int32(position + first),
        queries: Int32(min(scratch.queryTile, count - first)), window: Int32(layer.window), scale: h.attentionScale,
        soft_cap: 0)
      ck_attend(&attention, scratch.attention + lane.index * scratch.attentionStride)
    }
  }

  /// gate = act(Wgate h) * Wup h, or act(Wup h); each lane its share of the hidden elements.
  private func expand(_ layer: Layer, _ lane: Lane) {
    let inner = h.feedForwardLength
    let rows = lane.share(of: inner, unit: 16)
    if let gate = layer.gate {
      multiply(gate, nil, scratch.input, scratch.gate, rows: rows, lane)
      multiply(layer.up, layer.upBias, scratch.input, scratch.up, rows: rows, lane)
    } else {
      multiply(layer.up, layer.upBias, scratch.input, scratch.gate, rows: rows, lane)
    }
    for token in 0..<count {
      let gate = scratch.gate + token * inner + rows.lowerBound
      let up = layer.gate == nil ? nil : UnsafePointer(scratch.up + token * inner + rows.lowerBound)
      switch h.traits.activation {
      case .silu: ck_silu_gate(gate, up, Int32(rows.count))
      case .gelu: ck_gelu_gate(gate, up, Int32(rows.count))
      }
    }
  }

  /// x += branch, normalized first for architectures that do so.
  private func add(_ branch: UnsafeMutablePointer<Float>, _ postNorm: Vector, _ lane: Lane) {
    let width = h.embeddingLength
    forEachToken(0..<count, lane) { token, row in
      var y = branch + token * width
      if let postNorm {
        let normalized = scratch.normalizedBranch + row * width
        norm(y, postNorm, nil, width, into: normalized)
        y = normalized
      }
      ck_add(scratch.residual + row * width, y, Int32(width))
    }
  }

  /// logits = Wout norm(x), for the last tokens.
  private func predict(_ lane: Lane) {
    let first = count - logitRows
    normalize(outputNorm, outputNormBias, tokens: first..<count, lane)
    let rows = lane.share(of: h.vocabularySize, unit: 16)
    let row = count == 1 ? lane.index : first
    multiply(
      output, outputBias, scratch.input.rows(from: row, realFirst: row), count: logitRows, scratch.logits,
      stride: h.vocabularySize, rows: rows, lane)
  }

  // MARK: Parts of steps

  /// With one token every lane does the work, each in its own row; with more, each token is one lane's.
  private func forEachToken(_ range: Range<Int>, _ lane: Lane, _ body: (_ token: Int, _ row: Int) -> Void) {
    if count == 1 { return body(0, lane.index) }
    for token in lane.share(of: count).clamped(to: range) { body(token, token) }
  }

  private func norm(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: Vector, _ width: Int,
    into out: UnsafeMutablePointer<Float>
  ) {
    switch h.traits.norm {
    case .rms: ck_rms_norm(x, weight, h.normEpsilon, Int32(width), out)
    case .layer: ck_layer_norm(x, weight, bias, h.normEpsilon, Int32(width), out)
    }
  }

  private func quantize(_ activations: Activations, _ lane: Lane) {
    forEachToken(0..<count, lane) { token, row in
      var one = activations.rows(from: row, realFirst: token)
      ck_quantize(&one, 0, 1)
    }
    if count > 1 { lane.wait() }
  }

  private func multiply(
    _ matrix: Matrix, _ bias: Vector, _ activations: Activations, _ out: UnsafeMutablePointer<Float>, _ lane: Lane
  ) {
    multiply(matrix, bias, activations, out, rows: lane.share(of: matrix.rows, unit: 16), lane)
  }

  private func multiply(
    _ matrix: Matrix, _ bias: Vector, _ activations: Activations, _ out: UnsafeMutablePointer<Float>,
    rows: Range<Int>, _ lane: Lane
  ) {
    // The floats of attention and feed-forward have one row a token, not one a lane.
    let ownsRows = activations.kernel.real == scratch.input.kernel.real
    let row = count == 1 ? lane.index : 0
    let view = activations.rows(from: row, realFirst: ownsRows ? row : 0)
    multiply(matrix, bias, view, count: count, out, stride: matrix.rows, rows: rows, lane)
  }

  private func multiply(
    _ matrix: Matrix, _ bias: Vector, _ activations: ck_activations, count: Int, _ out: UnsafeMutablePointer<Float>,
    stride: Int, rows: Range<Int>, _ lane: Lane
  ) {
    var kernel = matrix.kernel
    var activations = activations
    let panel = scratch.panels + lane.index * scratch.panelStride
    ck_multiply(
      &kernel, Int32(rows.lowerBound), Int32(rows.upperBound), &activations, Int32(count), out, stride, panel)
    if let bias {
      for token in 0..<count {
        ck_add(out + token * stride + rows.lowerBound, bias + rows.lowerBound, Int32(rows.count))
      }
    }
  }

  private func cacheHead(_ layer: Int, _ head: Int) -> Int {
    layer * h.keyValueHeadCount + head
  }

  private func shifted(_ range: Range<Int>, by offset: Int, limit: Int) -> Range<Int> {
    let first = max(0, min(limit, range.lowerBound - offset))
    return first..<max(first, min(limit, range.upperBound - offset))
  }

  private func scaled(_ range: Range<Int>, _ factor: Int) -> Range<Int> {
    range.lowerBound * factor..<range.upperBound * factor
  }
}
