import CKernels

/// A small product of every kernel that a model uses, held to the same product computed one element after the other.
///
/// Kernels that a browser runs were compiled once more by its compilers. One of those has been seen to get instructions
/// wrong, and which of them compiled a kernel changes while it runs: so the question is worth asking more than once.
public final class KernelCheck {
  /// More than any panel's rows and no multiple of them, so that whole panels and a part of one are seen.
  private static let rows = 19
  /// Two superblocks.
  private static let columns = 512
  /// Taken four, two and one at a time.
  private static let tokens = 7

  /// A matrix, and what its product with each token is: [token][row]
  private struct Product {
    let matrix: ck_matrix
    let grouped: Bool
    let expected: [Double]
    /// How far rounding may be from that: [token][row]
    let tolerance: [Double]
  }

  private let memory: UnsafeMutableRawPointer
  private var activations: Activations
  private let panel: UnsafeMutablePointer<UInt8>
  private let out: UnsafeMutablePointer<Float>
  /// The vectors quantized for blocks of 32 and for superblocks.
  private let quantized: (alone: QuantizedVector, grouped: QuantizedVector)
  private var products: [Product] = []
  private let attentions: [AttentionCheck]

  /// - Parameters:
  ///   - formats: Of the model's matrices.
  ///   - heads: Of its layers of attention.
  public init(formats: [TensorFormat], heads: [Hyperparameters.HeadLengths]) {
    attentions = heads.map { AttentionCheck(keyLength: $0.key, valueLength: $0.value) }
    let elements = Self.rows * Self.columns
    var measure = Arena()
    _ = Self.cut(&measure)
    for format in formats { _ = measure.cut(UInt8.self, elements / format.blockSize * format.blockBytes) }
    memory = .allocate(byteCount: Int(measure.size), alignment: 64)
    var arena = Arena(base: memory)
    (activations, panel, out) = Self.cut(&arena)

    var random = SplitMix64(seed: 1)
    let vectors = UnsafeMutableBufferPointer(start: activations.real(0), count: Self.tokens * Self.columns)
    for i in vectors.indices { vectors[i] = Float(2 * random.nextUnit() - 1) }
    // The largest quanta, which narrow products are wrong about first, and a block of none.
    for i in 0..<32 { vectors[i] = i % 3 == 0 ? 1 : -1 }
    for i in 32..<64 { vectors[i] = 0 }
    quantized = (QuantizedVector(Array(vectors), grouped: false), QuantizedVector(Array(vectors), grouped: true))
    for format in formats {
      let data = arena.cut(UInt8.self, elements / format.blockSize * format.blockBytes)
      format.fill(data, count: elements, &random)
      products.append(product(format, data))
    }
  }

  deinit {
    memory.deallocate()
  }

  private static func cut(
    _ arena: inout Arena
  ) -> (Activations, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<Float>) {
    let activations = Activations(rows: tokens, columns: columns, for: [], in: &arena)
    let panel = arena.cut(UInt8.self, Int(ck_panel_bytes(Int32(columns))))
    return (activations, panel, arena.cut(Float.self, rows * tokens))
  }

  /// Whether all kernels of the instruction set in use are right.
  public func passes() -> Bool {
    [false, true].allSatisfy { grouped in
      let products = products.filter { $0.grouped == grouped }
      return products.isEmpty
        || quantizes(grouped: grouped)
          && products.allSatisfy { multiplies($0, tokens: 1) && multiplies($0, tokens: Self.tokens) }
    } && attentions.allSatisfy { $0.passes() }
  }

  /// Whether the vectors become what they should; the products then take them.
  private func quantizes(grouped: Bool) -> Bool {
    activations.kernel.grouped = grouped ? 1 : 0
    var kernel = activations.kernel
    let expected = grouped ? quantized.grouped : quantized.alone
    let blocks = Self.columns / Int(CK_BLOCK)
    let stride = Int(ck_block_stride(kernel.columns))
    for token in 0..<Self.tokens {
      ck_quantize(&kernel, Int32(token), 0, Int32(blocks))
      for block in 0..<blocks
      where kernel.scales[token * stride + block] != expected.scales[token * blocks + block] { return false }
    }
    for (i, quantum) in expected.quanta.enumerated() where kernel.values[i] != quantum { return false }
    return true
  }

  private func multiplies(_ product: Product, tokens: Int) -> Bool {
    var (matrix, kernel) = (product.matrix, activations.kernel)
    let count = Self.rows * tokens
    for i in 0..<count { out[i] = .nan }
    ck_multiply(&matrix, 0, Int32(Self.rows), &kernel, Int32(tokens), out, Self.rows, panel)
    // What is no number is no close one either.
    return (0..<count).allSatisfy { abs(Double(out[$0]) - product.expected[$0]) <= product.tolerance[$0] }
  }

  private func product(_ format: TensorFormat, _ data: UnsafeMutablePointer<UInt8>) -> Product {
    let (rows, columns) = (Self.rows, Self.columns)
    var weights = [Float](repeating: 0, count: rows * columns)
    weights.withUnsafeMutableBufferPointer { weights in
      if let start = weights.baseAddress { format.definition.dequantize(data, count: rows * columns, into: start) }
    }
    let quantized = format.isSuperblock ? quantized.grouped : quantized.alone
    var expected: [Double] = []
    var tolerance: [Double] = []
    for token in 0..<Self.tokens {
      let vector = (token * columns..<(token + 1) * columns).map { i in
        format.isQuantized
          ? Double(quantized.scales[i / 32]) * Double(quantized.quanta[i]) : Double(activations.kernel.real[i])
      }
      let size = vector.reduce(0) { $0 + abs($1) }
      for row in 0..<rows {
        var sum = 0.0
        var largest = 0.0
        for column in 0..<columns {
          let weight = Double(weights[row * columns + column])
          sum += weight * vector[column]
          largest = max(largest, abs(weight))
        }
        expected.append(sum)
        tolerance.append(1e-5 * size * largest)
      }
    }
    let matrix = ck_matrix(
      data: data, row_bytes: columns / format.blockSize * format.blockBytes, rows: Int32(rows),
      columns: Int32(columns), format: format.rawValue)
    return Product(matrix: matrix, grouped: format.isSuperblock, expected: expected, tolerance: tolerance)
  }

  /// Takes the next simpler instruction set of this machine; false when there is none.
  public static func simplify() -> Bool {
    // A name has one address.
    let current = ck_instruction_set()
    var next: Int32 = 0
    while let name = ck_available_instruction_set(next) {
      next += 1
      if name == current { break }
    }
    guard let simpler = ck_available_instruction_set(next) else { return false }
    return ck_select_instruction_set(simpler) == 1
  }
}

extension TensorFormat {
  /// Fills elements with random ones of ordinary size.
  func fill(_ data: UnsafeMutablePointer<UInt8>, count: Int, _ random: inout SplitMix64) {
    let bytes = count / blockSize * blockBytes
    var bits: UInt64 = 0
    for i in 0..<bytes {
      bits = i % 8 == 0 ? random.next() : bits >> 8
      data[i] = UInt8(truncatingIfNeeded: bits)
    }
    for block in stride(from: 0, to: bytes, by: blockBytes) {
      // The sign and an exponent near zero, in the floating-point numbers' last byte.
      switch self {
      case .f32, .bf16: data[block + blockBytes - 1] = data[block] & 0x80 | 0x3e
      case .f16: data[block + 1] = data[block] & 0x80 | 0x30
      case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS, .q1_0, .iq1_S, .iq2_XXS, .iq2_XS, .iq2_S, .iq3_XXS, .iq3_S:
        data[block + 1] = 0x2c
      case .q4_1, .q5_1, .q4_K, .q5_K:
        data[block + 1] = 0x2c
        data[block + 3] = 0x2c
      case .q2_K:
        data[block + 81] = 0x2c
        data[block + 83] = 0x2c
      case .q3_K, .q6_K, .tq1_0, .tq2_0: data[block + blockBytes - 1] = 0x2c
      case .iq1_M: data[block + blockBytes - 1] = data[block + blockBytes - 1] & 15 | 0x20
      case .nvfp4: for i in 0..<4 { data[block + i] = data[block + i] & 15 | 0x30 }
      case .mxfp4: data[block] = data[block] & 3 | 0x78
      }
    }
  }
}
