import CKernels

/// A weight matrix where the file has it.
struct Matrix {
  var kernel: ck_matrix
  let format: TensorFormat
  /// What tells it from all others: its address, or its offset in a file whose bytes only pass by.
  private(set) var place: UInt64
  private let isStreamed: Bool

  init(_ kernel: ck_matrix, _ format: TensorFormat, streamedFrom offset: UInt64? = nil) {
    self.kernel = kernel
    self.format = format
    isStreamed = offset != nil
    place = offset ?? UInt64(UInt(bitPattern: kernel.data))
  }

  var rows: Int { Int(kernel.rows) }
  var columns: Int { Int(kernel.columns) }

  /// Writes a row as floats.
  func dequantize(row: Int, into out: UnsafeMutablePointer<Float>) {
    format.definition.dequantize(kernel.data + row * kernel.row_bytes, count: columns, into: out)
  }

  /// The rows `range` as a matrix of their own.
  func rows(_ range: Range<Int>) -> Matrix {
    var part = self
    part.place += UInt64(range.lowerBound) * UInt64(kernel.row_bytes)
    // What only passes by has no address, and may have more bytes than there are addresses.
    if !isStreamed { part.kernel.data += range.lowerBound * kernel.row_bytes }
    part.kernel.rows = Int32(range.count)
    return part
  }
}

/// A vector of floats where the file has it, or nil.
typealias Vector = UnsafePointer<Float>?

/// A matrix and what is added to its products: y = W x + b.
struct Linear {
  let weight: Matrix
  let bias: Vector

  /// Those of its rows alone.
  func rows(_ range: Range<Int>) -> Linear {
    Linear(weight: weight.rows(range), bias: bias.map { $0 + range.lowerBound })
  }
}

/// The factors of a normalization, and what is added after them.
struct Norm {
  let weight: UnsafePointer<Float>
  let bias: Vector
}
