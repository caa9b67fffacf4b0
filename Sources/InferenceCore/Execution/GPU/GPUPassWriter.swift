import CKernels

/// Writes passes down: the kernels, what they see and their parameters for each operation of a model's pass.
struct GPUPassWriter {
  let h: Hyperparameters
  let memory: GPUMemory
  private let model: LanguageModel
  private let weights: GPUWeights
  private var drafts: [Draft] = []
  private var layerStarts: [Int] = []

  /// Whether it is a pass over a few rows, a decode.
  private let isDecode: Bool
  /// Vectors that a product of decode takes.
  private let batch: Int
  /// The norm that the next products take with them; nil where the normalized rows are in memory.
  private var fusedNorm: Norm?

  /// A dispatch before there are pipelines and bindings.
  struct Draft {
    let kernel: GPUKernel
    /// The matrices, and the layer whose cache it works on.
    let weights: BufferRange?
    let layer: Int?
    let parameters: [UInt32]
    let x: GPUPass.Count
    let y: GPUPass.Count
    let z: GPUPass.Count
  }

  /// Rows of a matrix and vectors that a workgroup of `tile.wgsl` computes.
  private static let tile = (rows: 64, vectors: 32)
  /// Rows whose attention a workgroup of `attend-rows.wgsl` computes.
  private static let attendedRows = 4
  /// Threads of a row of `product.wgsl`, of which there are a power of two.
  private static let lanes = 8...32
  private let lanes: Int
  private let hasSubgroups: Bool
  /// Rows of a workgroup of `product.wgsl`.
  private static let productRows = 4
  /// Most workgroups in one dimension.
  private static let widest = 32768

  /// - Parameter batch: Rows of a decode at most; nil for a prefill.
  init(_ model: LanguageModel, _ memory: GPUMemory, _ weights: GPUWeights, _ limits: GraphicsLimits, batch: Int?) {
    hasSubgroups = limits.subgroup > 1
    // With subgroups a row's threads are of one; without, few that compute in step are not worth the barrier.
    let together = hasSubgroups ? limits.subgroup : limits.together < Self.lanes.lowerBound ? 1 : limits.together
    lanes = min(together, Self.lanes.upperBound)
    (self.model, h, self.memory, self.weights) = (model, model.hyperparameters, memory, weights)
    isDecode = batch != nil
    self.batch = batch ?? 1
  }

  /// All dispatches, and where each layer's begin.
  mutating func write(_ pass: Pass) -> (drafts: [Draft], layerStarts: [Int]) {
    for layer in 0..<h.layerCount {
      layerStarts.append(drafts.count)
      for operation in pass.operations[pass.operations(ofLayers: layer..<layer + 1)] { write(operation, layer) }
    }
    layerStarts.append(drafts.count)
    return (drafts, layerStarts)
  }

  private mutating func write(_ operation: Operation, _ layer: Int) {
    let traits = h.traits
    switch operation {
    case .embed: embed()
    case .normalize(let norm):
      // A root mean square is one factor, which the product takes at its end.
      fusedNorm = isDecode && traits.norm == .rms ? norm : nil
      if fusedNorm == nil { normalize(memory.residual, norm, into: memory.input) }
    case .normalizeWanted(let norm):
      fusedNorm = nil
      normalize(memory.residual, norm, into: memory.input, isWanted: true)
    case .add(let branch, let norm):
      // Without a norm the branch's last product has added itself.
      if let norm { normalize(region(branch), norm, into: memory.residual, adds: true) }
    case .projectHeads(let attention):
      product([
        (attention.query, memory.queries), (attention.key, memory.keys), (attention.value, memory.values),
      ])
      // A decode's attention turns what it sees.
      if !isDecode { turn(attention, layer) }
    case .attend(let attention): attend(attention, layer)
    case .combine(let attention): if isDecode { combine(attention) }
    case .projectGates(let convolution): product([(convolution.input, memory.gates)])
    case .convolve(let convolution): convolve(convolution, layer)
    case .mix(let linear): finish(.mixer, linear, from: memory.mixed)
    case .expand(let feedForward): expand(feedForward)
    case .contract(let linear): finish(.feedForward, linear, from: memory.hidden)
    case .predict(let linear): predict(linear)
    case .barrier: break
    }
  }

  /// The last product of a branch, which becomes part of the residual stream.
  private mutating func finish(_ branch: Operation.Branch, _ linear: Linear, from input: GPUMemory.Region) {
    let adds = !h.traits.hasPostNorms
    product([(linear, adds ? memory.residual : region(branch))], from: input, adds: adds)
  }

  private func region(_ branch: Operation.Branch) -> GPUMemory.Region {
    switch branch {
    case .mixer: memory.mixerBranch
    case .feedForward: memory.feedForwardBranch
    }
  }

  // MARK: Rows

  private mutating func embed() {
    let matrix = model.embedding
    let factor = h.traits.scalesEmbeddings ? Float(matrix.columns).squareRoot() : 1
    let parts = (matrix.columns + 31) / 32
    for piece in weights.pieces(of: matrix) {
      add(
        GPUKernel(.embed, matrix.format), weights: piece.range,
        [
          UInt32(piece.at), UInt32(matrix.kernel.row_bytes), UInt32(piece.rows.lowerBound), UInt32(piece.rows.count),
          UInt32(parts), vec(memory.residual.place), vec(memory.residual.stride), UInt32(matrix.columns),
          factor.bitPattern,
        ], x: .fixed((parts + 31) / 32), y: .rows)
    }
  }

  private mutating func normalize(
    _ input: GPUMemory.Region, _ norm: Norm, into out: GPUMemory.Region, adds: Bool = false, isWanted: Bool = false
  ) {
    add(
      GPUKernel(.normalize),
      [
        UInt32(input.place), UInt32(input.stride), UInt32(out.place), UInt32(out.stride), UInt32(h.embeddingLength),
        weights.place(of: norm.weight), weights.place(of: norm.bias), h.traits.norm == .layer ? 1 : 0,
        h.normEpsilon.bitPattern, adds ? 1 : 0, isWanted ? 1 : 0,
      ], x: .rows)
  }

  // MARK: Attention

  private mutating func turn(_ attention: Attention, _ layer: Int) {
    let shape = attention.shape
    add(
      GPUKernel(.turn), layer: layer,
      [
        UInt32(memory.keys.place), UInt32(memory.keys.stride), UInt32(memory.values.place),
        UInt32(memory.values.stride), UInt32(shape.keyValueHeadCount), UInt32(shape.keyLength),
        UInt32(shape.valueLength), weights.place(of: attention.keyNorm),
      ] + turning(attention) + [UInt32(memory.pageWords[layer])],
      x: .fixed(2 * shape.keyValueHeadCount), y: .rows)
  }

  /// How heads are normalized and turned.
  private func turning(_ attention: Attention) -> [UInt32] {
    let pairs = h.rotaryShapes[attention.rotaryTable].dimensions / 2
    return [
      h.normEpsilon.bitPattern, UInt32(pairs), h.traits.rotaryLayout == .interleaved ? 1 : 0,
      UInt32(attention.rotaryTable),
    ]
  }

  private mutating func attend(_ attention: Attention, _ layer: Int) {
    let shape = attention.shape
    var kernel = GPUKernel(isDecode ? .attend : .attendRows)
    (kernel.batch, kernel.keyLength) = (batch, shape.keyLength)
    let queries = [UInt32(memory.queries.place), UInt32(memory.queries.stride)]
    let out = [UInt32(memory.mixed.place), UInt32(memory.mixed.stride)]
    let sharing = [
      UInt32(shape.headCount / shape.keyValueHeadCount), UInt32(shape.keyValueHeadCount), UInt32(shape.valueLength),
      weights.place(of: attention.queryNorm),
    ]
    let rest =
      turning(attention) + [
        shape.scale.bitPattern, shape.softCap.bitPattern, UInt32(shape.window), UInt32(memory.pageWords[layer]),
      ]
    guard isDecode else {
      return add(
        kernel, layer: layer, queries + out + sharing + rest, x: .fixed(shape.headCount),
        y: .tiles(of: Self.attendedRows))
    }
    let new = [
      UInt32(memory.keys.place), UInt32(memory.keys.stride), UInt32(memory.values.place), UInt32(memory.values.stride),
    ]
    let parts = [UInt32(memory.partials.place), UInt32(shape.headCount)]
    add(
      kernel, layer: layer, queries + new + out + parts + sharing + [weights.place(of: attention.keyNorm)] + rest,
      x: .pieces, y: .fixed(shape.headCount), z: .rows)
  }

  private mutating func combine(_ attention: Attention) {
    let shape = attention.shape
    add(
      GPUKernel(.combine),
      [
        UInt32(memory.partials.place), UInt32(shape.headCount), UInt32(shape.valueLength), UInt32(memory.mixed.place),
        UInt32(memory.mixed.stride),
      ], x: .fixed(shape.headCount), y: .rowsInPieces)
  }

  private mutating func convolve(_ convolution: ShortConvolution, _ layer: Int) {
    let shape = convolution.shape
    add(
      GPUKernel(.convolve), layer: layer,
      [
        UInt32(memory.gates.place), UInt32(memory.gates.stride), UInt32(memory.mixed.place),
        UInt32(memory.mixed.stride),
        UInt32(shape.channels), UInt32(shape.length), weights.place(of: convolution.kernel), UInt32(convolution.place),
      ], x: .fixed((shape.channels + 63) / 64), y: .rows)
  }

  // MARK: Products

  private mutating func expand(_ feedForward: FeedForward) {
    switch feedForward {
    case .gated(let gate, let up, _):
      if isDecode, let (first, second) = neighbours(gate, up) {
        decodeProduct(
          [(gate, first, memory.hidden), (up, second, memory.hidden)], from: memory.input, isGated: true,
          activation: h.traits.activation)
      } else {
        product([(gate, memory.hidden), (up, memory.up)])
        self.gate(columns: up.weight.rows, isGated: true)
      }
    case .plain(let up, _):
      product([(up, memory.hidden)], activation: h.traits.activation)
      if !isDecode { gate(columns: up.weight.rows, isGated: false) }
    }
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
        code(h.traits.activation), isGated ? 1 : 0,
      ], x: .fixed((columns + 63) / 64), y: .rows)
  }

  private mutating func predict(_ linear: Linear) {
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
  private mutating func product(
    _ linears: [(Linear, GPUMemory.Region)], from other: GPUMemory.Region? = nil,
    activation: Architecture.Activation? = nil, adds: Bool = false, isWanted: Bool = false
  ) {
    let input = other ?? memory.input
    let norm = fusedNorm
    if other != nil { fusedNorm = nil }
    defer { fusedNorm = norm }
    var parts: [Part] = []
    for (linear, out) in linears {
      for piece in weights.pieces(of: linear.weight) { parts.append((linear, piece, out)) }
    }
    guard isDecode else {
      for part in parts { tile(part, from: input, adds: adds, isWanted: isWanted) }
      return
    }
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
    // Of a short row many threads would have nothing.
    kernel.lanes = lanes
    while kernel.lanes > Self.lanes.lowerBound, kernel.lanes > parts32(first) { kernel.lanes /= 2 }
    kernel.normalizes = fusedNorm != nil
    kernel.isGated = isGated
    let from = fusedNorm == nil ? input : memory.residual
    var parameters: [UInt32] = [
      vec(from.place), vec(from.stride), UInt32(parts32(first)),
      vec(Int(weights.place(of: fusedNorm?.weight))), h.normEpsilon.bitPattern, Float(first.columns).bitPattern,
      UInt32(parts.count), adds ? 1 : 0, (isWanted ? h.logitSoftCap : 0).bitPattern, activation.map(code) ?? 0,
      isWanted ? 1 : 0, 0,
    ]
    var groups = 0
    for (linear, piece, out) in parts {
      let bias = linear.bias == nil ? 0 : weights.place(of: linear.bias) + UInt32(piece.rows.lowerBound)
      parameters += [
        UInt32(piece.rows.count), UInt32(groups), UInt32(piece.at), UInt32(linear.weight.kernel.row_bytes),
        linear.weight.format == first.format ? 0 : 1, bias, vec(out.place + piece.rows.lowerBound), vec(out.stride),
      ]
      if !isGated || groups == 0 { groups += (piece.rows.count + Self.productRows - 1) / Self.productRows }
    }
    let x = min(groups, Self.widest)
    add(kernel, weights: parts[0].piece.range, parameters, x: .fixed(x), y: .fixed((groups + x - 1) / x))
  }

  /// `tile.wgsl`
  private mutating func tile(_ part: Part, from input: GPUMemory.Region, adds: Bool, isWanted: Bool) {
    let (linear, piece, out) = part
    let matrix = linear.weight
    let bias = linear.bias == nil ? 0 : weights.place(of: linear.bias) + UInt32(piece.rows.lowerBound)
    add(
      GPUKernel(.tile, matrix.format), weights: piece.range,
      [
        vec(input.place), vec(input.stride), UInt32((matrix.columns + 31) / 32), UInt32(piece.rows.count),
        UInt32(piece.at), UInt32(matrix.kernel.row_bytes), bias, vec(out.place + piece.rows.lowerBound),
        vec(out.stride),
        adds ? 1 : 0, isWanted ? 1 : 0, (isWanted ? h.logitSoftCap : 0).bitPattern,
      ], x: .fixed((piece.rows.count + Self.tile.rows - 1) / Self.tile.rows),
      y: isWanted ? .logitTiles(of: Self.tile.vectors) : .tiles(of: Self.tile.vectors))
  }

  /// Parts of 32 elements of a row.
  private func parts32(_ matrix: Matrix) -> Int { (matrix.columns + 31) / 32 }

  private func code(_ activation: Architecture.Activation) -> UInt32 {
    switch activation {
    case .silu: 1
    case .gelu: 2
    }
  }

  /// A place in vectors of four floats.
  private func vec(_ floats: Int) -> UInt32 { UInt32(floats / 4) }

  private mutating func add(
    _ kernel: GPUKernel, weights: BufferRange? = nil, layer: Int? = nil, _ parameters: [UInt32], x: GPUPass.Count,
    y: GPUPass.Count = .fixed(1), z: GPUPass.Count = .fixed(1)
  ) {
    let kernel = hasSubgroups ? kernel.withSubgroups() : kernel
    drafts.append(Draft(kernel: kernel, weights: weights, layer: layer, parameters: parameters, x: x, y: y, z: z))
  }
}
