/// The buffers of an executor besides the weights: everything between the tokens of a pass and its logits, and the cache.
///
/// Places and strides are in floats of one buffer, `work`. A stride is a multiple of 32, so that the last part of a row is
/// whole: what is behind the columns stays zero.
struct GPUMemory {
  /// Rows of a vector in `work`.
  struct Region {
    let place: Int
    let stride: Int
  }

  /// Most rows of a pass that is a decode: its products take the vectors one after the other.
  static let decodeRows = 8
  /// Most pieces into which attention cuts the context of such a pass.
  static let mostPieces = 32
  /// Words of `step` in front of the rows, and of each row: `rows.wgsl`.
  static let stepHeader = 16
  static let stepRow = 8
  /// Most that a part of 32 rounded elements takes: `halves.wgsl`.
  static let mostRoundedFloats = 20
  /// Logits of which one workgroup of `top.wgsl` makes a list of the likeliest.
  static let chunk = 1024

  let residual: Region
  let input: Region
  let queries: Region
  let keys: Region
  let values: Region
  let gates: Region
  let mixed: Region
  let hidden: Region
  let up: Region
  /// Rows that were rounded, for products of a prefill; empty where none are.
  let rounded: Region
  let mixerBranch: Region
  let feedForwardBranch: Region
  let experts: ExpertRegions
  let logits: Region
  /// Logits of a row that are a token's.
  let tokenCount: Int
  /// Lists of the likeliest tokens, fewer from step to step until a row has one.
  let lists: [(region: Region, count: Int)]
  /// Of each row the one list that is left.
  var list: Region { lists[lists.count - 1].region }
  let partials: Region
  /// Floats of `work`.
  let size: Int
  /// Words of `step`.
  let stepSize: Int
  /// Words of a page of each layer's cache; 0 for layers without one.
  let pageWords: [Int]
  /// Floats of a recurrent state.
  let stateSize: Int

  /// What kernels of attention have room for: 16 KB of a workgroup's memory, and four pairs of a value for a thread.
  private static let longestKey = 512
  private static let longestValue = 1024

  /// Throws when a model has something that only the processor computes.
  static func check(_ model: LanguageModel) throws(ModelError) {
    let activation = model.hyperparameters.traits.activation
    let hasSinks = model.layers.contains {
      if case .attention(let attention) = $0.mixer { attention.sinks != nil } else { false }
    }
    let hasBiases = model.layers.contains {
      if case .mixture(let mixture) = $0.feedForward { mixture.down.bias != nil } else { false }
    }
    let activations = "Activations like \(model.hyperparameters.architecture)'s"
    for (isThere, what) in [
      (!model.hyperparameters.latents.isEmpty, "Latent vectors of attention"), (hasSinks, "Attention sinks"),
      (hasBiases, "Biases of experts"), (activation == .boundedSilu || activation == .xielu, activations),
    ] where isThere {
      throw ModelError(.unsupportedOnDevice, "\(what) are computed by the processor alone so far.")
    }
  }

  /// Throws when a card cannot have what a model works in; what passes can be counted in 32 bits.
  static func check(_ h: Hyperparameters, _ limits: ExecutionLimits, _ card: GraphicsLimits) throws(ModelError) {
    if let large = h.layers.first(where: { ExpertRegions.isTooLarge($0.experts) })?.experts {
      throw ModelError(
        .unsupportedOnDevice,
        "A token goes through \(large.used) of \(large.count) experts; on a graphics card through at most "
          + "\(ExpertRegions.mostUsed) of \(ExpertRegions.mostExperts).")
    }
    guard !h.layers.contains(where: { ($0.experts?.routing.groups.count ?? 1) > 1 }) else {
      throw ModelError(.unsupportedOnDevice, "Experts that stand in groups are computed by the processor alone so far.")
    }
    guard h.pooling == nil, !h.isBidirectional else {
      throw ModelError(.unsupportedOnDevice, "Vectors of texts are computed by the processor alone so far.")
    }
    if let large = h.attentions.first(where: { $0.keyLength > Self.longestKey || $0.valueLength > Self.longestValue }) {
      throw ModelError(
        .outOfResources,
        "A head has \(large.keyLength) elements of a key and \(large.valueLength) of a value; on a graphics card at most "
          + "\(Self.longestKey) and \(Self.longestValue).")
    }
    let largest = Int64(min(card.binding, card.buffer) / MemoryLayout<Float>.size)
    func widest(_ width: (AttentionShape) -> Int) -> Int64 {
      h.attentions.reduce(0) { max($0, Int64(width($1))) }
    }
    var width = Int64(h.embeddingLength).saturatingProduct(2)
    for other in [
      widest { $0.queryWidth }, widest { $0.keyWidth }, widest { $0.valueWidth }, widest { $0.attendedWidth },
      h.layers.reduce(0) { max($0, Int64($1.feedForwardLength)) },
      h.convolutions.reduce(0) { max($0, Int64($1.channels)) },
      ExpertRegions.width(h),
    ] { width = width.saturatingSum(other) }
    let states = h.convolutions.reduce(Int64(0)) {
      $0.saturatingSum(Int64($1.channels).saturatingProduct($1.length - 1))
    }
    // Somewhat less than is needed, which `init` and the cache count to the last float.
    let work = width.saturatingProduct(limits.rows)
      .saturatingSum(Int64(h.vocabularySize).saturatingProduct(limits.logitRows))
    guard work <= largest, states.saturatingProduct(limits.sequences * RecurrentState.slotCount + 1) <= largest else {
      throw ModelError(.outOfResources, "What this model works in has more bytes than a kernel of this card sees.")
    }
  }

  /// - Parameter roundsRows: Whether products of a prefill may be over rounded numbers.
  init(_ h: Hyperparameters, _ limits: ExecutionLimits, tokenCount: Int, roundsRows: Bool) {
    var next = 0
    func region(_ rows: Int, _ width: Int) -> Region {
      let stride = padded(width, 32)
      defer { next += padded(rows * stride, 64) }
      return Region(place: next, stride: stride)
    }
    let (rows, width) = (limits.rows, h.embeddingLength)
    let attentions = h.attentions
    func widest(_ width: (AttentionShape) -> Int) -> Int { attentions.reduce(0) { max($0, width($1)) } }
    let channels = h.convolutions.reduce(0) { max($0, $1.channels) }
    let inner = h.layers.reduce(0) { max($0, $1.feedForwardLength) }
    residual = region(rows, width)
    input = region(rows, width)
    queries = region(rows, widest { $0.queryWidth })
    keys = region(rows, widest { $0.keyWidth })
    values = region(rows, widest { $0.valueWidth })
    gates = region(rows, 3 * channels)
    mixed = region(rows, max(widest { $0.attendedWidth }, channels))
    hidden = region(rows, inner)
    up = region(rows, inner)
    let longest = max(residual.stride, mixed.stride, hidden.stride)
    rounded = region(roundsRows ? rows : 0, longest / 32 * Self.mostRoundedFloats)
    // Only norms after a branch keep it from being added where it ends.
    let branchRows = h.traits.hasPostNorms ? rows : 0
    mixerBranch = region(branchRows, width)
    feedForwardBranch = region(branchRows, width)
    experts = ExpertRegions(h, rows: rows) { region($0, $1) }
    logits = region(limits.logitRows, h.vocabularySize)
    self.tokenCount = tokenCount
    var (lists, count) = ([(region: Region, count: Int)](), tokenCount)
    var perList = Self.chunk
    repeat {
      count = (count + perList - 1) / perList
      lists.append((region(limits.logitRows, count * TopCandidates.words), count))
      perList = Self.chunk / TopCandidates.most
    } while count > 1
    self.lists = lists
    let pages = (limits.contextLength + PageLayout.positions - 1) / PageLayout.positions
    // One page is one piece, which has nothing to be put together with.
    let pieces = pages > 1 ? min(pages, Self.mostPieces) : 0
    partials = region(min(rows, Self.decodeRows), pieces * widest { $0.headCount * ($0.valueLength + 2) })
    size = next

    let rotations = h.rotaryShapes.reduce(0) { $0 + $1.dimensions / 2 * 2 }
    stepSize = Self.stepHeader + rows * (Self.stepRow + rotations) + min(rows, limits.sequences) * pages
    pageWords = h.layers.map { layer in
      guard case .attention(let shape) = layer.mixer else { return 0 }
      return PageLayout.positions * shape.keyValueHeadCount * ((shape.keyLength + 1) / 2 + (shape.valueLength + 1) / 2)
    }
    stateSize = h.convolutions.reduce(0) { $0 + $1.stateCount }
  }
}
