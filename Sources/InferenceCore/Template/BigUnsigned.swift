/// A natural number of any size, with just the operations that exact decimal conversion needs.
///
/// Limbs are 32 bits so that a product fits 64: a wider product would call a runtime routine that Wasm lacks.
struct BigUnsigned {
  /// Little-endian; the last limb is never zero.
  private var limbs: [UInt32]

  init(_ value: UInt64) {
    limbs = [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
    normalize()
  }

  var isZero: Bool { limbs.isEmpty }

  /// Bits up to the highest one that is set.
  var bitWidth: Int {
    guard let last = limbs.last else { return 0 }
    return limbs.count * 32 - last.leadingZeroBitCount
  }

  /// The low 64 bits.
  var low: UInt64 {
    UInt64(limbs.count > 0 ? limbs[0] : 0) | UInt64(limbs.count > 1 ? limbs[1] : 0) << 32
  }

  /// Self × factor + addend.
  mutating func multiply(by factor: UInt32, adding addend: UInt32 = 0) {
    var carry = UInt64(addend)
    for index in limbs.indices {
      let product = UInt64(limbs[index]) &* UInt64(factor) &+ carry
      limbs[index] = UInt32(truncatingIfNeeded: product)
      carry = product >> 32
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
    normalize()
  }

  /// Self × 10^exponent.
  mutating func multiply(byPowerOfTen exponent: Int) {
    var left = exponent
    while left >= 9 {
      multiply(by: 1_000_000_000)
      left -= 9
    }
    for _ in 0..<left { multiply(by: 10) }
  }

  /// Divides in place and returns the remainder.
  mutating func divide(by divisor: UInt32) -> UInt32 {
    var remainder: UInt64 = 0
    for index in limbs.indices.reversed() {
      let part = remainder << 32 | UInt64(limbs[index])
      limbs[index] = UInt32(part / UInt64(divisor))
      remainder = part % UInt64(divisor)
    }
    normalize()
    return UInt32(remainder)
  }

  mutating func shiftLeft(by count: Int) {
    guard !isZero, count > 0 else { return }
    let bits = UInt32(count % 32)
    if bits > 0 {
      var carry: UInt32 = 0
      for index in limbs.indices {
        let limb = limbs[index]
        limbs[index] = limb << bits | carry
        carry = limb >> (32 - bits)
      }
      if carry > 0 { limbs.append(carry) }
    }
    limbs.insert(contentsOf: [UInt32](repeating: 0, count: count / 32), at: 0)
  }

  /// Shifts right and rounds to the nearest, ties to even.
  mutating func shiftRightRounding(by count: Int) {
    guard count > 0 else { return }
    var half = BigUnsigned(1)
    half.shiftLeft(by: count - 1)
    var quotient = BigUnsigned(0)
    for bit in stride(from: bitWidth - 1, through: count, by: -1) {
      quotient.multiply(by: 2, adding: self.bit(bit))
    }
    var floor = quotient
    floor.shiftLeft(by: count)
    var remainder = self
    remainder.subtract(floor)
    let order = remainder.compare(half)
    if order > 0 || order == 0 && quotient.bit(0) == 1 { quotient.add(BigUnsigned(1)) }
    self = quotient
  }

  mutating func add(_ other: BigUnsigned) {
    var carry: UInt64 = 0
    for index in 0..<max(limbs.count, other.limbs.count) {
      if index == limbs.count { limbs.append(0) }
      let sum = UInt64(limbs[index]) + UInt64(index < other.limbs.count ? other.limbs[index] : 0) + carry
      limbs[index] = UInt32(truncatingIfNeeded: sum)
      carry = sum >> 32
    }
    if carry > 0 { limbs.append(UInt32(carry)) }
  }

  /// Self − other, which must not be the larger.
  mutating func subtract(_ other: BigUnsigned) {
    var borrow: Int64 = 0
    for index in limbs.indices {
      var difference = Int64(limbs[index]) - borrow
      if index < other.limbs.count { difference -= Int64(other.limbs[index]) }
      borrow = difference < 0 ? 1 : 0
      limbs[index] = UInt32(truncatingIfNeeded: difference)
    }
    normalize()
  }

  /// Negative, zero or positive as self is less than, equal to or greater than the other.
  func compare(_ other: BigUnsigned) -> Int {
    if limbs.count != other.limbs.count { return limbs.count < other.limbs.count ? -1 : 1 }
    for index in limbs.indices.reversed() where limbs[index] != other.limbs[index] {
      return limbs[index] < other.limbs[index] ? -1 : 1
    }
    return 0
  }

  private func bit(_ position: Int) -> UInt32 {
    position / 32 < limbs.count ? limbs[position / 32] >> UInt32(position % 32) & 1 : 0
  }

  private mutating func normalize() {
    while limbs.last == 0 { limbs.removeLast() }
  }
}
