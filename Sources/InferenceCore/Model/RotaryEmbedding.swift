import CKernels

/// Rotary position embedding (Su et al. 2021): pair `i` of a head is turned by `position * frequencies[i]`.
struct RotaryEmbedding {
  /// Radians per position: [dimensions / 2]
  let frequencies: [Double]
  /// What cosines and sines are multiplied by.
  let magnitude: Double

  /// - Parameter factors: Divisors of each frequency, as Llama 3 and LongRoPE (Ding et al. 2024) have them, [dimensions / 2].
  /// - Throws: ``ModelError/Kind-swift.enum/invalid`` when these give a frequency that angles cannot be computed from.
  init(_ shape: RotaryShape, factors: Vector, named name: StaticString) throws(ModelError) {
    var frequencies: [Double] = []
    for pair in 0..<shape.dimensions / 2 {
      let factor = factors.map { Double($0[pair]) } ?? 1
      let share = shape.scaling.share(ofPair: pair)
      let scale = shape.scaling.position * share + (1 - share)
      let frequency = ck_pow(shape.base, -2 * Double(pair) / Double(shape.dimensions)) * scale / factor
      // Far beyond a turn for each position angles lose all meaning, and then their integer parts their room.
      guard factor > 0, frequency <= Self.largestFrequency else {
        throw ModelError(
          .invalid,
          "The rotary base, its scale and \(name) give no usable frequency for pair \(pair) of a head: expected "
            + "factors above zero and at most a million radians for each position.")
      }
      frequencies.append(frequency)
    }
    self.frequencies = frequencies
    magnitude = shape.scaling.magnitude
  }

  private static let largestFrequency = 1e6

  /// Writes the cosines and sines of `count` positions from `first`: [count][dimensions / 2] each.
  func fill(
    first: Int, count: Int, cosines: UnsafeMutablePointer<Float>, sines: UnsafeMutablePointer<Float>
  ) {
    for position in 0..<count {
      for pair in 0..<frequencies.count {
        let at = position * frequencies.count + pair
        ck_sincos(Double(first + position) * frequencies[pair], sines + at, cosines + at)
        guard magnitude != 1 else { continue }
        cosines[at] *= Float(magnitude)
        sines[at] *= Float(magnitude)
      }
    }
  }
}
