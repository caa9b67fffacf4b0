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
  /// Whether each 16 elements are a term of their own, as integer scales may be too large to be summed with.
  let hasScalesOfHalves: Bool
  /// Reads one block.
  let unpack: @Sendable (_ block: UnsafePointer<UInt8>, _ into: inout UnpackedBlock) -> Void

  init(
    name: StaticString, blockSize: Int, blockBytes: Int, hasMinimums: Bool = false, hasScalesOfHalves: Bool = false,
    unpack: @escaping @Sendable (UnsafePointer<UInt8>, inout UnpackedBlock) -> Void
  ) {
    self.name = name
    self.blockSize = blockSize
    self.blockBytes = blockBytes
    self.hasMinimums = hasMinimums
    self.hasScalesOfHalves = hasScalesOfHalves
    self.unpack = unpack
  }
}

/// A block's elements: `quantum * scale * (integer scale of its 16) + minimum * (integer minimum of its 16)`.
///
/// Up to 256 elements; floating-point formats put one element into `real`.
struct UnpackedBlock {
  /// Integers, less the format's zero point: [blockSize]
  let quanta: UnsafeMutablePointer<Int16>
  var scale: Float = 0
  /// [blockSize / 16], all 1 in blocks of 32
  let integerScales: UnsafeMutablePointer<Int32>
  var minimum: Float = 0
  /// [blockSize / 16], all 1 in blocks of 32
  let integerMinimums: UnsafeMutablePointer<Int32>
  /// The element of a floating-point format.
  var real: Float = 0

  /// Lends a block on the stack: threads unpack rows for every token, and must not wait for the allocator there.
  /// (Beyond a kilobyte it would come from the heap.)
  static func withBlock<Result>(_ body: (inout UnpackedBlock) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: Int16.self, capacity: 256) { quanta in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * 16) { scales in
        scales.initialize(repeating: 1)
        let start = scales.baseAddress!
        var block = UnpackedBlock(quanta: quanta.baseAddress!, integerScales: start, integerMinimums: start + 16)
        return body(&block)
      }
    }
  }
}

/// A vector quantized to int8 in blocks of 32, as the kernels see activations: `scale * quantum`.
package struct QuantizedVector {
  package var quanta: [Int8] = []
  package var scales: [Float] = []
  /// Of each 256 elements, when grouped: a block's scale is its steps times this.
  var units: [Float] = []
  var steps: [Int32] = []

  /// Quantizes `values`, a multiple of 32 of them, rounding to nearest with ties to even.
  ///
  /// - Parameter grouped: Whether scales are whole multiples, 1 to 15, of one unit for 256 elements, as weights in
  ///   superblocks want them.
  package init(_ values: [Float], grouped: Bool) {
    for start in stride(from: 0, to: values.count, by: 32) {
      let block = values[start..<start + 32]
      let largest = Self.largest(block)
      var inverse: Float = 0
      if grouped {
        if start % 256 == 0 { units.append(Self.largest(values[start..<start + 256]) / (127 * Self.mostSteps)) }
        let unit = units[start / 256]
        let exact = unit > Self.tiny ? largest / (127 * unit) : 0
        steps.append(Int32(min(exact.rounded(.up), Self.mostSteps)))
        scales.append(unit * min(exact.rounded(.up), Self.mostSteps))
        inverse = exact > 0 ? 1 / scales[start / 32] : 0
      } else {
        scales.append(largest / 127)
        inverse = largest > Self.tiny ? 127 / largest : 0
      }
      for value in block { quanta.append(Int8((value * inverse).rounded(.toNearestOrEven))) }
    }
  }

  private static let mostSteps: Float = 15
  /// Magnitudes whose inverse is no longer a number, and some more.
  private static let tiny: Float = 1e-30

  private static func largest(_ values: ArraySlice<Float>) -> Float {
    values.reduce(0) { max($0, $1.magnitude) }
  }
}

extension FormatDefinition {
  /// Writes `count` elements, a multiple of the block size, as floats.
  package func dequantize(_ data: UnsafePointer<UInt8>, count: Int, into out: UnsafeMutablePointer<Float>) {
    UnpackedBlock.withBlock { block in
      for index in 0..<count / blockSize {
        unpack(data + index * blockBytes, &block)
        if blockSize == 1 {
          out[index] = block.real
          continue
        }
        for i in 0..<blockSize {
          var value = block.scale * Float(block.integerScales[i / 16]) * Float(block.quanta[i])
          // Without a minimum a zero keeps its sign.
          if hasMinimums { value += block.minimum * Float(block.integerMinimums[i / 16]) }
          out[index * blockSize + i] = value
        }
      }
    }
  }

  /// The dot product of `count` quantized elements with a vector, in the kernels' canonical order.
  ///
  /// Integer products of 32 elements, or of a superblock, are summed exactly; then, first block to last:
  /// `lane[block % 8] += (scale * vector scale) * product + minimum * vector sum`, and the lanes are folded in a tree. Of a
  /// superblock the products hold the integer scales and the vector's steps, and its unit is the vector scale.
  package func dot(_ data: UnsafePointer<UInt8>, count: Int, with vector: QuantizedVector) -> Float {
    var lanes = [Float](repeating: 0, count: 8)
    let length = blockSize == 256 ? 256 : 32
    for index in 0..<count / length { lanes[index % 8] += term(of: index, length: length, in: data, with: vector) }
    let low = (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
    return low + ((lanes[4] + lanes[6]) + (lanes[5] + lanes[7]))
  }

  /// What one part of `length` elements adds to a dot product: a superblock, or 32 of another block.
  private func term(of index: Int, length: Int, in data: UnsafePointer<UInt8>, with vector: QuantizedVector) -> Float {
    UnpackedBlock.withBlock { block in
      unpack(data + index * length / blockSize * blockBytes, &block)
      if hasScalesOfHalves { return termOfHalves(block, at: index * length, with: vector) }
      var product: Int32 = 0
      var sum: Int32 = 0
      for at in stride(from: index * length, to: (index + 1) * length, by: 16) {
        let steps = blockSize == 256 ? vector.steps[at / 32] : 1
        let start = at % blockSize
        for i in 0..<16 {
          let quantum = Int32(vector.quanta[at + i])
          product += steps * block.integerScales[start / 16] * (Int32(block.quanta[start + i]) * quantum)
          sum += steps * block.integerMinimums[start / 16] * quantum
        }
      }
      var term: Float
      if blockSize == 256 {
        term = (block.scale * vector.units[index]) * Float(product)
        if hasMinimums { term += (block.minimum * vector.units[index]) * Float(sum) }
      } else {
        term = (block.scale * vector.scales[index]) * Float(product)
        if hasMinimums { term += block.minimum * (vector.scales[index] * Float(sum)) }
      }
      return term
    }
  }
  /// The same of 32 elements whose halves have scales of their own.
  private func termOfHalves(_ block: UnpackedBlock, at first: Int, with vector: QuantizedVector) -> Float {
    var term: Float = 0
    for at in stride(from: first, to: first + 32, by: 16) {
      let start = at % blockSize
      let product = (0..<16).reduce(Int32(0)) { $0 + Int32(block.quanta[start + $1]) * Int32(vector.quanta[at + $1]) }
      term += (block.scale * Float(block.integerScales[start / 16]) * vector.scales[at / 32]) * Float(product)
    }
    return term
  }
}
