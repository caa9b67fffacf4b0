import CKernels

/// The memory of one context besides the weights: keys, values and everything between input and logits.
///
/// With several tokens, rows of a buffer are tokens and the lanes share them. With one token, every lane computes
/// what is cheap for itself, in a row of its own, which saves waiting for the others.
struct Scratch {
  /// Tokens of one pass.
  let chunk: Int

  /// Keys, F16: [layer][key-value head][position][key length]
  let keys: UnsafeMutablePointer<UInt16>
  /// Values, F16: [layer][key-value head][position][value length]
  let values: UnsafeMutablePointer<UInt16>

  /// Residual stream: [row][embedding]
  let residual: UnsafeMutablePointer<Float>
  /// Normalized input of a branch: [row][embedding]
  let input: Activations
  /// [token][heads * key length]
  let queries: UnsafeMutablePointer<Float>
  /// [token][key-value heads * key length], and the values after them
  let newKeys: UnsafeMutablePointer<Float>
  let newValues: UnsafeMutablePointer<Float>
  /// Attention's output: [token][heads * value length], and quantized by row
  let attended: UnsafeMutablePointer<Float>
  let attendedInput: Activations
  /// [token][feed-forward], and quantized by row
  let gate: UnsafeMutablePointer<Float>
  let up: UnsafeMutablePointer<Float>
  let hiddenInput: Activations
  /// A branch's output: [token][embedding]
  let attentionBranch: UnsafeMutablePointer<Float>
  let feedForwardBranch: UnsafeMutablePointer<Float>
  /// A normalized branch: [row][embedding]
  let normalizedBranch: UnsafeMutablePointer<Float>
  /// Cosines and sines of the chunk's positions: [token][rotary dimensions / 2]
  let rotary: Rotation
  let windowRotary: Rotation
  /// [logit row][vocabulary]
  let logits: UnsafeMutablePointer<Float>

  /// Per lane: scores and tiles of attention, and an unpacked panel of weights.
  let attention: UnsafeMutablePointer<Float>
  let attentionStride: Int
  let panels: UnsafeMutablePointer<UInt8>
  let panelStride: Int
  /// Queries of one head that are attended together.
  let queryTile: Int

  init(_ h: Hyperparameters, contextLength: Int, chunk: Int, logitRows: Int, lanes: Int, in arena: inout Arena) {
    self.chunk = chunk
    let rows = max(chunk, lanes)
    let cached = h.layerCount * h.keyValueHeadCount * contextLength
    keys = arena.cut(UInt16.self, cached * h.keyLength)
    values = arena.cut(UInt16.self, cached * h.valueLength)

    let width = h.embeddingLength
    residual = arena.cut(Float.self, rows * width)
    input = Activations(rows: rows, columns: width, in: &arena)
    queries = arena.cut(Float.self, chunk * h.headCount * h.keyLength)
    newKeys = arena.cut(Float.self, chunk * h.keyValueHeadCount * h.keyLength)
    newValues = arena.cut(Float.self, chunk * h.keyValueHeadCount * h.valueLength)
    attended = arena.cut(Float.self, chunk * h.headCount * h.valueLength)
    attendedInput = Activations(rows: rows, columns: h.headCount * h.valueLength, real: attended, in: &arena)
    gate = arena.cut(Float.self, chunk * h.feedForwardLength)
    up = arena.cut(Float.self, chunk * h.feedForwardLength)
    hiddenInput = Activations(rows: rows, columns: h.feedForwardLength, real: gate, in: &arena)
    attentionBranch = arena.cut(Float.self, chunk * width)
    feedForwardBranch = arena.cut(Float.self, chunk * width)
    normalizedBranch = arena.cut(Float.self, rows * width)
    rotary = Rotation(count: chunk, pairs: h.rotaryDimensions / 2, in: &arena)
    windowRotary = Rotation(count: chunk, pairs: h.rotaryDimensions / 2, in: &arena)
    logits = arena.cut(Float.self, logitRows * h.vocabularySize)

    // Scores of a tile of queries stay within about a megabyte.
    queryTile = max(1, min(chunk, Int(CK_MAX_TILE), 262_144 / contextLength))
    let dimension = Int32(max(h.keyLength, h.valueLength))
    attentionStride = (Int(ck_attention_floats(Int32(contextLength), Int32(queryTile), dimension)) + 15) / 16 * 16
    attention = arena.cut(Float.self, attentionStride * lanes)
    let widest = max(width, h.feedForwardLength, h.headCount * h.valueLength)
    panelStride = (Int(ck_panel_bytes(Int32(widest))) + 63) / 64 * 64
    panels = arena.cut(UInt8.self, panelStride * lanes)
  }
}

/// Vectors that a matrix is multiplied with: floats, and the same quantized to int8.
struct Activations {
  let kernel: ck_activations
  let columns: Int

  /// - Parameter real: Where the floats are; by default room of their own.
  init(rows: Int, columns: Int, real: UnsafeMutablePointer<Float>? = nil, in arena: inout Arena) {
    let blocks = rows * (columns / Int(CK_BLOCK))
    self.columns = columns
    kernel = ck_activations(
      values: arena.cut(Int8.self, rows * columns), scales: arena.cut(Float.self, blocks),
      sums: arena.cut(Float.self, blocks), low: arena.cut(Int32.self, blocks), high: arena.cut(Int32.self, blocks),
      real: UnsafePointer(real ?? arena.cut(Float.self, rows * columns)), columns: Int32(columns))
  }

  /// The floats of a row, to write.
  func real(_ row: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutablePointer(mutating: kernel.real) + row * columns
  }

  /// The rows from `first` on. `realFirst`: where its floats begin, when those have fewer rows.
  func rows(from first: Int, realFirst: Int) -> ck_activations {
    let blocks = first * (columns / Int(CK_BLOCK))
    return ck_activations(
      values: kernel.values + first * columns, scales: kernel.scales + blocks, sums: kernel.sums + blocks,
      low: kernel.low + blocks, high: kernel.high + blocks, real: kernel.real + realFirst * columns,
      columns: kernel.columns)
  }
}

/// Cosines and sines of consecutive positions: [position][pair].
struct Rotation {
  let cosines: UnsafeMutablePointer<Float>
  let sines: UnsafeMutablePointer<Float>
  let pairs: Int

  init(count: Int, pairs: Int, in arena: inout Arena) {
    self.pairs = pairs
    cosines = arena.cut(Float.self, count * pairs)
    sines = arena.cut(Float.self, count * pairs)
  }

  /// Turns the head of the chunk's token number `token`.
  func rotate(_ head: UnsafeMutablePointer<Float>, token: Int, layout: Architecture.RotaryLayout) {
    let at = token * pairs
    ck_rotate(head, cosines + at, sines + at, Int32(pairs), layout == .interleaved ? 1 : 0)
  }
}
