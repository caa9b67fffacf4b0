/// One row of the table of formats: the size of a block and what its bytes mean.
///
/// A block's `unpack` yields small integers and their scales; ``dequantize(_:count:into:)`` and
/// ``dot(_:count:with:)`` follow from it. These are the reference that every fast kernel is held to.
package struct FormatDefinition: Sendable {
  package let name: StaticString
  /// Elements in one block.
  package let blockSize: Int
  /// Bytes of one block.
  package let blockBytes: Int
  /// Whether elements have a minimum besides their scale.
  let hasMinimums: Bool
  /// Whether minimums have an integer factor of their own for each 16 elements.
  let hasIntegerMinimums: Bool
  /// Reads one block.
  let unpack: @Sendable (_ block: UnsafePointer<UInt8>, _ into: inout UnpackedBlock) -> Void

  init(
    name: StaticString, blockSize: Int, blockBytes: Int, hasMinimums: Bool = false, hasIntegerMinimums: Bool = false,
    unpack: @escaping @Sendable (UnsafePointer<UInt8>, inout UnpackedBlock) -> Void
  ) {
    self.name = name
    self.blockSize = blockSize
    self.blockBytes = blockBytes
    self.hasMinimums = hasMinimums
    self.hasIntegerMinimums = hasIntegerMinimums
    self.unpack = unpack
  }
}

/// A block's elements: `quantum * (scale of its 32) * (integer scale of its 16) + minimum of its 16`.
///
/// Up to 256 elements; floating-point formats put one element into `real`.
struct UnpackedBlock {
  /// Integers, less the format's zero point: [blockSize]
  var quanta: [Int32]
  /// Scale of each 32 elements: [blockSize / 32]
  var scales: [Float]
  /// Integer scale of each 16 elements: [blockSize / 16]
  var integerScales: [Int32]
  /// What is added to each 32 elements, before `integerMinimums`: [blockSize / 32]
  var minimums: [Float]
  /// Integer factor of the minimum of each 16 elements: [blockSize / 16]
  var integerMinimums: [Int32]
  /// The element of a floating-point format.
  var real: Float = 0

  init() {
    quanta = Array(repeating: 0, count: 256)
    scales = Array(repeating: 0, count: 8)
    integerScales = Array(repeating: 1, count: 16)
    minimums = Array(repeating: 0, count: 8)
    integerMinimums = Array(repeating: 1, count: 16)
  }
}

/// A vector quantized to int8 in blocks of 32, as the kernels see activations: `scale * quantum`.
package struct QuantizedVector {
  package var quanta: [Int8]
  package var scales: [Float]

  /// Quantizes `values`, a multiple of 32 of them, rounding to nearest with ties to even.
  package init(_ values: [Float]) {
    quanta = []
    scales = []
    for start in stride(from: 0, to: values.count, by: 32) {
      var largest: Float = 0
      for value in values[start..<start + 32] { largest = max(largest, value.magnitude) }
      let inverse = largest > 0 ? 127 / largest : 0
      scales.append(largest / 127)
      for value in values[start..<start + 32] {
        quanta.append(Int8((value * inverse).rounded(.toNearestOrEven)))
      }
    }
  }
}

extension FormatDefinition {
  /// Writes `count` elements, a multiple of the block size, as floats.
  package func dequantize(_ data: UnsafePointer<UInt8>, count: Int, into out: UnsafeMutablePointer<Float>) {
    var block = UnpackedBlock()
    for index in 0..<count / blockSize {
      unpack(data + index * blockBytes, &block)
      if blockSize == 1 {
        out[index] = block.real
        continue
      }
      for i in 0..<blockSize {
        let scale = block.scales[i / 32] * Float(block.integerScales[i / 16])
        let minimum = block.minimums[i / 32] * Float(block.integerMinimums[i / 16])
        out[index * blockSize + i] = scale * Float(block.quanta[i]) + minimum
      }
    }
  }

  /// The dot product of `count` quantized elements with a vector, in the kernels' canonical order.
  ///
  /// Integer products of 32 elements are summed exactly; then, first block to last:
  /// `sum += (scale * vector scale) * product + minimum * vector sum`.
  package func dot(_ data: UnsafePointer<UInt8>, count: Int, with vector: QuantizedVector) -> Float {
    var block = UnpackedBlock()
    var sum: Float = 0
    for start in stride(from: 0, to: count, by: 32) {
      let part = start % blockSize / 32
      if part == 0 { unpack(data + start / blockSize * blockBytes, &block) }
      var products: (Int32, Int32) = (0, 0)
      var sums: (Int32, Int32) = (0, 0)
      for i in 0..<16 {
        let low = Int32(vector.quanta[start + i])
        let high = Int32(vector.quanta[start + 16 + i])
        products.0 += block.quanta[part * 32 + i] * low
        products.1 += block.quanta[part * 32 + 16 + i] * high
        sums.0 += low
        sums.1 += high
      }
      let vectorScale = vector.scales[start / 32]
      let product = block.integerScales[2 * part] * products.0 + block.integerScales[2 * part + 1] * products.1
      var term = (block.scales[part] * vectorScale) * Float(product)
      if hasIntegerMinimums {
        let weighted = block.integerMinimums[2 * part] * sums.0 + block.integerMinimums[2 * part + 1] * sums.1
        term += (block.minimums[part] * vectorScale) * Float(weighted)
      } else if hasMinimums {
        term += block.minimums[part] * (vectorScale * Float(sums.0 + sums.1))
      }
      sum += term
    }
    return sum
  }
}
