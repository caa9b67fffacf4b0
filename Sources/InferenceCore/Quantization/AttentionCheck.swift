import CKernels

/// The attention of a few queries over a short cache, held to the same computed one element after the other.
final class AttentionCheck {
  /// More than one span, and no multiple of a tile.
  private static let positions = 150
  private static let tokens = 3
  private static let heads = 2

  private let memory: UnsafeMutableRawPointer
  private let kernel: ck_attention
  /// [span][token][head], each of ``partialSize`` floats
  private let partials: UnsafeMutablePointer<Float>
  private let partialSize: Int
  /// [token][head][value length]
  private var expected: [Double] = []

  init(keyLength: Int, valueLength: Int) {
    let (positions, tokens, heads) = (Self.positions, Self.tokens, Self.heads)
    let rows = tokens * heads
    let size = Int(ck_partial_floats(Int32(valueLength)))
    let spans = (positions + Int(CK_SPAN) - 1) / Int(CK_SPAN)
    let page = Int(CK_SPAN) * (keyLength + valueLength)
    let firstValue = Int(CK_SPAN) * keyLength
    func cut(_ arena: inout Arena) -> (UnsafeMutablePointer<Float>, ck_attention) {
      let partials = arena.cut(Float.self, spans * rows * size)
      let query = arena.cut(Float.self, rows * keyLength)
      let out = arena.cut(Float.self, rows * valueLength)
      let pages = arena.cut(UnsafePointer<UInt16>?.self, spans)
      let cache = arena.cut(UInt16.self, spans, page)
      if arena.hasMemory {
        for span in 0..<spans { pages[span] = UnsafePointer(cache + span * page) }
      }
      return (
        partials,
        ck_attention(
          query: query, out: out, query_stride: heads * keyLength, out_stride: heads * valueLength, pages: pages,
          keys: 0, values: firstValue, sinks: nil, next: nil, dimension: Int32(keyLength),
          value_dimension: Int32(valueLength), heads: Int32(heads),
          tokens: Int32(tokens), position: Int32(positions - tokens), window: 0, length: 0, scale: 0.25,
          soft_cap: 0, slope: 0)
      )
    }
    var measure = Arena()
    _ = cut(&measure)
    memory = .allocate(byteCount: Int(measure.size), alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: Int(measure.size))
    var arena = Arena(base: memory)
    (partials, kernel) = cut(&arena)
    partialSize = size

    var random = SplitMix64(seed: 2)
    func vectors(_ count: Int) -> [Float] { (0..<count).map { _ in Float(2 * random.nextUnit() - 1) } }
    let (query, keys) = (vectors(rows * keyLength), vectors(positions * keyLength))
    let values = vectors(positions * valueLength)
    UnsafeMutablePointer(mutating: kernel.query!).update(from: query, count: query.count)
    for position in 0..<positions {
      guard let page = UnsafeMutablePointer(mutating: kernel.pages[position / Int(CK_SPAN)]) else { continue }
      let place = Int32(position % Int(CK_SPAN))
      keys.withUnsafeBufferPointer { keys in
        ck_store_key(keys.baseAddress! + position * keyLength, page, place, Int32(keyLength))
      }
      values.withUnsafeBufferPointer { values in
        ck_store_value(values.baseAddress! + position * valueLength, page + firstValue, place, Int32(valueLength))
      }
    }
    expect(query, keys.map(stored), values.map(stored), keyLength, valueLength)
  }

  deinit {
    memory.deallocate()
  }

  func passes() -> Bool {
    var attention = kernel
    guard let out = attention.out else { return false }
    for i in expected.indices { out[i] = .nan }
    let stride = Self.tokens * Self.heads * partialSize
    for span in 0..<Int(ck_last_span(&attention)) { ck_attend(&attention, Int32(span), partials + span * stride) }
    ck_combine(&attention, partials, stride)
    // Values are at most 1, and so is their mean.
    return expected.indices.allSatisfy { abs(Double(out[$0]) - expected[$0]) <= 1e-4 }
  }

  private func expect(_ query: [Float], _ keys: [Double], _ values: [Double], _ keyLength: Int, _ valueLength: Int) {
    for row in 0..<Self.tokens * Self.heads {
      let seen = Self.positions - Self.tokens + row / Self.heads + 1
      let weights = (0..<seen).map { position in
        var score = 0.0
        for i in 0..<keyLength { score += Double(query[row * keyLength + i]) * keys[position * keyLength + i] }
        return ck_pow(2.718281828459045, 0.25 * score)
      }
      let total = weights.reduce(0, +)
      for i in 0..<valueLength {
        var sum = 0.0
        for position in 0..<seen { sum += weights[position] * values[position * valueLength + i] }
        expected.append(sum / total)
      }
    }
  }
}

/// What a cache keeps of a number.
private func stored(_ value: Float) -> Double {
  Double(ck_f16_to_f32(ck_f32_to_f16(value)))
}
