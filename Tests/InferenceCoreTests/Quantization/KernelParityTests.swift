import CKernels
import InferenceCore
import Testing

/// Serialized: choosing an instruction set is global.
@Suite(.serialized) struct KernelParityTests {
  static let instructionSets = ["avx512vnni", "avx2", "baseline"]

  /// Random blocks whose scales are small finite numbers.
  static func randomMatrix(_ format: TensorFormat, rows: Int, columns: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    if format.blockSize == 1 {
      return (0..<rows * columns).flatMap { _ -> [UInt8] in
        let value = Float(Int(next() % 2000)) / 1000 - 1
        switch format {
        case .f32: return withUnsafeBytes(of: value.bitPattern.littleEndian, Array.init)
        case .f16: return withUnsafeBytes(of: ck_f32_to_f16(value).littleEndian, Array.init)
        default: return withUnsafeBytes(of: UInt16(value.bitPattern >> 16).littleEndian, Array.init)
        }
      }
    }
    var bytes = (0..<rows * columns / format.blockSize * format.blockBytes).map { _ in UInt8(truncatingIfNeeded: next())
    }
    for block in stride(from: 0, to: bytes.count, by: format.blockBytes) {
      setScales(format, block, in: &bytes) { Float(Int(next() % 200) - 100) / 1000 }
    }
    return bytes
  }

  /// Where a block has floating-point numbers.
  static func setScales(_ format: TensorFormat, _ block: Int, in bytes: inout [UInt8], to value: () -> Float) {
    let offsets: [Int] =
      switch format {
      case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
      case .q2_K: [80, 82]
      case .q3_K: [108]
      case .q6_K: [208]
      case .tq1_0: [52]
      case .tq2_0: [64]
      case .iq1_M, .mxfp4, .nvfp4: []
      default: [0]
      }
    for offset in offsets {
      let half = ck_f32_to_f16(value())
      bytes[block + offset] = UInt8(half & 255)
      bytes[block + offset + 1] = UInt8(half >> 8)
    }
    if format == .iq1_M {
      let half = ck_f32_to_f16(value())
      for i in 0..<4 {
        let at = block + 49 + 2 * i
        bytes[at] = bytes[at] & 15 | UInt8(half >> (4 * UInt16(i)) & 15) << 4
      }
    }
    // A power of two from 2^-10 to 8, and the two that are no normal numbers.
    if format == .mxfp4 { bytes[block] = bytes[block] < 250 ? 118 + bytes[block] % 14 : bytes[block] % 2 }
  }

  /// Products of every row with every token, through the kernels of the chosen instruction set.
  static func multiply(_ format: TensorFormat, _ bytes: [UInt8], rows: Int, columns: Int, tokens: Int, _ x: [Float])
    -> [Float]
  {
    let blocks = tokens * Int(ck_block_stride(Int32(columns)))
    let values = UnsafeMutablePointer<Int8>.allocate(capacity: tokens * columns)
    let words = UnsafeMutablePointer<Int16>.allocate(capacity: tokens * columns)
    let scales = UnsafeMutablePointer<Float>.allocate(capacity: 3 * blocks)
    let sums = UnsafeMutablePointer<Int32>.allocate(capacity: 2 * blocks)
    let halves = UnsafeMutablePointer<Int16>.allocate(capacity: 4 * blocks)
    defer {
      values.deallocate()
      words.deallocate()
      scales.deallocate()
      sums.deallocate()
      halves.deallocate()
    }
    var out = [Float](repeating: .nan, count: tokens * rows)
    var panel = [UInt8](repeating: 0, count: ck_panel_bytes(Int32(columns)))
    bytes.withUnsafeBufferPointer { weights in
      x.withUnsafeBufferPointer { real in
        var activations = ck_activations(
          values: values, words: words, scales: scales, sums: scales + blocks, low: sums, high: sums + blocks,
          units: scales + 2 * blocks, steps: halves, halves: halves + 2 * blocks, real: real.baseAddress,
          columns: Int32(columns), grouped: format.blockSize == 256 ? 1 : 0)
        for token in 0..<tokens { ck_quantize(&activations, Int32(token), 0, Int32(columns / 32)) }
        var matrix = ck_matrix(
          data: weights.baseAddress, row_bytes: columns / format.blockSize * format.blockBytes, rows: Int32(rows),
          columns: Int32(columns), format: format.rawValue)
        ck_multiply(&matrix, 0, Int32(rows), &activations, Int32(tokens), &out, rows, &panel)
      }
    }
    return out
  }

  static func vector(_ count: Int, seed: Int) -> [Float] {
    (0..<count).map { Float(($0 * 7919 + seed * 104_729) % 2003) / 1000 - 1 }
  }

  // More than a section of a panel, too.
  @Test(arguments: TensorFormat.allCases, [1, 3, 9])
  func everyInstructionSetGivesTheReferenceBits(format: TensorFormat, size: Int) {
    // Of smaller blocks also a number that is no multiple of the eight lanes.
    let (rows, columns) = (37, size * 256 + (format.blockSize == 256 ? 0 : max(format.blockSize, 64)))
    let bytes = Self.randomMatrix(format, rows: rows, columns: columns, seed: UInt64(format.rawValue) + 1)
    let rowBytes = columns / format.blockSize * format.blockBytes
    let standard = String(cString: ck_instruction_set())
    defer { _ = ck_select_instruction_set(standard) }
    for tokens in [1, 2, 3, 4, 5, 7, 8, 13] {
      let x = Self.vector(tokens * columns, seed: tokens)
      var expected: [[Float]] = []
      for name in Self.instructionSets where name == "baseline" || ck_select_instruction_set(name) == 1 {
        if name == "baseline" {
          var selected: Int32 = 0
          for baseline in ["sse2", "neon", "scalar"] { selected += ck_select_instruction_set(baseline) }
          #expect(selected == 1)
        }
        expected.append(Self.multiply(format, bytes, rows: rows, columns: columns, tokens: tokens, x))
      }
      for token in 0..<tokens {
        let vector = Array(x[token * columns..<(token + 1) * columns])
        let quantized = QuantizedVector(vector, grouped: format.blockSize == 256)
        for row in 0..<rows {
          let at = token * rows + row
          bytes.withUnsafeBufferPointer { weights in
            let data = weights.baseAddress! + row * rowBytes
            if format.isQuantized {
              let reference = format.definition.dot(data, count: columns, with: quantized)
              for result in expected { #expect(result[at] == reference, "\(format) row \(row) token \(token)") }
            } else {
              var real = [Float](repeating: 0, count: columns)
              format.definition.dequantize(data, count: columns, into: &real)
              let reference = zip(real, vector).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
              for result in expected {
                #expect(abs(Double(result[at]) - reference) < 1e-3)
                #expect(result[at] == expected[0][at])
              }
            }
          }
        }
      }
    }
  }

  /// All bytes of a block the same, all activations as large as they get: the product's integer comes near 2^31.
  @Test(arguments: TensorFormat.allCases.filter { $0.blockSize == 256 }, [0x00, 0x7f, 0x80, 0xff] as [UInt8])
  func theLargestProductsOfSuperblocksFit(format: TensorFormat, byte: UInt8) {
    var bytes = [UInt8](repeating: byte, count: 4 * format.blockBytes)
    for block in stride(from: 0, to: bytes.count, by: format.blockBytes) {
      Self.setScales(format, block, in: &bytes) { 1 }
    }
    if format == .q6_K {
      for at in 0..<bytes.count where (192..<208).contains(at % format.blockBytes) { bytes[at] = 0x80 }
    }
    let standard = String(cString: ck_instruction_set())
    defer { _ = ck_select_instruction_set(standard) }
    for sign in [-1, 1] as [Float] {
      let x = [Float](repeating: sign, count: 2 * 512)
      let vector = QuantizedVector(Array(x[..<512]), grouped: true)
      let reference = bytes.withUnsafeBufferPointer {
        format.definition.dot($0.baseAddress!, count: 512, with: vector)
      }
      for name in ["avx512vnni", "avx2", "sse2", "neon", "scalar"] where ck_select_instruction_set(name) == 1 {
        for tokens in [1, 2] {
          let results = Self.multiply(
            format, bytes, rows: 2, columns: 512, tokens: tokens, Array(x[..<(tokens * 512)]))
          #expect(results.allSatisfy { $0 == reference }, "\(name), \(tokens) tokens: \(results), \(reference)")
        }
      }
    }
  }

  @Test(arguments: TensorFormat.allCases.filter(\.isQuantized))
  func dotAgreesWithDequantizedWeights(format: TensorFormat) {
    let columns = 512
    let bytes = Self.randomMatrix(format, rows: 1, columns: columns, seed: 99)
    let x = Self.vector(columns, seed: 5)
    let quantized = QuantizedVector(x, grouped: format.blockSize == 256)
    var weights = [Float](repeating: 0, count: columns)
    bytes.withUnsafeBufferPointer { format.definition.dequantize($0.baseAddress!, count: columns, into: &weights) }
    let exact = (0..<columns).reduce(0.0) {
      $0 + Double(weights[$1]) * Double(quantized.scales[$1 / 32]) * Double(quantized.quanta[$1])
    }
    let dot = bytes.withUnsafeBufferPointer { format.definition.dot($0.baseAddress!, count: columns, with: quantized) }
    #expect(abs(Double(dot) - exact) <= 1e-4 * max(1, abs(exact)))
  }
}
