/// A mixture of experts (Shazeer et al. 2017): of many feed-forwards each token goes through the few that a router chooses.
///
/// y = Σ w(e) down(e)(act(gate(e) h) * up(e) h) over the chosen e; w follows from the router's logits: ``ExpertRouting``.
struct Mixture {
  let shape: ExpertShape
  /// What is added to each expert's score where the best are chosen, and to no weight (Wang et al. 2024).
  let choiceBias: Vector  // exp_probs_b.bias [experts]
  let router: Linear  // ffn_gate_inp [experts × embedding]
  let gate: Linear  // ffn_gate_exps [experts * length × embedding]
  let up: Linear  // ffn_up_exps [experts * length × embedding]
  let down: Linear  // ffn_down_exps [experts * embedding × length]
  /// Through which every token goes besides.
  let shared: SharedExpert?

  init(
    _ index: Int, _ shape: ExpertShape, shared sharedLength: Int, _ h: Hyperparameters, _ tensors: TensorReader
  ) throws(ModelError) {
    let (width, count, length) = (h.embeddingLength, shape.count, shape.length)
    self.shape = shape
    choiceBias = try tensors.optionalVector(layer: index, "exp_probs_b", ".bias", count: count)
    router = try tensors.linear(layer: index, "ffn_gate_inp", rows: count, columns: width)
    gate = try tensors.experts(layer: index, "ffn_gate_exps", count, rows: length, columns: width)
    up = try tensors.experts(layer: index, "ffn_up_exps", count, rows: length, columns: width)
    down = try tensors.experts(layer: index, "ffn_down_exps", count, rows: width, columns: length)
    try tensors.note(layer: index, "ffn_up_shexp", ".weight", isThere: sharedLength > 0)
    shared = sharedLength > 0 ? try SharedExpert(index, length: sharedLength, h, tensors) : nil
  }

  /// All that it is made of, the shared expert's too.
  var matrices: [Matrix] {
    var all = [router, gate, up, down]
    if let shared { all += [shared.gate, shared.up, shared.down] }
    return all.map { $0.weight }
  }

  /// One of the experts.
  func expert(_ index: Int) -> (gate: Linear, up: Linear, down: Linear) {
    let (inner, outer) = (shape.length, down.weight.rows / shape.count)
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
    factor = try h.traits.weighsSharedExpert ? tensors.vector(layer: index, "ffn_gate_inp_shexp", count: width) : nil
  }

  var feedForward: FeedForward { .gated(gate: gate, up: up, down: down) }
}
