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
    let scaleOffsets: [Int] =
      switch format {
      case .q4_1, .q5_1: [0, 2]
      case .q2_K: [80, 82]
      case .q3_K: [108]
      case .q4_K, .q5_K: [0, 2]
      case .q6_K: [208]
      default: [0]
      }
    for block in stride(from: 0, to: bytes.count, by: format.blockBytes) {
      for offset in scaleOffsets {
        let half = ck_f32_to_f16(Float(Int(next() % 200) - 100) / 1000)
        bytes[block + offset] = UInt8(half & 255)
        bytes[block + offset + 1] = UInt8(half >> 8)
      }
    }
    return bytes
  }

  /// Products of every row with every token, through the kernels of the chosen instruction set.
  static func multiply(_ format: TensorFormat, _ bytes: [UInt8], rows: Int, columns: Int, tokens: Int, _ x: [Float])
    -> [Float]
  {
    let blocks = tokens * columns / 32
    let values = UnsafeMutablePointer<Int8>.allocate(capacity: tokens * columns)
    let scales = UnsafeMutablePointer<Float>.allocate(capacity: 2 * blocks)
    let sums = UnsafeMutablePointer<Int32>.allocate(capacity: 2 * blocks)
    defer {
      values.deallocate()
      scales.deallocate()
      sums.deallocate()
    }
    var out = [Float](repeating: .nan, count: tokens * rows)
    var panel = [UInt8](repeating: 0, count: ck_panel_bytes(Int32(columns)))
    bytes.withUnsafeBufferPointer { weights in
      x.withUnsafeBufferPointer { real in
        var activations = ck_activations(
          values: values, scales: scales, sums: scales + blocks, low: sums, high: sums + blocks,
          real: real.baseAddress, columns: Int32(columns))
        ck_quantize(&activations, 0, Int32(tokens))
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

  @Test(arguments: TensorFormat.allCases)
  func everyInstructionSetGivesTheReferenceBits(format: TensorFormat) {
    let (rows, columns) = (37, 768)
    let bytes = Self.randomMatrix(format, rows: rows, columns: columns, seed: UInt64(format.rawValue) + 1)
    let rowBytes = columns / format.blockSize * format.blockBytes
    let standard = String(cString: ck_instruction_set())
    defer { _ = ck_select_instruction_set(standard) }
    for tokens in [1, 3, 4, 7] {
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
        let quantized = QuantizedVector(vector)
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

  @Test(arguments: TensorFormat.allCases.filter(\.isQuantized))
  func dotAgreesWithDequantizedWeights(format: TensorFormat) {
    let columns = 512
    let bytes = Self.randomMatrix(format, rows: 1, columns: columns, seed: 99)
    let x = Self.vector(columns, seed: 5)
    let quantized = QuantizedVector(x)
    var weights = [Float](repeating: 0, count: columns)
    bytes.withUnsafeBufferPointer { format.definition.dequantize($0.baseAddress!, count: columns, into: &weights) }
    let exact = (0..<columns).reduce(0.0) {
      $0 + Double(weights[$1]) * Double(quantized.scales[$1 / 32]) * Double(quantized.quanta[$1])
    }
    let dot = bytes.withUnsafeBufferPointer { format.definition.dot($0.baseAddress!, count: columns, with: quantized) }
    #expect(abs(Double(dot) - exact) <= 1e-4 * max(1, abs(exact)))
  }
}
