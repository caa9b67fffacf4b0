import CKernels

/// Writes passes down: the kernels, what they see and their parameters for each operation of a model's pass.
struct GPUPassWriter {
  let h: Hyperparameters
  let memory: GPUMemory
  let model: LanguageModel
  let weights: GPUWeights
  private var drafts: [Draft] = []
  private var layerStarts: [Int] = []

  /// Whether it is a pass over a few rows, a decode.
  let isDecode: Bool
  /// Vectors that a product of decode takes.
  let batch: Int
  /// With what numbers a prefill multiplies matrices of integers.
  let arithmetic: GPUArithmetic
  /// The norm that the next products take with them; nil where the normalized rows are in memory.
  var fusedNorm: Norm?
  /// Where the next products find the normalized rows.
  var normalized: GPUMemory.Region
  /// What the elements of the next feed-forward are multiplied by, row by row.
  var factors: GPUMemory.Region?

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

  /// Rows whose attention a workgroup of `attend-rows.wgsl` computes.
  private static let attendedRows = 4
  /// Threads of a row of `product.wgsl`, of which there are a power of two.
  static let lanes = 8...32
  let lanes: Int
  private let hasSubgroups: Bool
  /// - Parameter batch: Rows of a decode at most; nil for a prefill.
  init(
    _ model: LanguageModel, _ memory: GPUMemory, _ weights: GPUWeights, _ limits: GraphicsLimits, batch: Int?,
    arithmetic: GPUArithmetic = .floats
  ) {
    hasSubgroups = limits.subgroup > 1
    // With subgroups a row's threads are of one; without, few that compute in step are not worth the barrier.
    let together = hasSubgroups ? limits.subgroup : limits.together < Self.lanes.lowerBound ? 1 : limits.together
    lanes = min(together, Self.lanes.upperBound)
    (self.model, h, self.memory, self.weights) = (model, model.hyperparameters, memory, weights)
    isDecode = batch != nil
    self.batch = batch ?? GPUMemory.decodeRows
    normalized = memory.input
    self.arithmetic = arithmetic
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
    switch operation {
    case .embed: embed()
    case .normalize(let norm):
      // A root mean square is one factor, which the product takes at its end.
      fusedNorm = isDecode && h.traits.norm == .rms ? norm : nil
      normalized = norm == nil ? memory.residual : memory.input
      if fusedNorm == nil, let norm { normalize(memory.residual, norm, into: memory.input) }
    case .normalizeWanted(let norm):
      fusedNorm = nil
      if let norm { normalize(memory.residual, norm, into: memory.input, isWanted: true, scale: h.logitScale) }
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
    // Who turns a head sees the whole vector.
    case .turnHeads, .barrier: break
    case .route(let mixture): product([(mixture.router, memory.experts.logits)])
    case .choose(let mixture): choose(mixture)
    case .gather(let mixture): if !isDecode { gather(mixture) }
    case .expandExperts(let mixture): expand(mixture)
    case .contractExperts(let mixture): contract(mixture)
    // No model with these come here: `GPUMemory.check`.
    case .normalizeSum: break
    case .lower, .compress, .projectQueries, .absorb, .attendLatents, .combineLatents, .expandValues, .round: break
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
    embed(model.embedding, by: h.embeddingScale)
    if let positions = model.positions { embed(positions, isOfPositions: true) }
  }

  /// Rows of a matrix, chosen by the tokens or added by their positions.
  private mutating func embed(_ matrix: Matrix, by factor: Float = 1, isOfPositions: Bool = false) {
    let parts = (matrix.columns + 31) / 32
    for piece in weights.pieces(of: matrix) {
      add(
        GPUKernel(.embed, matrix.format), weights: piece.range,
        [
          UInt32(piece.at), UInt32(matrix.kernel.row_bytes), UInt32(piece.rows.lowerBound), UInt32(piece.rows.count),
          UInt32(parts), vec(memory.residual.place), vec(memory.residual.stride), UInt32(matrix.columns),
          factor.bitPattern, isOfPositions ? 1 : 0,
        ], x: .fixed((parts + 31) / 32), y: .rows)
    }
  }

  private mutating func normalize(
    _ input: GPUMemory.Region, _ norm: Norm, into out: GPUMemory.Region, adds: Bool = false, isWanted: Bool = false,
    scale: Float = 1
  ) {
    add(
      GPUKernel(.normalize),
      [
        UInt32(input.place), UInt32(input.stride), UInt32(out.place), UInt32(out.stride), UInt32(h.embeddingLength),
        weights.place(of: norm.weight), weights.place(of: norm.bias), h.traits.norm == .layer ? 1 : 0,
        h.normEpsilon.bitPattern, adds ? 1 : 0, isWanted ? 1 : 0, scale.bitPattern,
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
      UInt32(attention.rotaryTable), code(attention.norms), h.traits.norm == .layer ? 1 : 0,
    ]
  }

  /// As `heads.wgsl` has it.
  private func code(_ norms: Architecture.QueryKeyNorms) -> UInt32 {
    switch norms {
    case .none, .heads: 0
    case .turnedHeads: 1
    case .separateHeads: 2
    case .vectors: 3
    }
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
        shape.temperature.scale.bitPattern, UInt32(shape.temperature.length),
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
      kernel, layer: layer,
      queries + new + out + parts + sharing + [weights.place(of: attention.keyNorm)] + rest,
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

  /// A place in vectors of four floats.
  func vec(_ floats: Int) -> UInt32 { UInt32(floats / 4) }

  mutating func add(
    _ kernel: GPUKernel, weights: BufferRange? = nil, layer: Int? = nil, _ parameters: [UInt32], x: GPUPass.Count,
    y: GPUPass.Count = .fixed(1), z: GPUPass.Count = .fixed(1)
  ) {
    let kernel = hasSubgroups ? kernel.withSubgroups() : kernel
    drafts.append(Draft(kernel: kernel, weights: weights, layer: layer, parameters: parameters, x: x, y: y, z: z))
  }
}
