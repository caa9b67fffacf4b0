import CKernels

/// The memory of an executor besides weights and cache: everything between the tokens of a pass and its logits.
struct Workspace {
  /// Residual stream: [row][embedding]
  let residual: UnsafeMutablePointer<Float>
  /// Normalized input of a branch: [row][embedding]
  let input: Activations
  /// [row][heads * key length]
  let queries: UnsafeMutablePointer<Float>
  /// [row][key-value heads * key length], and the values after them
  let keys: UnsafeMutablePointer<Float>
  let values: UnsafeMutablePointer<Float>
  /// A convolution's input and its gates: [row][3 * channels]
  let gates: UnsafeMutablePointer<Float>
  /// What a mixer's output matrix reads: [row][heads * value length], or [row][channels]
  let mixed: Activations
  /// [row][feed-forward]
  let hidden: Activations
  let up: UnsafeMutablePointer<Float>
  let experts: ExpertWorkspace
  let latents: LatentWorkspace
  /// A branch's output: [row][embedding]
  let mixerBranch: UnsafeMutablePointer<Float>
  let feedForwardBranch: UnsafeMutablePointer<Float>
  /// By rotary table.
  let rotations: UnsafeMutablePointer<Rotation>
  /// [logit row][vocabulary]
  let logits: UnsafeMutablePointer<Float>
  /// What the pass is over.
  let rows: PassRows

  /// Parts of attention by span, for the heads of one token or for a tile of queries of each lane.
  let partials: UnsafeMutablePointer<Float>
  /// Floats that a row's parts take; a row is a token and a head.
  let partialStride: Int
  /// Rows that there is room for.
  let partialRows: Int
  /// Most rows of a tile: the more, the less often keys and values become floats, but each takes memory for all spans.
  let tileRows: Int
  /// A panel of unpacked weights for each lane.
  let panels: UnsafeMutablePointer<UInt8>
  let panelStride: Int
  /// What the lanes share about each step.
  let steps: UnsafeMutablePointer<ck_step>

  /// Spans of a context for which large tiles take little memory: 8,192 positions.
  private static let fewSpans = 64

  init(_ h: Hyperparameters, _ formats: InputFormats, _ limits: ExecutionLimits, lanes: Int, in arena: inout Arena) {
    let (count, width) = (limits.rows, h.embeddingLength)
    let (attentions, convolutions) = (h.attentions, h.convolutions)
    func widest(_ width: (AttentionShape) -> Int) -> Int { attentions.reduce(0) { max($0, width($1)) } }
    let channels = convolutions.reduce(0) { max($0, $1.channels) }
    let inner = h.layers.reduce(0) { max($0, $1.feedForwardLength) }
    let mixedWidth = h.layers.reduce(0) { max($0, $1.mixer.width) }

    residual = arena.cut(Float.self, count, width)
    input = Activations(rows: count, columns: width, for: formats.input, in: &arena)
    queries = arena.cut(Float.self, count, widest { $0.queryWidth })
    keys = arena.cut(Float.self, count, widest { $0.keyWidth })
    values = arena.cut(Float.self, count, widest { $0.valueWidth })
    gates = arena.cut(Float.self, count, 3 * channels)
    mixed = Activations(rows: count, columns: mixedWidth, for: formats.mixed, in: &arena)
    hidden = Activations(rows: count, columns: inner, for: formats.hidden, in: &arena)
    up = arena.cut(Float.self, count, inner)
    experts = ExpertWorkspace(h, formats, rows: count, lanes: lanes, in: &arena)
    latents = LatentWorkspace(h, formats, rows: count, lanes: lanes, in: &arena)
    mixerBranch = arena.cut(Float.self, count, width)
    feedForwardBranch = arena.cut(Float.self, count, width)
    logits = arena.cut(Float.self, limits.logitRows, h.vocabularySize)
    rows = PassRows(rows: count, in: &arena)

    let shapes = h.rotaryShapes
    rotations = arena.cut(Rotation.self, shapes.count)
    for (index, shape) in shapes.enumerated() {
      let rotation = Rotation(rows: count, pairs: shape.dimensions / 2, in: &arena)
      if arena.hasMemory { (rotations + index).initialize(to: rotation) }
    }

    let spans = (limits.contextLength + Int(CK_SPAN) - 1) / Int(CK_SPAN)
    partialStride = spans * ck_partial_floats(Int32(widest { $0.valueLength }))
    let rowsOfOneToken = widest { $0.keyValueHeadCount * $0.groups.count * $0.groups.size }
    tileRows = spans <= Self.fewSpans ? Int(CK_ATTENTION_ROWS) : AttentionShape.headsTogether
    partialRows = attentions.isEmpty ? 0 : max(lanes * tileRows, rowsOfOneToken)
    partials = arena.cut(Float.self, partialRows, partialStride)
    let expertLength = h.layers.reduce(0) { max($0, $1.experts?.length ?? 0) }
    panelStride = (ck_panel_bytes(Int32(max(width, inner, mixedWidth, expertLength, latents.longest))) + 63) / 64 * 64
    panels = arena.cut(UInt8.self, lanes, panelStride)
    steps = arena.cut(ck_step.self, Pass.longest(layerCount: h.layerCount))
  }
}

/// The rows of a pass: which token each is, and of which sequence.
struct PassRows {
  /// By row.
  let tokens: UnsafeMutablePointer<TokenID>
  /// By row: its row of logits, or -1.
  let logitRows: UnsafeMutablePointer<Int32>
  let spans: UnsafeMutablePointer<Span>

  /// Rows of one sequence that follow each other.
  struct Span {
    let first: Int
    let count: Int
    /// Of the first row.
    let position: Int
    /// The sequence's pages.
    let pages: UnsafePointer<UnsafePointer<UInt16>?>
    /// The sequence's recurrent state before the pass and after it.
    let state: UnsafePointer<Float>?
    let nextState: UnsafeMutablePointer<Float>?
  }

  init(rows: Int, in arena: inout Arena) {
    tokens = arena.cut(TokenID.self, rows)
    logitRows = arena.cut(Int32.self, rows)
    spans = arena.cut(Span.self, rows)
  }

  /// Writes down a batch, whose sequences have their pages and states in `cache`.
  func fill(_ batch: Batch, in cache: CPUCache) {
    var (first, logitRow) = (0, Int32(0))
    for (index, span) in batch.spans.enumerated() {
      let count = span.tokens.count
      let slots = span.sequence.state?.slots
      (spans + index).initialize(
        to: Span(
          first: first, count: count, position: span.sequence.tokens.count, pages: UnsafePointer(span.sequence.table),
          state: slots.flatMap { UnsafePointer(cache.state($0.read)) },
          nextState: slots.flatMap { cache.state($0.write) }))
      for (offset, token) in span.tokens.enumerated() {
        tokens[first + offset] = token
        let isWanted = offset >= count - span.logitRows
        logitRows[first + offset] = isWanted ? logitRow : -1
        if isWanted { logitRow += 1 }
      }
      first += count
    }
  }
}
