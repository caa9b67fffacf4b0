import CKernels

/// A model's weights in the buffers of a card.
///
/// Matrices that read the same vectors lie side by side, so that one kernel sees them together; one that is larger than a
/// kernel can see is cut between rows. Vectors are in a buffer of their own.
struct GPUWeights {
  /// Some rows of a matrix.
  struct Piece: Equatable {
    /// What a kernel sees: this piece and its neighbours.
    let range: BufferRange
    /// Where the piece begins in it, in bytes.
    let at: Int
    let rows: Range<Int>
  }

  /// All vectors, one behind the other.
  let vectors: BufferRange
  private let matrices: [(place: UInt64, pieces: [Piece])]
  private let places: [(data: UnsafePointer<Float>, place: Int, count: Int)]

  /// Finds places for all weights. Those that come by a stream are there once it has ended.
  init(_ model: LanguageModel, on device: any GraphicsDevice) throws(ModelError) {
    var plan = WeightPlan(device.limits)
    for layer in model.layers {
      switch layer.mixer {
      case .attention(let attention):
        try plan.place([attention.query, attention.key, attention.value])
        try plan.place([attention.output])
        let lengths = Attention.normLengths(attention.norms, attention.shape)
        plan.place(attention.queryNorm, count: lengths.query)
        plan.place(attention.keyNorm, count: lengths.key)
      case .latent: break
      case .convolution(let convolution):
        try plan.place([convolution.input])
        try plan.place([convolution.output])
        plan.place(convolution.kernel, count: convolution.shape.channels * convolution.shape.length)
      }
      switch layer.feedForward {
      case .gated(let gate, let up, let down):
        try plan.place([gate, up])
        try plan.place([down])
      case .plain(let up, let down, _):
        try plan.place([up])
        try plan.place([down])
      case .mixture(let mixture):
        try plan.place([mixture.router])
        plan.place(mixture.choiceBias, count: mixture.shape.count)
        try plan.place([mixture.gate.weight, mixture.up.weight], ofExperts: mixture.shape.count)
        try plan.place([mixture.down.weight], ofExperts: mixture.shape.count)
        if let shared = mixture.shared {
          try plan.place([shared.gate, shared.up])
          try plan.place([shared.down])
          plan.place(shared.factor, count: model.hyperparameters.embeddingLength)
        }
      }
      for norm in [layer.mixerNorm, layer.mixerPostNorm, layer.feedForwardNorm, layer.feedForwardPostNorm] {
        plan.place(norm, width: model.hyperparameters.embeddingLength)
      }
    }
    plan.place(model.outputNorm, width: model.hyperparameters.embeddingLength)
    try plan.place([Linear(weight: model.embedding, bias: nil)])
    if let positions = model.positions { try plan.place([Linear(weight: positions, bias: nil)]) }
    try plan.place([model.output])

    let buffers = plan.bufferSizes.map { device.makeBuffer(bytes: padded($0, 4), isUniform: false) }
    for (piece, matrix) in plan.writes {
      let (buffer, start) = (buffers[Int(piece.range.buffer)], piece.range.offset + piece.at)
      let place = matrix.place + UInt64(piece.rows.lowerBound) * UInt64(matrix.kernel.row_bytes)
      let count = piece.rows.count * matrix.kernel.row_bytes
      guard let stream = model.stream else {
        let data = matrix.kernel.data + piece.rows.lowerBound * matrix.kernel.row_bytes
        device.writePadded(UnsafeRawBufferPointer(start: data, count: count), to: buffer, at: start)
        continue
      }
      guard place % 4 == 0 else {
        throw ModelError(.unsupported, "A matrix begins within a word of its file, where no graphics card reads it.")
      }
      stream.send(place, bytes: count) { bytes, at in device.write(bytes, to: buffer, at: start + at) }
    }
    let grids = plan.gridPlaces.isEmpty ? [] : GPUGrid.make().words
    for (buffer, place) in plan.gridPlaces {
      grids.withUnsafeBytes { device.write($0, to: buffers[Int(buffer)], at: place) }
    }
    matrices = plan.matrices.map { matrix in
      let pieces = matrix.pieces.map { piece in
        let range = BufferRange(buffers[Int(piece.range.buffer)], offset: piece.range.offset, count: piece.range.count)
        return Piece(range: range, at: piece.at, rows: piece.rows)
      }
      return (matrix.place, pieces)
    }
    places = plan.vectors
    let bytes = plan.floatCount * MemoryLayout<Float>.size
    vectors = BufferRange(device.makeBuffer(bytes: bytes, isUniform: false), count: bytes)
    if model.stream == nil { writeVectors(on: device) }
  }

  /// Once they are in memory.
  func writeVectors(on device: any GraphicsDevice) {
    for (data, place, count) in places {
      let bytes = UnsafeRawBufferPointer(start: data, count: count * MemoryLayout<Float>.size)
      device.write(bytes, to: vectors.buffer, at: place * MemoryLayout<Float>.size)
    }
  }

  func pieces(of matrix: Matrix) -> [Piece] {
    matrices.first { $0.place == matrix.place }?.pieces ?? []
  }

  /// The place of a vector among all of them, in floats; 0 where there is none.
  func place(of vector: Vector) -> UInt32 {
    guard let vector else { return 0 }
    return places.first { $0.data == vector }.map { UInt32($0.place) } ?? 0
  }
}

/// Finds places for weights, in buffers that are numbered from 0 before they exist.
private struct WeightPlan {
  typealias Piece = GPUWeights.Piece

  private(set) var matrices: [(place: UInt64, pieces: [Piece])] = []
  private(set) var vectors: [(data: UnsafePointer<Float>, place: Int, count: Int)] = []
  /// The vectors' elements, with what is between them. The first place is never 0, which means none.
  private(set) var floatCount = 4
  private(set) var bufferSizes: [Int] = [0]
  private(set) var writes: [(piece: Piece, matrix: Matrix)] = []
  /// Where bindings begin whose formats have grids.
  private(set) var gridPlaces: [(buffer: UInt32, place: Int)] = []

  private let bufferLimit: Int
  private let bindingLimit: Int
  private let alignment: Int

  /// Bytes of a buffer, of which there are as few as the card allows.
  private static let largestBuffer = 1 << 30

  init(_ limits: GraphicsLimits) {
    bufferLimit = min(limits.buffer, Self.largestBuffer)
    bindingLimit = min(limits.binding, bufferLimit)
    alignment = max(limits.alignment, 4)
  }

  /// Matrices that are multiplied with the same vectors, and their biases.
  mutating func place(_ linears: [Linear]) throws(ModelError) {
    let new = linears.map { $0.weight }.filter { matrix in !matrices.contains { $0.place == matrix.place } }
    // More than 32 bits count, until it is known to be less.
    let sizes = new.map { (Int64($0.kernel.row_bytes) * Int64($0.rows) + 3) / 4 * 4 }
    let whole = sizes.reduce(Int64(0)) { $0.saturatingSum($1) }
    let start = gridBytes(new)
    if whole <= Int64(bindingLimit - start) {
      let range = reserve(start + Int(whole), grids: start)
      var at = start
      for (matrix, size) in zip(new, sizes) {
        add(matrix, [Piece(range: range, at: at, rows: 0..<matrix.rows)])
        at += Int(size)
      }
    } else {
      for matrix in new { try cut(matrix) }
    }
    for linear in linears { place(linear.bias, count: linear.weight.rows) }
  }

  /// The matrices of experts, so cut that a kernel sees the same experts of each.
  mutating func place(_ matrices: [Matrix], ofExperts count: Int) throws(ModelError) {
    let rows = matrices.map { $0.rows / count }
    let sizes = zip(matrices, rows).map { Int64($0.kernel.row_bytes) * Int64($1) }
    let size = sizes.reduce(Int64(0)) { $0.saturatingSum($1) }
    // Each piece begins at a multiple of four bytes.
    let step = sizes.allSatisfy { $0 % 4 == 0 } ? 1 : 4
    let start = gridBytes(matrices)
    let most = min(Int(Int64(bindingLimit - start - 4 * sizes.count) / max(size, 1)), count) / step * step
    guard most > 0 || count == 0 else {
      throw ModelError(
        .outOfResources,
        "An expert has \(size) bytes of matrices; a kernel of this graphics card sees \(bindingLimit) at a time.")
    }
    var pieces = matrices.map { _ in [Piece]() }
    for first in stride(from: 0, to: count, by: max(most, 1)) {
      let together = min(most, count - first)
      let bytes = sizes.map { padded(Int($0) * together, 4) }
      let range = reserve(bytes.reduce(start) { $0 + $1 }, grids: start)
      var at = start
      for index in matrices.indices {
        let span = first * rows[index]..<(first + together) * rows[index]
        pieces[index].append(Piece(range: range, at: at, rows: span))
        at += bytes[index]
      }
    }
    for (matrix, pieces) in zip(matrices, pieces) { add(matrix, pieces) }
  }

  /// A matrix in as few pieces as a kernel can see.
  private mutating func cut(_ matrix: Matrix) throws(ModelError) {
    // Of four rows, which a workgroup computes together, each begins at a multiple of four bytes.
    let start = gridBytes([matrix])
    let most = (bindingLimit - start) / matrix.kernel.row_bytes / 4 * 4
    guard most > 0 else {
      throw ModelError(
        .outOfResources,
        "A row of a matrix has \(matrix.kernel.row_bytes) bytes; a kernel of this graphics card sees \(bindingLimit).")
    }
    var pieces: [Piece] = []
    for first in stride(from: 0, to: matrix.rows, by: most) {
      let rows = first..<min(first + most, matrix.rows)
      let range = reserve(start + padded(rows.count * matrix.kernel.row_bytes, 4), grids: start)
      pieces.append(Piece(range: range, at: start, rows: rows))
    }
    add(matrix, pieces)
  }

  private mutating func add(_ matrix: Matrix, _ pieces: [Piece]) {
    matrices.append((matrix.place, pieces))
    for piece in pieces { writes.append((piece, matrix)) }
  }

  /// Bytes of the grids that a binding with these matrices begins with.
  private func gridBytes(_ matrices: [Matrix]) -> Int {
    guard matrices.contains(where: { $0.format.isExpanded }) else { return 0 }
    return GPUGrid.make().words.count * MemoryLayout<UInt32>.size
  }

  private mutating func reserve(_ count: Int, grids: Int) -> BufferRange {
    let range = reserve(count)
    if grids > 0 { gridPlaces.append((range.buffer, range.offset)) }
    return range
  }

  /// Room in the last buffer, or in a new one.
  private mutating func reserve(_ count: Int) -> BufferRange {
    let last = bufferSizes.count - 1
    let start = padded(bufferSizes[last], alignment)
    if start <= bufferLimit - count || start == 0 {
      bufferSizes[last] = start + count
      return BufferRange(UInt32(last), offset: start, count: count)
    }
    bufferSizes.append(count)
    return BufferRange(UInt32(last + 1), count: count)
  }

  mutating func place(_ vector: Vector, count: Int) {
    guard let vector, !vectors.contains(where: { $0.data == vector }) else { return }
    vectors.append((vector, floatCount, count))
    // A norm's factors are read four at a time, and in parts of 32.
    floatCount += padded(count, 32)
  }

  mutating func place(_ norm: Norm?, width: Int) {
    place(norm?.weight, count: width)
    if let bias = norm?.bias { place(bias, count: width) }
  }
}

extension GraphicsDevice {
  /// Writes bytes whose count need not be a multiple of four: zeros follow them.
  fileprivate func writePadded(_ bytes: UnsafeRawBufferPointer, to buffer: UInt32, at offset: Int) {
    let whole = bytes.count / 4 * 4
    write(UnsafeRawBufferPointer(rebasing: bytes[..<whole]), to: buffer, at: offset)
    guard whole < bytes.count else { return }
    var last: UInt32 = 0
    withUnsafeMutableBytes(of: &last) { last in
      for i in whole..<bytes.count { last[i - whole] = bytes[i] }
      write(UnsafeRawBufferPointer(last), to: buffer, at: offset + whole)
    }
  }
}

/// The next multiple.
func padded(_ count: Int, _ multiple: Int) -> Int { (count + multiple - 1) / multiple * multiple }
