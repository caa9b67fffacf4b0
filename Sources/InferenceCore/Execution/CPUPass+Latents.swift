import CKernels

/// Attention over latent vectors.
extension CPUPass {
  /// Normalizes what queries are made of, and puts latent vectors and what is turned behind them into the cache.
  func compress(_ latent: LatentAttention, _ lane: inout Lane) {
    let (shape, latents) = (latent.shape, workspace.latents)
    let length = shape.attention.keyLength
    eachRow(&lane) { part in
      for row in part {
        if let factors = latent.queryNorm {
          let lowered = latents.lowered.of(columns: shape.queryRank)
          norm(lowered.real(row), factors, nil, shape.queryRank, into: lowered.real(row))
          lowered.quantize(row)
        }
        let vector = latents.compressed + row * length
        norm(vector, latent.latentNorm, nil, shape.rank, into: vector)
        workspace.rotations[latent.rotaryTable].rotate(vector + shape.rank, row: row, layout: traits.rotaryLayout)
      }
      eachPosition { row, position, page in
        guard part.contains(row) else { return }
        let (vector, keys) = (latents.compressed + row * length, page + latent.place)
        ck_store_key(vector, keys, Int32(position), Int32(length))
        ck_store_value(vector, keys + PageLayout.positions * length, Int32(position), Int32(shape.rank))
      }
    }
  }

  /// Each piece is one head, whose queries become those over latent vectors: Wkᵀ q, and behind it what is turned.
  func absorb(_ latent: LatentAttention, _ lane: inout Lane) {
    let (shape, latents) = (latent.shape, workspace.latents)
    let (width, length) = (shape.attention.queryWidth, shape.attention.keyLength)
    let thread = lane.index
    lane.share(shape.headCount) { head in
      let (first, place) = (workspace.queries + head * length, head * count)
      let plain = latents.plain.of(columns: shape.plainLength)
      for row in 0..<count {
        let query = latents.queries + (row * shape.headCount + head) * shape.queryLength
        plain.real(place + row).update(from: query, count: shape.plainLength)
        let turned = first + row * width + shape.rank
        turned.update(from: query + shape.plainLength, count: shape.turnedLength)
        workspace.rotations[latent.rotaryTable].rotate(turned, row: row, layout: traits.rotaryLayout)
      }
      let (matrix, isTransposed) = latent.key(head)
      if isTransposed {
        for row in 0..<count { plain.quantize(place + row) }
        multiply(matrix, plain.from(row: place), count: count, first, stride: width, 0..<shape.rank, thread)
      } else {
        multiplyTransposed(matrix.weight, plain.from(row: place), first, stride: width, thread)
      }
      let temperature = shape.attention.temperature
      guard temperature.scale != 0 else { return }
      for row in 0..<count {
        ck_scale(first + row * width, temperature.factor(at: position(ofRow: row)), Int32(length))
      }
    }
  }

  /// out = Wᵀ x of all rows.
  private func multiplyTransposed(
    _ matrix: Matrix, _ vectors: Activations, _ out: UnsafeMutablePointer<Float>, stride: Int, _ thread: Int
  ) {
    let weights = workspace.latents.unpacked + thread * workspace.latents.rank
    for row in 0..<count { (out + row * stride).update(repeating: 0, count: matrix.columns) }
    for index in 0..<matrix.rows {
      let packed = matrix.kernel.data + index * matrix.kernel.row_bytes
      matrix.format.definition.dequantize(packed, count: matrix.columns, into: weights)
      for row in 0..<count {
        let (y, factor) = (out + row * stride, vectors.real(row)[index])
        for column in 0..<matrix.columns { y[column] += factor * weights[column] }
      }
    }
  }

  /// Each piece is one head, whose mean of latent vectors becomes that of its values.
  func expandValues(_ latent: LatentAttention, _ lane: inout Lane) {
    let (shape, latents) = (latent.shape, workspace.latents)
    let (thread, width) = (lane.index, shape.headCount * shape.valueLength)
    let mixed = workspace.mixed.of(columns: width)
    lane.share(shape.headCount) { head in
      let (means, place) = (latents.means.of(columns: shape.rank), head * count)
      for row in 0..<count {
        means.real(place + row).update(
          from: latents.attended + (row * shape.headCount + head) * shape.rank, count: shape.rank)
        means.quantize(place + row)
      }
      multiply(
        latent.value(head), means.from(row: place), count: count, mixed.real(0) + head * shape.valueLength,
        stride: width,
        0..<shape.valueLength, thread)
    }
  }

  /// Quantizes what the output matrix reads.
  func round(_ latent: LatentAttention, _ lane: inout Lane) {
    let mixed = workspace.mixed.of(columns: latent.output.weight.columns)
    eachRow(&lane) { for row in $0 { mixed.quantize(row) } }
  }
}

/// What attention over latent vectors works in.
struct LatentWorkspace {
  /// Elements of a latent vector.
  let rank: Int
  /// Most columns of a matrix that reads these.
  let longest: Int
  /// What queries are made of: [row][query rank]
  let lowered: Activations
  /// Latent vectors and what is turned: [row][rank + turned length]
  let compressed: UnsafeMutablePointer<Float>
  /// [row][head][query length]
  let queries: UnsafeMutablePointer<Float>
  /// What is not turned of the queries: [head][row][plain length]
  let plain: Activations
  /// [row][head][rank]
  let attended: UnsafeMutablePointer<Float>
  /// The same: [head][row][rank]
  let means: Activations
  /// A row of a matrix, for each lane.
  let unpacked: UnsafeMutablePointer<Float>

  init(_ h: Hyperparameters, _ formats: InputFormats, rows: Int, lanes: Int, in arena: inout Arena) {
    let shapes = h.latents
    func most(_ size: (LatentShape) -> Int) -> Int { shapes.reduce(0) { max($0, size($1)) } }
    let heads = most { $0.headCount }
    rank = most { $0.rank }
    longest = most { max($0.rank, $0.queryRank, $0.plainLength) }
    lowered = Activations(rows: rows, columns: most { $0.queryRank }, for: formats.lowered, in: &arena)
    compressed = arena.cut(Float.self, rows, most { $0.attention.keyLength })
    queries = arena.cut(Float.self, rows, most { $0.headCount * $0.queryLength })
    plain = Activations(rows: rows * heads, columns: most { $0.plainLength }, for: formats.heads, in: &arena)
    attended = arena.cut(Float.self, rows, most { $0.attention.attendedWidth })
    means = Activations(rows: rows * heads, columns: rank, for: formats.heads, in: &arena)
    unpacked = arena.cut(Float.self, lanes, rank)
  }
}
