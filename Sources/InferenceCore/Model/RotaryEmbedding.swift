import CKernels

/// Rotary position embedding (Su et al. 2021): pair `i` of a head is turned by `position * frequencies[i]`.
struct RotaryEmbedding {
  /// Radians per position: [dimensions / 2]
  let frequencies: [Double]

  /// - Parameters:
  ///   - scale: What positions are multiplied by.
  ///   - factors: Llama 3's divisors of each frequency, [dimensions / 2].
  init(dimensions: Int, base: Double, scale: Double, factors: Vector) {
    frequencies = (0..<dimensions / 2).map { pair in
      let frequency = ck_pow(base, -2 * Double(pair) / Double(dimensions)) * scale
      return factors.map { frequency / Double($0[pair]) } ?? frequency
    }
  }

  /// Writes the cosines and sines of `count` positions from `first`: [count][dimensions / 2] each.
  func fill(
    first: Int, count: Int, cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>
  ) {
    for position in 0..<count {
      for pair in 0..<frequencies.count {
        let at = position * frequencies.count + pair
        ck_sincos(Double(first + position) * frequencies[pair], sines + at, cosines + at)
      }
    }
  }
}
