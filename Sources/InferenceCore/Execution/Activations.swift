import CKernels

/// Vectors that matrices are multiplied with: floats, and the same quantized to int8.
struct Activations {
  var kernel: ck_activations

  /// - Parameter formats: Of the matrices that read them.
  init(rows: Int, columns: Int, for formats: [TensorFormat], in arena: inout Arena) {
    let blocks = rows * Int(ck_block_stride(Int32(columns)))
    kernel = ck_activations(
      values: arena.cut(Int8.self, rows, columns), words: arena.cut(Int16.self, rows, columns),
      scales: arena.cut(Float.self, blocks), sums: arena.cut(Float.self, blocks),
      low: arena.cut(Int32.self, blocks), high: arena.cut(Int32.self, blocks),
      units: arena.cut(Float.self, rows, Int(ck_group_stride(Int32(columns)))),
      steps: arena.cut(Int16.self, blocks), halves: arena.cut(Int16.self, blocks, 2),
      real: UnsafePointer(arena.cut(Float.self, rows, columns)), columns: Int32(columns),
      grouped: formats.contains { $0.isSuperblock } ? 1 : 0)
  }

  /// The same memory for vectors of up to as many columns.
  func of(columns: Int) -> Activations {
    var narrower = self
    narrower.kernel.columns = Int32(columns)
    // No matrix in superblocks has other columns.
    if columns % Int(CK_SUPERBLOCK) != 0 { narrower.kernel.grouped = 0 }
    return narrower
  }

  /// The vectors from a row on.
  func from(row: Int) -> Activations {
    var later = self
    let (values, columns) = (row * self.columns, kernel.columns)
    let (blocks, groups) = (row * Int(ck_block_stride(columns)), row * Int(ck_group_stride(columns)))
    later.kernel.values += values
    later.kernel.words += values
    later.kernel.scales += blocks
    later.kernel.sums += blocks
    later.kernel.low += blocks
    later.kernel.high += blocks
    later.kernel.units += groups
    later.kernel.steps += blocks
    later.kernel.halves += 2 * blocks
    later.kernel.real += values
    return later
  }

  var columns: Int { Int(kernel.columns) }

  /// Columns that are quantized together: pieces of a row are multiples of it.
  var unit: Int { Int(kernel.grouped == 1 ? CK_SUPERBLOCK : CK_BLOCK) }

  /// The floats of a row, to write.
  func real(_ row: Int) -> UnsafeMutablePointer<Float> {
    UnsafeMutablePointer(mutating: kernel.real) + row * columns
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

/// Cosines and sines of the rows' positions: [row][pair].
struct Rotation {
  let cosines: UnsafeMutablePointer<Float>
  let sines: UnsafeMutablePointer<Float>
  let pairs: Int

  init(rows: Int, pairs: Int, in arena: inout Arena) {
    self.pairs = pairs
    cosines = arena.cut(Float.self, rows, pairs)
    sines = arena.cut(Float.self, rows, pairs)
  }

  /// Turns a head of a row.
  func rotate(_ head: UnsafeMutablePointer<Float>, row: Int, layout: Architecture.RotaryLayout) {
    let at = row * pairs
    ck_rotate(head, cosines + at, sines + at, Int32(pairs), layout == .interleaved ? 1 : 0)
  }
}
