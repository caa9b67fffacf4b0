import CKernels

/// Products of matrices, and what goes with them.
extension GPUPassWriter {
  /// Rows of a matrix and vectors that a workgroup of `tile.wgsl` computes.
  static let tile = (rows: 64, vectors: 32)
  /// Rows of a workgroup of `product.wgsl`.
  static let productRows = 4
  /// Most workgroups in one dimension.
  private static let widest = 32768

  mutating func expand(_ feedForward: FeedForward) {
    switch feedForward {
    case .gated(let gate, let up, _):
      if isDecode, let (first, second) = neighbours(gate, up) {
        decodeProduct(
          [(gate, first, memory.hidden), (up, second, memory.hidden)], from: normalized, isGated: true,
          activation: h.traits.activation)
      } else {
        product([(gate, memory.hidden), (up, memory.up)])
        self.gate(columns: up.weight.rows, isGated: true)
      }
    case .plain(let up, _, _):
      product([(up, memory.hidden)], activation: h.traits.activation)
      if !isDecode { gate(columns: up.weight.rows, isGated: false) }
    case .mixture: break
    }
    factors = nil
  }

  /// The pieces of two matrices that one kernel sees.
  private func neighbours(_ a: Linear, _ b: Linear) -> (GPUWeights.Piece, GPUWeights.Piece)? {
    let (first, second) = (weights.pieces(of: a.weight), weights.pieces(of: b.weight))
    guard first.count == 1, second.count == 1, first[0].range == second[0].range else { return nil }
    return (first[0], second[0])
  }

  private mutating func gate(columns: Int, isGated: Bool) {
    add(
      GPUKernel(.gate),
      [
        UInt32(memory.hidden.place), UInt32(memory.up.place), UInt32(memory.hidden.stride), UInt32(columns),
        code(h.traits.activation), isGated ? 1 : 0, UInt32(factors?.place ?? 0),
      ], x: .fixed((columns + 63) / 64), y: .rows)
  }

  mutating func predict(_ linear: Linear) {
    product([(linear, memory.logits)], from: memory.input, isWanted: true)
    var (input, count) = (memory.logits, memory.tokenCount)
    for (step, lists) in memory.lists.enumerated() {
      add(
        GPUKernel(.top),
        [
          UInt32(input.place), UInt32(input.stride), UInt32(count), UInt32(lists.region.place),
          UInt32(lists.region.stride), step > 0 ? 1 : 0,
        ], x: .fixed(lists.count), y: .logitTiles(of: 1))
      (input, count) = lists
    }
  }

  /// Products of matrices with the normalized rows, or with other vectors.
  mutating func product(
    _ linears: [(Linear, GPUMemory.Region)], from other: GPUMemory.Region? = nil,
    activation: Architecture.Activation? = nil, adds: Bool = false, isWanted: Bool = false
  ) {
    let input = other ?? normalized
    let norm = fusedNorm
    if other != nil { fusedNorm = nil }
    defer { fusedNorm = norm }
    var parts: [Part] = []
    for (linear, out) in linears {
      for piece in weights.pieces(of: linear.weight) { parts.append((linear, piece, out)) }
    }
    guard isDecode || isWanted else {
      let roundsRows = arithmetic != .floats && parts.contains { $0.linear.weight.format.hasIntegers }
      if roundsRows { round(input, columns: parts[0].linear.weight.columns) }
      for part in parts {
        let isRounded = roundsRows && part.linear.weight.format.hasIntegers
        tile(part, from: isRounded ? memory.rounded : input, adds: adds, isRounded: isRounded)
      }
      return
    }
    if !isDecode { for part in parts { tile(part, from: input, adds: adds, isWanted: true) } }
    // Neighbours of at most two formats are one dispatch.
    while !parts.isEmpty {
      var together: [Part] = []
      var formats: [TensorFormat] = []
      for part in parts.prefix(3) {
        let format = part.linear.weight.format
        guard part.piece.range == parts[0].piece.range, formats.contains(format) || formats.count < 2 else { break }
        if !formats.contains(format) { formats.append(format) }
        together.append(part)
      }
      parts.removeFirst(together.count)
      decodeProduct(together, from: input, activation: activation, adds: adds, isWanted: isWanted)
    }
  }

  private typealias Part = (linear: Linear, piece: GPUWeights.Piece, out: GPUMemory.Region)

  /// `product.wgsl` over matrices of one binding.
  private mutating func decodeProduct(
    _ parts: [Part], from input: GPUMemory.Region, isGated: Bool = false, activation: Architecture.Activation? = nil,
    adds: Bool = false, isWanted: Bool = false
  ) {
    let first = parts[0].linear.weight
    var kernel = GPUKernel(.product, first.format)
    kernel.second = parts.map { $0.linear.weight.format }.first { $0 != first.format } ?? first.format
    kernel.batch = batch
    kernel.lanes = lanes(for: first)
    kernel.normalizes = fusedNorm != nil
    kernel.isGated = isGated
    let from = fusedNorm == nil ? input : memory.residual
    var parameters: [UInt32] = [
      vec(from.place), vec(from.stride), UInt32(parts32(first)),
      vec(Int(weights.place(of: fusedNorm?.weight))), h.normEpsilon.bitPattern, Float(first.columns).bitPattern,
      UInt32(parts.count), adds ? 1 : 0, (isWanted ? h.logitSoftCap : 0).bitPattern, activation.map(code) ?? 0,
      isWanted ? 1 : 0, isGated ? UInt32(factors?.place ?? 0) : 0,
    ]
    var groups = 0
    for part in parts {
      let (linear, piece, out) = part
      parameters += [
        UInt32(piece.rows.count), UInt32(groups), UInt32(piece.at), UInt32(linear.weight.kernel.row_bytes),
        linear.weight.format == first.format ? 0 : 1, bias(of: part), vec(out.place + piece.rows.lowerBound),
        vec(out.stride),
      ]
      if !isGated || groups == 0 { groups += (piece.rows.count + Self.productRows - 1) / Self.productRows }
    }
    let x = min(groups, Self.widest)
    add(
      kernel, weights: parts[0].piece.range, parameters, x: .fixed(x), y: .fixed((groups + x - 1) / x),
      z: isDecode ? .fixed(1) : .fewLogits(batch))
  }

  /// `tile.wgsl`, or `tile-rounded.wgsl` over rows that were rounded.
  private mutating func tile(
    _ part: Part, from input: GPUMemory.Region, adds: Bool, isWanted: Bool = false, isRounded: Bool = false
  ) {
    let (linear, piece, out) = part
    let matrix = linear.weight
    var kernel = GPUKernel(isRounded ? .tileRounded : .tile, matrix.format)
    if isRounded { kernel.arithmetic = arithmetic }
    add(
      kernel, weights: piece.range,
      [
        vec(input.place), vec(input.stride), UInt32(parts32(matrix)), UInt32(piece.rows.count), UInt32(piece.at),
        UInt32(matrix.kernel.row_bytes), bias(of: part), vec(out.place + piece.rows.lowerBound), vec(out.stride),
        adds ? 1 : 0, isWanted ? 1 : 0, (isWanted ? h.logitSoftCap : 0).bitPattern,
      ], x: .fixed((piece.rows.count + Self.tile.rows - 1) / Self.tile.rows),
      y: isWanted ? .logitTiles(of: Self.tile.vectors) : .tiles(of: Self.tile.vectors),
      z: isWanted ? .manyLogits(over: batch) : .fixed(1))
  }

  /// The place of a piece's first bias; 0 where there is none.
  private func bias(of part: Part) -> UInt32 {
    part.linear.bias == nil ? 0 : weights.place(of: part.linear.bias) + UInt32(part.piece.rows.lowerBound)
  }

  /// `round.wgsl`: what products over rounded numbers read.
  private mutating func round(_ input: GPUMemory.Region, columns: Int) {
    var kernel = GPUKernel(.round)
    kernel.arithmetic = arithmetic
    let parts = (columns + 31) / 32
    add(
      kernel,
      [vec(input.place), vec(input.stride), vec(memory.rounded.place), vec(memory.rounded.stride), UInt32(parts)],
      x: .fixed((parts + 31) / 32), y: .rows)
  }

  /// Threads of a row: of a short one many would have nothing.
  func lanes(for matrix: Matrix) -> Int {
    var lanes = lanes
    while lanes > Self.lanes.lowerBound, lanes > parts32(matrix) { lanes /= 2 }
    return lanes
  }

  /// Parts of 32 elements of a row.
  func parts32(_ matrix: Matrix) -> Int { (matrix.columns + 31) / 32 }

  func code(_ activation: Architecture.Activation) -> UInt32 {
    switch activation {
    case .silu: 1
    case .gelu: 2
    case .reluSquared: 3
    // No model with these comes here: `GPUMemory.check`.
    case .boundedSilu, .xielu: 0
    }
  }
}
