import CKernels

/// Mixtures of experts. A decode computes each choice by itself; a prefill puts the rows together that chose the same expert.
extension GPUPassWriter {
  mutating func choose(_ mixture: Mixture) {
    let (shape, regions, width) = (mixture.shape, memory.experts, h.embeddingLength)
    let input = fusedNorm == nil ? normalized : memory.residual
    add(
      GPUKernel(.choose),
      [
        UInt32(regions.logits.place), UInt32(regions.logits.stride), UInt32(shape.count), UInt32(shape.used),
        UInt32(shape.routing.scores.rawValue), shape.routing.isNormalized ? 1 : 0, shape.routing.scale.bitPattern,
        weights.place(of: mixture.choiceBias), UInt32(regions.chosen.place), UInt32(regions.weights.place),
        UInt32(input.place), UInt32(input.stride), UInt32(memory.input.place), UInt32(memory.input.stride),
        UInt32(width),
        weights.place(of: fusedNorm?.weight), h.normEpsilon.bitPattern, weights.place(of: mixture.shared?.factor),
        UInt32(regions.factors.place),
      ], x: .rows)
    if fusedNorm != nil { (fusedNorm, normalized) = (nil, memory.input) }
    factors = mixture.shared?.factor == nil ? nil : regions.factors
  }

  mutating func gather(_ mixture: Mixture) {
    let (shape, regions) = (mixture.shape, memory.experts)
    add(
      GPUKernel(.gather),
      [
        UInt32(shape.count), UInt32(shape.used), UInt32(regions.chosen.place), UInt32(regions.order.place),
        UInt32(regions.tiles.place),
      ], x: .fixed(1))
  }

  mutating func expand(_ mixture: Mixture) {
    let (shape, regions) = (mixture.shape, memory.experts)
    let pieces = (weights.pieces(of: mixture.gate.weight), weights.pieces(of: mixture.up.weight))
    guard !isDecode else {
      for (gate, up) in zip(pieces.0, pieces.1) {
        products(
          [(mixture.gate.weight, gate), (mixture.up.weight, up)], mixture, from: normalized, into: regions.hidden,
          adds: false)
      }
      return
    }
    for piece in pieces.0 { tile(mixture.gate.weight, piece, mixture, from: normalized, into: regions.hidden) }
    for piece in pieces.1 { tile(mixture.up.weight, piece, mixture, from: normalized, into: regions.up) }
    add(
      GPUKernel(.gate),
      [
        UInt32(regions.hidden.place), UInt32(regions.up.place), UInt32(regions.hidden.stride),
        UInt32(shape.length), code(h.traits.activation), 1, 0,
      ], x: .fixed((shape.length + 63) / 64), y: .rowsTimes(shape.used))
  }

  mutating func contract(_ mixture: Mixture) {
    let regions = memory.experts
    let out = h.traits.hasPostNorms ? memory.feedForwardBranch : memory.residual
    let adds = !h.traits.hasPostNorms || mixture.shared != nil
    let pieces = weights.pieces(of: mixture.down.weight)
    guard !isDecode else {
      for (index, piece) in pieces.enumerated() {
        products([(mixture.down.weight, piece)], mixture, from: regions.hidden, into: out, adds: adds || index > 0)
      }
      return
    }
    for piece in pieces { tile(mixture.down.weight, piece, mixture, from: regions.hidden, into: regions.products) }
    add(
      GPUKernel(.weigh),
      [
        UInt32(regions.products.place), UInt32(regions.products.stride), UInt32(h.embeddingLength),
        UInt32(mixture.shape.used), UInt32(regions.weights.place), UInt32(out.place), UInt32(out.stride), adds ? 1 : 0,
      ], x: .fixed((h.embeddingLength + 63) / 64), y: .rows)
  }

  /// `experts.wgsl` over one matrix, or over two whose products become gated elements.
  private mutating func products(
    _ parts: [(matrix: Matrix, piece: GPUWeights.Piece)], _ mixture: Mixture, from input: GPUMemory.Region,
    into out: GPUMemory.Region, adds: Bool
  ) {
    let (regions, used) = (memory.experts, mixture.shape.used)
    let ((first, piece), (second, secondPiece)) = (parts[0], parts[parts.count - 1])
    var kernel = GPUKernel(.experts, first.format)
    (kernel.second, kernel.isGated, kernel.lanes) = (second.format, parts.count > 1, lanes(for: first))
    let rows = first.rows / mixture.shape.count
    add(
      kernel, weights: piece.range,
      [
        vec(input.place), vec(input.stride), UInt32(parts32(first)), UInt32(rows), UInt32(piece.at),
        UInt32(first.kernel.row_bytes), UInt32(secondPiece.at), UInt32(second.kernel.row_bytes),
        UInt32(piece.rows.lowerBound / rows), UInt32(piece.rows.count / rows), UInt32(used),
        UInt32(regions.chosen.place), UInt32(regions.weights.place), vec(out.place), vec(out.stride), adds ? 1 : 0,
        code(h.traits.activation),
      ], x: .fixed((rows + Self.productRows - 1) / Self.productRows), z: kernel.isGated ? .rowsTimes(used) : .rows)
  }

  /// `tile.wgsl` over rows that chose the same expert.
  private mutating func tile(
    _ matrix: Matrix, _ piece: GPUWeights.Piece, _ mixture: Mixture, from input: GPUMemory.Region,
    into out: GPUMemory.Region
  ) {
    let (shape, regions) = (mixture.shape, memory.experts)
    let rows = matrix.rows / shape.count
    var kernel = GPUKernel(.tile, matrix.format)
    kernel.isOfExperts = true
    // What is there of each choice already is the input of its second matrix.
    let sharing = input.place == regions.hidden.place ? 1 : shape.used
    add(
      kernel, weights: piece.range,
      [
        vec(input.place), vec(input.stride), UInt32(parts32(matrix)), UInt32(rows), UInt32(piece.at),
        UInt32(matrix.kernel.row_bytes), 0, vec(out.place), vec(out.stride), 0, 0, 0, UInt32(regions.tiles.place),
        UInt32(regions.order.place), UInt32(sharing), UInt32(piece.rows.lowerBound / rows),
        UInt32(piece.rows.count / rows),
      ], x: .fixed((rows + Self.tile.rows - 1) / Self.tile.rows),
      y: .expertTiles(of: Self.tile.vectors, experts: shape.count, used: shape.used))
  }
}
