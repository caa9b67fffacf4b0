import CKernels

/// One pass of a decoder-only transformer (Vaswani et al. 2017) over consecutive tokens of one sequence.
///
/// Every lane of a thread team runs the same pass and takes pieces of each step.
struct Transformer {
  let h: Hyperparameters
  let layers: UnsafeMutablePointer<Layer>
  let embedding: Matrix
  let outputNorm: UnsafePointer<Float>
  let outputNormBias: Vector
  let output: Matrix
  let outputBias: Vector
  let scratch: Scratch

  /// The tokens, whose first has the position `position`.
  let tokens: UnsafePointer<TokenID>
  let count: Int
  let position: Int
  /// Of how many tokens, counted from the last, logits are wanted.
  let logitRows: Int
  /// The layers to run now: a pass may be cut between layers, as all that one hands to the next lies in `scratch`.
  let slice: Range<Int>

  /// Steps of ``run(_:)`` at most; each is one ``Lane/share(_:_:)``.
  static let stepsPerLayer = 8
  static let stepsOutsideLayers = 2

  func run(_ lane: inout Lane) {
    // x = E[token], h = norm(x)
    if slice.lowerBound == 0 {
      eachToken(&lane) { token in
        embed(token)
        normalize(token, layers[0].attentionNorm, layers[0].attentionNormBias)
      }
    }
    for index in slice {
      let layer = layers[index]

      // q, k, v = Wq h, Wk h, Wv h; queries and keys are turned by their position; k and v join the cache
      projectHeads(layer, index, &lane)

      // a = softmax(q kᵀ / √d) v, head by head
      attend(layer, index, &lane)
      multiply(layer.attentionOutput, layer.attentionOutputBias, scratch.attended, scratch.attentionBranch, &lane)

      // x += Wo a, before the feed-forward reads it unless both branches are parallel
      if !h.traits.isParallel {
        eachToken(&lane) { token in
          add(scratch.attentionBranch, layer.attentionPostNorm, token)
          normalize(token, layer.feedForwardNorm ?? layer.attentionNorm, nil)
        }
      }

      // x += Wdown (act(Wgate h) * Wup h); h = norm(x) for what comes next
      expand(layer, &lane)
      multiply(layer.down, layer.downBias, scratch.hidden, scratch.feedForwardBranch, &lane)
      eachToken(&lane) { token in
        if h.traits.isParallel { add(scratch.attentionBranch, nil, token) }
        add(scratch.feedForwardBranch, layer.feedForwardPostNorm, token)
        if index + 1 < h.layerCount {
          normalize(token, layers[index + 1].attentionNorm, layers[index + 1].attentionNormBias)
        } else if token >= count - logitRows {
          normalize(token, outputNorm, outputNormBias)
        }
      }
    }
    if slice.upperBound == h.layerCount, logitRows > 0 { predict(&lane) }
  }

  // MARK: Steps

  /// Each piece is one head of queries, keys or values, so that it can be turned and stored at once.
  private func projectHeads(_ layer: Layer, _ index: Int, _ lane: inout Lane) {
    let rotation = layer.window > 0 ? scratch.windowRotary : scratch.rotary
    let (lastQuery, lastKey) = (h.headCount, h.headCount + h.keyValueHeadCount)
    let thread = lane.index
    lane.share(h.headCount + 2 * h.keyValueHeadCount) { piece in
      if piece < lastQuery {
        let rows = rows(ofHead: piece, h.keyLength)
        multiply(layer.query, layer.queryBias, scratch.input, scratch.queries, rows: rows, thread)
        for token in 0..<count {
          let q = scratch.queries + token * layer.query.rows + rows.lowerBound
          if let weight = layer.queryNorm { norm(q, weight, nil, h.keyLength, into: q) }
          rotation.rotate(q, token: token, layout: h.traits.rotaryLayout)
        }
      } else if piece < lastKey {
        let rows = rows(ofHead: piece - lastQuery, h.keyLength)
        let cache = scratch.keys + cacheHead(index, piece - lastQuery) * scratch.cachedPositions * h.keyLength
        multiply(layer.key, layer.keyBias, scratch.input, scratch.newKeys, rows: rows, thread)
        for token in 0..<count {
          let k = scratch.newKeys + token * layer.key.rows + rows.lowerBound
          if let weight = layer.keyNorm { norm(k, weight, nil, h.keyLength, into: k) }
          rotation.rotate(k, token: token, layout: h.traits.rotaryLayout)
          ck_store_key(k, cache, Int32(position + token), Int32(h.keyLength))
        }
      } else {
        let rows = rows(ofHead: piece - lastKey, h.valueLength)
        let cache = scratch.values + cacheHead(index, piece - lastKey) * scratch.cachedPositions * h.valueLength
        multiply(layer.value, layer.valueBias, scratch.input, scratch.newValues, rows: rows, thread)
        for token in 0..<count {
          let v = scratch.newValues + token * layer.value.rows + rows.lowerBound
          ck_store_value(v, cache, Int32(position + token), Int32(h.valueLength))
        }
      }
    }
  }

  /// Pieces are tiles of queries of one group of heads, or with few tokens spans of positions.
  private func attend(_ layer: Layer, _ index: Int, _ lane: inout Lane) {
    let groups = h.keyValueHeadCount * h.headGroups.count
    let heads = h.headGroups.size
    let tokensPerTile = Int(CK_ATTENTION_ROWS) / heads
    if count <= tokensPerTile, groups * heads * count <= scratch.partialRows {
      // A token's keys are few where they have a window.
      var all = attention(layer, index, group: 0, tokens: 0..<count)
      let first = Int(ck_first_span(&all))
      let spans = Int(ck_last_span(&all)) - first
      let stride = heads * count * ck_partial_floats(Int32(h.valueLength))
      lane.share(groups * spans) { piece in
        let (group, span) = (piece / spans, piece % spans)
        var part = attention(layer, index, group: group, tokens: 0..<count)
        ck_attend(&part, Int32(first + span), scratch.partials + piece * stride)
      }
      lane.share(1) { _ in
        for group in 0..<groups {
          var part = attention(layer, index, group: group, tokens: 0..<count)
          ck_combine(&part, scratch.partials + group * spans * stride, stride)
        }
        for token in 0..<count { scratch.attended.quantize(token) }
      }
      return
    }
    let tiles = (count + tokensPerTile - 1) / tokensPerTile
    let partials = scratch.partials + lane.index * scratch.partialStride * Int(CK_ATTENTION_ROWS)
    lane.share(tiles * groups) { piece in
      // Later tiles see more: they come first, so that the last pieces are short.
      let first = (tiles - 1 - piece / groups) * tokensPerTile
      let tokens = first..<min(first + tokensPerTile, count)
      var part = attention(layer, index, group: piece % groups, tokens: tokens)
      let stride = Int(part.heads * part.tokens) * ck_partial_floats(Int32(h.valueLength))
      let spans = ck_first_span(&part)..<ck_last_span(&part)
      for (slot, span) in spans.enumerated() { ck_attend(&part, span, partials + slot * stride) }
      ck_combine(&part, partials, stride)
    }
    eachToken(&lane) { token in scratch.attended.quantize(token) }
  }

  /// gate = act(Wgate h) * Wup h, or act(Wup h); each piece is a part of the hidden elements.
  private func expand(_ layer: Layer, _ lane: inout Lane) {
    let inner = h.feedForwardLength
    let (gate, up) = (scratch.hidden.real(0), scratch.up)
    let size = rowsPerPiece(layer.up, unit: scratch.hidden.unit, lane)
    let thread = lane.index
    lane.share((inner + size - 1) / size) { piece in
      let rows = piece * size..<min((piece + 1) * size, inner)
      if let matrix = layer.gate {
        multiply(matrix, nil, scratch.input, gate, rows: rows, thread)
        multiply(layer.up, layer.upBias, scratch.input, up, rows: rows, thread)
      } else {
        multiply(layer.up, layer.upBias, scratch.input, gate, rows: rows, thread)
      }
      for token in 0..<count {
        let x = gate + token * inner + rows.lowerBound
        let factor = layer.gate == nil ? nil : UnsafePointer(up + token * inner + rows.lowerBound)
        switch h.traits.activation {
        case .silu: ck_silu_gate(x, factor, Int32(rows.count))
        case .gelu: ck_gelu_gate(x, factor, Int32(rows.count))
        }
        scratch.hidden.quantize(token, columns: rows)
      }
    }
  }

  /// logits = Wout norm(x), for the last tokens.
  private func predict(_ lane: inout Lane) {
    let input = scratch.input.rows(from: count - logitRows)
    let size = rowsPerPiece(output, unit: 16, lane)
    let thread = lane.index
    lane.share((output.rows + size - 1) / size) { piece in
      let rows = piece * size..<min((piece + 1) * size, output.rows)
      multiply(output, outputBias, input, count: logitRows, scratch.logits, rows: rows, thread)
    }
  }

  private func multiply(
    _ matrix: Matrix, _ bias: Vector, _ activations: Activations, _ out: UnsafeMutablePointer<Float>,
    _ lane: inout Lane
  ) {
    let size = rowsPerPiece(matrix, unit: 16, lane)
    let thread = lane.index
    lane.share((matrix.rows + size - 1) / size) { piece in
      multiply(matrix, bias, activations, out, rows: piece * size..<min((piece + 1) * size, matrix.rows), thread)
    }
  }

  // MARK: Parts of steps

  private func eachToken(_ lane: inout Lane, _ body: (_ token: Int) -> Void) {
    let size = 4
    lane.share((count + size - 1) / size) { piece in
      for token in piece * size..<min((piece + 1) * size, count) { body(token) }
    }
  }

  /// x = E[token], times √width for architectures that scale it.
  private func embed(_ token: Int) {
    let x = scratch.residual + token * h.embeddingLength
    let source = embedding.kernel.data + Int(tokens[token]) * embedding.kernel.row_bytes
    embedding.format.definition.dequantize(source, count: h.embeddingLength, into: x)
    if h.traits.scalesEmbeddings { ck_scale(x, Float(h.embeddingLength).squareRoot(), Int32(h.embeddingLength)) }
  }

  /// h = norm(x), also quantized.
  private func normalize(_ token: Int, _ weight: UnsafePointer<Float>, _ bias: Vector) {
    let width = h.embeddingLength
    norm(scratch.residual + token * width, weight, bias, width, into: scratch.input.real(token))
    scratch.input.quantize(token)
  }

  /// x += branch, normalized first for architectures that do so.
  private func add(_ branch: UnsafeMutablePointer<Float>, _ postNorm: Vector, _ token: Int) {
    let width = h.embeddingLength
    let y = branch + token * width
    if let postNorm { norm(y, postNorm, nil, width, into: y) }
    ck_add(scratch.residual + token * width, y, Int32(width))
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

  private func attention(_ layer: Layer, _ index: Int, group: Int, tokens: Range<Int>) -> ck_attention {
    let groups = h.headGroups
    let keyValueHead = group / groups.count
    let firstOfGroup = group % groups.count * groups.size
    let sharing = h.headCount / h.keyValueHeadCount
    let head = keyValueHead * sharing + firstOfGroup
    let cached = cacheHead(index, keyValueHead) * scratch.cachedPositions
    return ck_attention(
      query: scratch.queries + (tokens.lowerBound * h.headCount + head) * h.keyLength,
      out: scratch.attended.real(tokens.lowerBound) + head * h.valueLength,
      query_stride: h.headCount * h.keyLength, out_stride: h.headCount * h.valueLength,
      keys: scratch.keys + cached * h.keyLength, values: scratch.values + cached * h.valueLength,
      dimension: Int32(h.keyLength), value_dimension: Int32(h.valueLength),
      heads: Int32(min(groups.size, sharing - firstOfGroup)), tokens: Int32(tokens.count),
      position: Int32(position + tokens.lowerBound), window: Int32(layer.window), scale: h.attentionScale, soft_cap: 0)
  }

  private func multiply(
    _ matrix: Matrix, _ bias: Vector, _ activations: Activations, _ out: UnsafeMutablePointer<Float>,
    rows: Range<Int>, _ thread: Int
  ) {
    multiply(matrix, bias, activations.kernel, count: count, out, rows: rows, thread)
  }

  private func multiply(
    _ matrix: Matrix, _ bias: Vector, _ activations: ck_activations, count: Int, _ out: UnsafeMutablePointer<Float>,
    rows: Range<Int>, _ thread: Int
  ) {
    var kernel = matrix.kernel
    var activations = activations
    let panel = scratch.panels + thread * scratch.panelStride
    ck_multiply(
      &kernel, Int32(rows.lowerBound), Int32(rows.upperBound), &activations, Int32(count), out, matrix.rows, panel)
    if let bias {
      for token in 0..<count {
        ck_add(out + token * matrix.rows + rows.lowerBound, bias + rows.lowerBound, Int32(rows.count))
      }
    }
  }

  /// Pieces small enough that nobody waits long for the last, and large enough that taking them costs little.
  private func rowsPerPiece(_ matrix: Matrix, unit: Int, _ lane: Lane) -> Int {
    let bytes = 16 << 10
    let fewest = max(bytes / (matrix.kernel.row_bytes * count), 1)
    let even = matrix.rows / (lane.count * 8)
    return (max(fewest, even) + unit - 1) / unit * unit
  }

  private func rows(ofHead head: Int, _ length: Int) -> Range<Int> {
    head * length..<(head + 1) * length
  }

  private func cacheHead(_ layer: Int, _ head: Int) -> Int {
    layer * h.keyValueHeadCount + head
  }
}
