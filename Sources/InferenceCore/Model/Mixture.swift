/// A mixture of experts (Shazeer et al. 2017): of many feed-forwards each token goes through the few that a router chooses.
///
/// y = Σ w(e) down(e)(act(gate(e) h) * up(e) h) over the chosen e; w is a softmax over the router's logits.
struct Mixture {
  let shape: ExpertShape
  /// Whether the weights of the chosen ones add up to one.
  let isNormalized: Bool
  let router: Linear  // ffn_gate_inp [experts × embedding]
  let gate: Matrix  // ffn_gate_exps [experts * length × embedding]
  let up: Matrix  // ffn_up_exps [experts * length × embedding]
  let down: Matrix  // ffn_down_exps [experts * embedding × length]
  /// Through which every token goes besides.
  let shared: SharedExpert?

  init(
    _ index: Int, _ shape: ExpertShape, shared sharedLength: Int, isNormalized: Bool, _ h: Hyperparameters,
    _ tensors: TensorReader
  ) throws(ModelError) {
    let (width, count, length) = (h.embeddingLength, shape.count, shape.length)
    self.shape = shape
    self.isNormalized = isNormalized
    router = try tensors.linear(layer: index, "ffn_gate_inp", rows: count, columns: width)
    gate = try tensors.experts(layer: index, "ffn_gate_exps", count, rows: length, columns: width)
    up = try tensors.experts(layer: index, "ffn_up_exps", count, rows: length, columns: width)
    down = try tensors.experts(layer: index, "ffn_down_exps", count, rows: width, columns: length)
    shared = sharedLength > 0 ? try SharedExpert(index, length: sharedLength, h, tensors) : nil
  }

  /// All that it is made of, the shared expert's too.
  var matrices: [Matrix] {
    var all = [router.weight, gate, up, down]
    if let shared { all += [shared.gate.weight, shared.up.weight, shared.down.weight] }
    return all
  }

  /// One of the experts.
  func expert(_ index: Int) -> (gate: Matrix, up: Matrix, down: Matrix) {
    let (inner, outer) = (shape.length, down.rows / shape.count)
    let rows = index * inner..<(index + 1) * inner
    return (gate.rows(rows), up.rows(rows), down.rows(index * outer..<(index + 1) * outer))
  }
}

/// A feed-forward beside the experts.
struct SharedExpert {
  let gate: Linear  // ffn_gate_shexp [length × embedding]
  let up: Linear  // ffn_up_shexp [length × embedding]
  let down: Linear  // ffn_down_shexp [embedding × length]
  /// What it gives is multiplied by the sigmoid of this vector's product with h.
  let factor: Vector  // ffn_gate_inp_shexp [embedding]

  init(_ index: Int, length: Int, _ h: Hyperparameters, _ tensors: TensorReader) throws(ModelError) {
    let width = h.embeddingLength
    gate = try tensors.linear(layer: index, "ffn_gate_shexp", rows: length, columns: width)
    up = try tensors.linear(layer: index, "ffn_up_shexp", rows: length, columns: width)
    down = try tensors.linear(layer: index, "ffn_down_shexp", rows: width, columns: length)
    factor = try tensors.optionalVector(layer: index, "ffn_gate_inp_shexp", ".weight", count: width)
  }

  var feedForward: FeedForward { .gated(gate: gate, up: up, down: down) }
}
