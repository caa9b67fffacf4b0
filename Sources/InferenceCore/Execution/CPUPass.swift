import CKernels

/// A pass under way on the threads of a team. Every lane goes through the same operations and takes pieces of each.
struct CPUPass {
  let operations: UnsafePointer<Operation>
  /// Those to do now: a pass may be cut between layers, as all that one hands to the next lies in the workspace.
  let range: Range<Int>
  let h: Hyperparameters
  let embedding: Matrix
  /// Learned vectors of the positions.
  let positions: Matrix?
  /// Learned vectors of the types of tokens, all of which are of the first.
  let tokenTypes: Matrix?
  let workspace: Workspace
  /// Rows of the pass, the spans that they belong to, and how many rows of logits are wanted.
  let count: Int
  let spanCount: Int
  let logitRows: Int
  /// Whether the rows are wanted as they are, without logits.
  let wantsVectors: Bool

  /// Elements of the residual stream.
  var width: Int { embedding.columns }
  var rows: PassRows { workspace.rows }
  var traits: Architecture { h.traits }

  func run(_ lane: inout Lane) {
    var index = range.lowerBound
    while index < range.upperBound {
      var next = index + 1
      if operations[index].isOfRows {
        while next < range.upperBound, operations[next].isOfRows { next += 1 }
        eachRow(&lane) { rows in
          for index in index..<next { run(operations[index], rows) }
        }
      } else {
        run(operations[index], &lane)
      }
      index = next
    }
    lane.wait()
  }

  private func run(_ operation: Operation, _ rows: Range<Int>) {
    for row in rows {
      switch operation {
      case .embed: embed(row)
      case .add(let branch, let norm): add(branch, norm, row)
      case .normalizeSum(let norm):
        let x = workspace.residual + row * width
        self.norm(x, norm.weight, norm.bias, width, into: x)
      case .normalize(let norm): normalize(row, norm, into: row)
      case .normalizeWanted(let norm):
        let wanted = self.rows.logitRows[row]
        if wanted >= 0 { normalize(row, norm, into: Int(wanted), scale: wantsVectors ? 1 : h.logitScale) }
      default: break
      }
    }
  }

  private func run(_ operation: Operation, _ lane: inout Lane) {
    switch operation {
    case .barrier: lane.wait()
    case .projectHeads(let attention): projectHeads(attention, &lane)
    case .turnHeads(let attention): turnHeads(attention, &lane)
    case .attend(let attention): attend(heads(of: attention), &lane)
    case .combine(let attention): combine(heads(of: attention), &lane)
    case .lower(let latent):
      multiply(latent.latent, workspace.input, workspace.latents.compressed, &lane)
      if let down = latent.queryDown {
        multiply(down, workspace.input, workspace.latents.lowered.of(columns: latent.shape.queryRank).real(0), &lane)
      }
    case .compress(let latent): compress(latent, &lane)
    case .projectQueries(let latent):
      let lowered = workspace.latents.lowered.of(columns: latent.shape.queryRank)
      multiply(latent.query, latent.queryDown == nil ? workspace.input : lowered, workspace.latents.queries, &lane)
    case .absorb(let latent): absorb(latent, &lane)
    case .attendLatents(let latent): attend(heads(of: latent), &lane)
    case .combineLatents(let latent): combine(heads(of: latent), &lane)
    case .expandValues(let latent): expandValues(latent, &lane)
    case .round(let latent): round(latent, &lane)
    case .projectGates(let convolution): multiply(convolution.input, workspace.input, workspace.gates, &lane)
    case .convolve(let convolution): convolve(convolution, &lane)
    case .mix(let linear):
      multiply(linear, workspace.mixed.of(columns: linear.weight.columns), workspace.mixerBranch, &lane)
    case .expand(let feedForward): expand(feedForward, &lane)
    case .contract(let linear):
      multiply(linear, workspace.hidden.of(columns: linear.weight.columns), workspace.feedForwardBranch, &lane)
    case .route(let mixture): multiply(mixture.router, workspace.input, workspace.experts.logits, &lane)
    case .choose(let mixture): choose(mixture, &lane)
    case .gather(let mixture): gather(mixture, &lane)
    case .expandExperts(let mixture): expandExperts(mixture, &lane)
    case .contractExperts(let mixture): contractExperts(mixture, &lane)
    case .predict(let linear): predict(linear, &lane)
    case .embed, .add, .normalizeSum, .normalize, .normalizeWanted: break
    }
  }

  // MARK: Rows

  func eachRow(_ lane: inout Lane, _ body: (Range<Int>) -> Void) {
    let size = 4
    lane.share((count + size - 1) / size) { piece in body(piece * size..<min((piece + 1) * size, count)) }
  }

  private func embed(_ row: Int) {
    let x = workspace.residual + row * width
    embedding.dequantize(row: Int(rows.tokens[row]), into: x)
    if h.embeddingScale != 1 { ck_scale(x, h.embeddingScale, Int32(width)) }
    if let tokenTypes { addLearned(tokenTypes, 0, to: x, row) }
    if let positions { addLearned(positions, position(ofRow: row), to: x, row) }
  }

  private func addLearned(_ vectors: Matrix, _ index: Int, to x: UnsafeMutablePointer<Float>, _ row: Int) {
    let learned = workspace.mixerBranch + row * width
    vectors.dequantize(row: index, into: learned)
    ck_add(x, learned, Int32(width))
  }

  private func add(_ branch: Operation.Branch, _ postNorm: Norm?, _ row: Int) {
    let from = branch == .mixer ? workspace.mixerBranch : workspace.feedForwardBranch
    let y = from + row * width
    if let postNorm { norm(y, postNorm.weight, postNorm.bias, width, into: y) }
    ck_add(workspace.residual + row * width, y, Int32(width))
  }

  private func normalize(_ row: Int, _ weights: Norm?, into target: Int, scale: Float = 1) {
    let (x, out) = (workspace.residual + row * width, workspace.input.real(target))
    if let weights {
      norm(x, weights.weight, weights.bias, width, into: out)
      if scale != 1 { ck_scale(out, scale, Int32(width)) }
    } else {
      out.update(from: x, count: width)
    }
    workspace.input.quantize(target)
  }

  func norm(
    _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: Vector, _ width: Int,
    into out: UnsafeMutablePointer<Float>
  ) {
    switch traits.norm {
    case .rms: ck_rms_norm(x, weight, h.normEpsilon, Int32(width), out)
    case .layer: ck_layer_norm(x, weight, bias, h.normEpsilon, Int32(width), out)
    }
  }

  // MARK: Products

  /// Each piece is a part of the expanded elements.
  private func expand(_ feedForward: FeedForward, _ lane: inout Lane) {
    let matrix: Matrix
    switch feedForward {
    case .gated(_, let second, _): matrix = second.weight
    case .plain(let first, _, _): matrix = first.weight
    case .mixture: return
    }
    let inner = matrix.rows
    let hidden = workspace.hidden.of(columns: inner)
    let (gated, up) = (hidden.real(0), workspace.up)
    let thread = lane.index
    eachPiece(of: matrix, unit: hidden.unit, rows: count, &lane) { piece in
      switch feedForward {
      case .gated(let gate, let second, _):
        multiply(gate, workspace.input, gated, piece, thread)
        multiply(second, workspace.input, up, piece, thread)
      case .plain(let first, _, _): multiply(first, workspace.input, gated, piece, thread)
      case .mixture: break
      }
      for row in 0..<count {
        let x = gated + row * inner + piece.lowerBound
        switch feedForward {
        case .gated, .mixture: activate(x, up + row * inner + piece.lowerBound, piece.count)
        case .plain(_, _, let curve?):
          ck_xielu(x, curve.positive, curve.negative, curve.slope, curve.limit, Int32(piece.count))
        case .plain: activate(x, nil, piece.count)
        }
        hidden.quantize(row, columns: piece)
      }
    }
  }

  /// x = act(x) * factor
  func activate(_ x: UnsafeMutablePointer<Float>, _ factor: UnsafePointer<Float>?, _ count: Int) {
    switch traits.activation {
    case .silu: ck_silu_gate(x, factor, Int32(count))
    case .gelu: ck_gelu_gate(x, factor, Int32(count))
    case .reluSquared: ck_relu_squared_gate(x, factor, Int32(count))
    case .boundedSilu: ck_bounded_gate(x, factor, Int32(count))
    // Of each layer alone.
    case .xielu: break
    }
  }

  private func predict(_ linear: Linear, _ lane: inout Lane) {
    guard logitRows > 0, !wantsVectors else { return }
    let (logits, vocabulary) = (workspace.logits, linear.weight.rows)
    let thread = lane.index
    eachPiece(of: linear.weight, unit: 16, rows: logitRows, &lane) { piece in
      multiply(linear, workspace.input, count: logitRows, logits, piece, thread)
      guard h.logitSoftCap > 0 else { return }
      for row in 0..<logitRows {
        ck_soft_cap(logits + row * vocabulary + piece.lowerBound, h.logitSoftCap, Int32(piece.count))
      }
    }
  }

  private func multiply(
    _ linear: Linear, _ activations: Activations, _ out: UnsafeMutablePointer<Float>, _ lane: inout Lane
  ) {
    let thread = lane.index
    eachPiece(of: linear.weight, unit: 16, rows: count, &lane) { piece in
      multiply(linear, activations, out, piece, thread)
    }
  }

  func multiply(
    _ linear: Linear, _ activations: Activations, _ out: UnsafeMutablePointer<Float>, _ piece: Range<Int>,
    _ thread: Int
  ) {
    multiply(linear, activations, count: count, out, piece, thread)
  }

  /// out = W x + b, for some rows of W and the first `count` vectors; `stride`: floats between two of these, or all rows of W.
  func multiply(
    _ linear: Linear, _ activations: Activations, count: Int, _ out: UnsafeMutablePointer<Float>, stride: Int? = nil,
    _ piece: Range<Int>, _ thread: Int
  ) {
    let matrix = linear.weight
    let stride = stride ?? matrix.rows
    var (kernel, vectors) = (matrix.kernel, activations.kernel)
    let panel = workspace.panels + thread * workspace.panelStride
    ck_multiply(
      &kernel, Int32(piece.lowerBound), Int32(piece.upperBound), &vectors, Int32(count), out, stride, panel)
    guard let bias = linear.bias else { return }
    for row in 0..<count {
      ck_add(out + row * stride + piece.lowerBound, bias + piece.lowerBound, Int32(piece.count))
    }
  }

  /// Pieces of a matrix small enough that nobody waits long for the last, and large enough that taking them costs little.
  private func eachPiece(
    of matrix: Matrix, unit: Int, rows count: Int, _ lane: inout Lane, _ body: (Range<Int>) -> Void
  ) {
    let bytes = 16 << 10
    let fewest = max(bytes / (matrix.kernel.row_bytes * count), 1)
    let even = matrix.rows / (lane.count * 8)
    let size = (max(fewest, even) + unit - 1) / unit * unit
    lane.share((matrix.rows + size - 1) / size) { piece in
      body(piece * size..<min((piece + 1) * size, matrix.rows))
    }
  }
}
