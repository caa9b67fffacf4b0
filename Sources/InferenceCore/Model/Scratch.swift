import CKernels

/// The memory of one context besides the weights: keys, values and everything between input and logits.
struct Scratch {
  /// Tokens of one pass.
  let chunk: Int

  /// Keys, F16: [layer][key-value head][position / 32][key length][32], so that a vector holds positions
  let keys: UnsafeMutablePointer<UInt16>
  /// Values, F16: [layer][key-value head][position][value length]
  let values: UnsafeMutablePointer<UInt16>
  /// Positions that a head has room for: the context in whole tiles of keys.
  let cachedPositions: Int

  /// Residual stream: [token][embedding]
  let residual: UnsafeMutablePointer<Float>
  /// Normalized input of a branch: [token][embedding]
  let input: Activations
  /// [token][heads * key length]
  let queries: UnsafeMutablePointer<Float>
  /// [token][key-value heads * key length], and the values after them
  let newKeys: UnsafeMutablePointer<Float>
  let newValues: UnsafeMutablePointer<Float>
  /// Attention's output: [token][heads * value length]
  let attended: Activations
  /// [token][feed-forward]
  let hidden: Activations
  let up: UnsafeMutablePointer<Float>
  /// A branch's output: [token][embedding]
  let attentionBranch: UnsafeMutablePointer<Float>
  let feedForwardBranch: UnsafeMutablePointer<Float>
  /// Cosines and sines of the chunk's positions: [token][rotary dimensions / 2]
  let rotary: Rotation
  let windowRotary: Rotation
  /// [logit row][vocabulary]
  let logits: UnsafeMutablePointer<Float>

  /// Parts of attention by span, for the heads of one token or for a tile of queries of each lane.
  let partials: UnsafeMutablePointer<Float>
  /// Floats that a row's parts take; a row is a token and a head.
  let partialStride: Int
  /// Rows that there is room for.
  let partialRows: Int
  /// Per lane: an unpacked panel of weights.
  let panels: UnsafeMutablePointer<UInt8>
  let panelStride: Int
  /// What the lanes share about each step of a pass.
  let steps: UnsafeMutablePointer<ck_step>
  let stepCount: Int

  /// - Parameter formats: Of the model's matrices; the sizes do not depend on them.
  init(
    _ h: Hyperparameters, _ formats: InputFormats, contextLength: Int, chunk: Int, logitRows: Int, lanes: Int,
    in arena: inout Arena
  ) {
    self.chunk = chunk
    let tile = Int(CK_KEY_TILE)
    cachedPositions = (contextLength + tile - 1) / tile * tile
    keys = arena.cut(UInt16.self, h.layerCount, h.keyValueHeadCount, cachedPositions, h.keyLength)
    values = arena.cut(UInt16.self, h.layerCount, h.keyValueHeadCount, cachedPositions, h.valueLength)

    let width = h.embeddingLength
    residual = arena.cut(Float.self, chunk, width)
    input = Activations(rows: chunk, columns: width, for: formats.input, in: &arena)
    queries = arena.cut(Float.self, chunk, h.headCount, h.keyLength)
    newKeys = arena.cut(Float.self, chunk, h.keyValueHeadCount, h.keyLength)
    newValues = arena.cut(Float.self, chunk, h.keyValueHeadCount, h.valueLength)
    attended = Activations(
      rows: chunk, columns: h.headCount * h.valueLength, for: formats.attended, in: &arena)
    hidden = Activations(rows: chunk, columns: h.feedForwardLength, for: formats.hidden, in: &arena)
    up = arena.cut(Float.self, chunk, h.feedForwardLength)
    attentionBranch = arena.cut(Float.self, chunk, width)
    feedForwardBranch = arena.cut(Float.self, chunk, width)
    rotary = Rotation(count: chunk, pairs: h.rotaryDimensions / 2, in: &arena)
    windowRotary = Rotation(count: chunk, pairs: h.rotaryDimensions / 2, in: &arena)
    logits = arena.cut(Float.self, logitRows, h.vocabularySize)

    let spans = (contextLength + Int(CK_SPAN) - 1) / Int(CK_SPAN)
    partialStride = spans * ck_partial_floats(Int32(h.valueLength))
    let rowsOfOneToken = h.keyValueHeadCount * h.headGroups.count * h.headGroups.size
    partialRows = max(lanes * Int(CK_ATTENTION_ROWS), rowsOfOneToken)
    partials = arena.cut(Float.self, partialRows, partialStride)
    let widest = max(width, h.feedForwardLength, h.headCount * h.valueLength)
    panelStride = (ck_panel_bytes(Int32(widest)) + 63) / 64 * 64
    panels = arena.cut(UInt8.self, lanes, panelStride)
    stepCount = h.layerCount * Transformer.stepsPerLayer + Transformer.stepsOutsideLayers
    steps = arena.cut(ck_step.self, stepCount)
  }
}

/// Vectors that matrices are multiplied with: floats, and the same quantized to int8.
struct Activations {
  var kernel: ck_activations
  let columns: Int

  /// - Parameter formats: Of the matrices that read them.
  init(rows: Int, columns: Int, for formats: [TensorFormat], in arena: inout Arena) {
    let blocks = rows * Int(ck_block_stride(Int32(columns)))
    self.columns = columns
    kernel = ck_activations(
      values: arena.cut(Int8.self, rows, columns), words: arena.cut(Int16.self, rows, columns),
      scales: arena.cut(Float.self, blocks), sums: arena.cut(Float.self, blocks),
      low: arena.cut(Int32.self, blocks), high: arena.cut(Int32.self, blocks),
      units: arena.cut(Float.self, rows, Int(ck_group_stride(Int32(columns)))),
      steps: arena.cut(Int16.self, blocks), halves: arena.cut(Int16.self, blocks, 2),
      real: UnsafePointer(arena.cut(Float.self, rows, columns)), columns: Int32(columns),
      grouped: formats.contains { $0.isSuperblock } ? 1 : 0)
  }

  /// Columns that are quantized together: pieces of a row are multiples of it.
  var unit: Int { Int(kernel.grouped == 1 ? CK_SUPERBLOCK : CK_BLOCK) }

  /// The floats of a row, to write.
  func real(_ row: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutablePointer(mutating: kernel.real) + row * columns
  }

  /// The rows from `first` on.
  func rows(from first: Int) -> ck_activations {
    let blocks = first * Int(ck_block_stride(kernel.columns))
    return ck_activations(
      values: kernel.values + first * columns, words: kernel.words + first * columns,
      scales: kernel.scales + blocks, sums: kernel.sums + blocks, low: kernel.low + blocks,
      high: kernel.high + blocks, units: kernel.units + first * Int(ck_group_stride(kernel.columns)),
      steps: kernel.steps + blocks, halves: kernel.halves + 2 * blocks, real: kernel.real + first * columns,
      columns: kernel.columns, grouped: kernel.grouped)
  }

  /// Quantizes the columns of a row's floats that lie in whole blocks.
  func quantize(_ row: Int, columns range: Range<Int>) {
    var all = kernel
    ck_quantize(&all, Int32(row), Int32(range.lowerBound / Int(CK_BLOCK)), Int32(range.upperBound / Int(CK_BLOCK)))
  }

  func quantize(_ row: Int) {
    quantize(row, columns: 0..<columns)
  }
}

/// Cosines and sines of consecutive positions: [position][pair].
struct Rotation {
  let cosines: UnsafeMutablePointer<Float>
  let sines: UnsafeMutablePointer<Float>
  let pairs: Int

  init(count: Int, pairs: Int, in arena: inout Arena) {
    self.pairs = pairs
    cosines = arena.cut(Float.self, count, pairs)
    sines = arena.cut(Float.self, count, pairs)
  }

  /// Turns the head of the chunk's token number `token`.
  func rotate(_ head: UnsafeMutablePointer<Float>, token: Int, layout: Architecture.RotaryLayout) {
    let at = token * pairs
    ck_rotate(head, cosines + at, sines + at, Int32(pairs), layout == .interleaved ? 1 : 0)
  }
}
