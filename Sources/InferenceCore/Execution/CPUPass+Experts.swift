import CKernels

/// Mixtures of experts. Rows that chose the same expert are put side by side, so that its weights are read once for all.
extension CPUPass {
  /// Chooses each row's experts and sorts the choices by expert. One lane does it: there is little to compute.
  func choose(_ mixture: Mixture, _ lane: inout Lane) {
    lane.share(1) { _ in
      let (shape, experts) = (mixture.shape, workspace.experts)
      let total = count * shape.used
      for expert in 0...shape.count { experts.starts[expert] = 0 }
      for row in 0..<count {
        let chosen = experts.chosen + row * shape.used
        shape.routing.choose(
          UnsafeMutableBufferPointer(start: chosen, count: shape.used),
          by: UnsafeMutableBufferPointer(start: experts.logits + row * shape.count, count: shape.count),
          bias: mixture.choiceBias)
        for slot in 0..<shape.used { experts.starts[Int(chosen[slot].expert) + 1] += 1 }
        experts.sharedFactors[row] = sharedFactor(mixture, row)
      }
      for expert in 0..<shape.count {
        // There is room for each row once.
        precondition(Int(experts.starts[expert + 1]) <= count)
        experts.starts[expert + 1] += experts.starts[expert]
      }
      // Where the next choice of an expert goes; afterwards the starts are where they belong again.
      for choice in 0..<total {
        let chosen = experts.chosen[choice]
        let place = Int(experts.starts[Int(chosen.expert)])
        experts.starts[Int(chosen.expert)] += 1
        experts.choices[place] = (Int32(choice / shape.used), chosen.weight)
      }
      for expert in stride(from: shape.count, to: 0, by: -1) { experts.starts[expert] = experts.starts[expert - 1] }
      experts.starts[0] = 0
    }
  }

  private func sharedFactor(_ mixture: Mixture, _ row: Int) -> Float {
    guard let factor = mixture.shared?.factor else { return 1 }
    let x = workspace.input.real(row)
    var product: Float = 0
    for column in 0..<width { product += x[column] * factor[column] }
    return 1 / (1 + ck_expf(-product))
  }

  /// Copies the rows to their places among the choices. A single row is read where it is.
  func gather(_ mixture: Mixture, _ lane: inout Lane) {
    guard count > 1 else { return }
    let (total, size) = (count * mixture.shape.used, 4)
    let gathered = workspace.experts.input
    lane.share((total + size - 1) / size) { piece in
      for place in piece * size..<min((piece + 1) * size, total) {
        let row = Int(workspace.experts.choices[place].row)
        gathered.real(place).update(from: workspace.input.real(row), count: width)
        gathered.quantize(place)
      }
    }
  }

  /// Each piece is a part of the expanded elements of one expert, for all rows that chose it.
  func expandExperts(_ mixture: Mixture, _ lane: inout Lane) {
    let (length, experts) = (mixture.shape.length, workspace.experts)
    let hidden = experts.hidden.of(columns: length)
    let size = (max(length / (lane.count * 2), 1) + hidden.unit - 1) / hidden.unit * hidden.unit
    let parts = (length + size - 1) / size
    let thread = lane.index
    lane.share(mixture.shape.count * parts) { piece in
      let (expert, first) = (piece / parts, piece % parts * size)
      let places = experts.places(of: expert)
      guard !places.isEmpty else { return }
      let rows = first..<min(first + size, length)
      let input = count == 1 ? workspace.input : experts.input.from(row: places.lowerBound)
      let matrices = mixture.expert(expert)
      let (gated, up) = (hidden.real(places.lowerBound), experts.up + places.lowerBound * length)
      multiply(matrices.gate, input, count: places.count, gated, stride: length, rows, thread)
      multiply(matrices.up, input, count: places.count, up, stride: length, rows, thread)
      for place in 0..<places.count {
        let at = place * length + first
        activate(gated + at, up + at, rows.count)
        hidden.quantize(places.lowerBound + place, columns: rows)
      }
    }
  }

  /// Each piece is some rows of the experts' second matrices. The experts come in their order, whoever chose them.
  func contractExperts(_ mixture: Mixture, _ lane: inout Lane) {
    let (size, experts) = (ExpertWorkspace.rowsTogether, workspace.experts)
    let hidden = experts.hidden.of(columns: mixture.shape.length)
    let products = experts.products + lane.index * experts.productStride
    let thread = lane.index
    lane.share((width + size - 1) / size) { piece in
      let rows = piece * size..<min((piece + 1) * size, width)
      let branch = workspace.feedForwardBranch + rows.lowerBound
      for row in 0..<count {
        guard mixture.shared != nil else {
          (branch + row * width).update(repeating: 0, count: rows.count)
          continue
        }
        ck_scale(branch + row * width, experts.sharedFactors[row], Int32(rows.count))
      }
      for expert in 0..<mixture.shape.count {
        let places = experts.places(of: expert)
        guard !places.isEmpty else { continue }
        let vectors = hidden.from(row: places.lowerBound)
        let out = products - rows.lowerBound
        multiply(mixture.expert(expert).down, vectors, count: places.count, out, stride: size, rows, thread)
        for (index, place) in places.enumerated() {
          let choice = experts.choices[place]
          let (product, y) = (products + index * size, branch + Int(choice.row) * width)
          for column in 0..<rows.count { y[column] += choice.weight * product[column] }
        }
      }
    }
  }
}

/// What mixtures of experts work in: choices are rows with one of their experts, sorted by expert.
struct ExpertWorkspace {
  /// Rows of the second matrices that are computed together.
  static let rowsTogether = 64

  /// [row][expert]
  let logits: UnsafeMutablePointer<Float>
  /// [row][slot]
  let chosen: UnsafeMutablePointer<ExpertChoice>
  /// By place among the choices.
  let choices: UnsafeMutablePointer<(row: Int32, weight: Float)>
  /// Where the choices of each expert begin, and behind them where the last one's end.
  let starts: UnsafeMutablePointer<Int32>
  /// By row: what the shared expert's branch is multiplied by.
  let sharedFactors: UnsafeMutablePointer<Float>
  /// By place: [embedding]
  let input: Activations
  /// By place: [length]
  let hidden: Activations
  let up: UnsafeMutablePointer<Float>
  /// Of each lane: [place of an expert][rows together]
  let products: UnsafeMutablePointer<Float>
  let productStride: Int

  init(_ h: Hyperparameters, _ formats: InputFormats, rows: Int, lanes: Int, in arena: inout Arena) {
    let shapes = h.layers.compactMap { $0.experts }
    let count = shapes.reduce(0) { max($0, $1.count) }
    let length = shapes.reduce(0) { max($0, $1.length) }
    let places = rows * shapes.reduce(0) { max($0, $1.used) }
    let isNeeded = !shapes.isEmpty
    logits = arena.cut(Float.self, isNeeded ? rows : 0, count)
    chosen = arena.cut(ExpertChoice.self, places)
    choices = arena.cut((row: Int32, weight: Float).self, places)
    starts = arena.cut(Int32.self, isNeeded ? count + 1 : 0)
    sharedFactors = arena.cut(Float.self, isNeeded ? rows : 0)
    input = Activations(rows: places, columns: h.embeddingLength, for: formats.input, in: &arena)
    hidden = Activations(rows: places, columns: length, for: formats.expertHidden, in: &arena)
    up = arena.cut(Float.self, places, length)
    productStride = isNeeded ? rows * Self.rowsTogether : 0
    products = arena.cut(Float.self, lanes, productStride)
  }

  /// The places of an expert's choices.
  func places(of expert: Int) -> Range<Int> { Int(starts[expert])..<Int(starts[expert + 1]) }
}
