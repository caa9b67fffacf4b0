/// Exact conversion between doubles and decimal text, as Python's `float()` and `repr()`.
///
/// The standard library's own are no choice here: Embedded Swift has no parser, and its printer formats otherwise.
enum DecimalConversion {
  /// Digits of a finite positive number: `0.d₀d₁d₂… × 10^exponent`.
  struct Digits {
    /// Values from 0 to 9, the first and the last not zero.
    var digits: [UInt8]
    var exponent: Int
  }

  /// The double nearest to `digits × 10^exponent`, ties to even.
  ///
  /// - Parameter digits: values from 0 to 9, at any length.
  static func double(digits: some Collection<UInt8>, exponent: Int) -> Double {
    // More than 770 digits cannot decide a rounding, except by not being zero.
    let kept = 780
    var number = BigUnsigned(0)
    var count = 0
    var exponent = exponent
    var dropped = false
    for digit in digits {
      if count == 0 && digit == 0 { continue }
      count += 1
      if count <= kept {
        number.multiply(by: 10, adding: UInt32(digit))
      } else {
        exponent += 1
        if digit != 0 { dropped = true }
      }
    }
    guard count > 0 else { return 0 }
    if dropped {
      number.multiply(by: 10, adding: 1)
      exponent -= 1
    }
    let magnitude = min(count, kept) + exponent
    if magnitude > 310 { return .infinity }
    if magnitude < -330 { return 0 }
    var denominator = BigUnsigned(1)
    if exponent >= 0 {
      number.multiply(byPowerOfTen: exponent)
    } else {
      denominator.multiply(byPowerOfTen: -exponent)
    }
    return quotient(number, denominator)
  }

  /// The double nearest to a ratio of positive numbers.
  private static func quotient(_ numerator: BigUnsigned, _ denominator: BigUnsigned) -> Double {
    // 2^power × significand, the significand having 53 bits unless the number is subnormal.
    var power = max(numerator.bitWidth - denominator.bitWidth - 53, -1074)
    while true {
      var remainder = numerator
      var divisor = denominator
      if power > 0 { divisor.shiftLeft(by: power) } else { remainder.shiftLeft(by: -power) }
      var significand: UInt64 = 0
      for bit in stride(from: remainder.bitWidth - divisor.bitWidth, through: 0, by: -1) {
        var part = divisor
        part.shiftLeft(by: bit)
        if remainder.compare(part) >= 0 {
          remainder.subtract(part)
          significand |= 1 << UInt64(bit)
        }
      }
      if significand >> 53 != 0 {
        power += 1
        continue
      }
      remainder.shiftLeft(by: 1)
      let order = remainder.compare(divisor)
      if order > 0 || order == 0 && significand & 1 == 1 { significand += 1 }
      return scaled(significand, by: power)
    }
  }

  /// significand × 2^power for a significand of at most 2^53 and a product that is exact or overflows.
  private static func scaled(_ significand: UInt64, by power: Int) -> Double {
    if significand == 0 { return 0 }
    let top = 63 - significand.leadingZeroBitCount
    if top + power > 1023 { return .infinity }
    if top + power < -1022 { return Double(bitPattern: significand) }
    let fraction = (significand << UInt64(52 - min(top, 52))) >> UInt64(max(top, 52) - 52)
    return Double(bitPattern: UInt64(top + power + 1023) << 52 | fraction & (1 << 52 - 1))
  }

  /// The shortest digits that read back as the same number, the closest ones of that length.
  ///
  /// After Steele and White, "How to print floating-point numbers accurately" (1990), with exact integers.
  static func shortest(_ value: Double) -> Digits {
    let (significand, power) = parts(value)
    let even = significand & 1 == 0
    // Below a power of two the neighbour is half as far as above.
    let narrow = value.significandBitPattern == 0 && value.exponentBitPattern > 1
    // value = remainder / scale; below and above are half the gaps to the neighbours.
    var remainder = BigUnsigned(significand)
    var scale = BigUnsigned(1)
    var below = BigUnsigned(1)
    remainder.shiftLeft(by: max(power, 0) + (narrow ? 2 : 1))
    scale.shiftLeft(by: max(-power, 0) + (narrow ? 2 : 1))
    below.shiftLeft(by: max(power, 0))
    var above = below
    if narrow { above.shiftLeft(by: 1) }

    // An estimate of the decimal exponent that is right or one too small.
    let bits = 63 - significand.leadingZeroBitCount + power
    var exponent = Int((Double(bits) * 0.30102999566398119 - 1e-10).rounded(.up))
    if exponent >= 0 {
      scale.multiply(byPowerOfTen: exponent)
    } else {
      remainder.multiply(byPowerOfTen: -exponent)
      below.multiply(byPowerOfTen: -exponent)
      above.multiply(byPowerOfTen: -exponent)
    }
    func reaches(_ remainder: BigUnsigned) -> Bool {
      var high = remainder
      high.add(above)
      let order = high.compare(scale)
      return even ? order >= 0 : order > 0
    }
    if reaches(remainder) {
      exponent += 1
    } else {
      remainder.multiply(by: 10)
      below.multiply(by: 10)
      above.multiply(by: 10)
    }
    var digits: [UInt8] = []
    while true {
      var digit: UInt8 = 0
      while remainder.compare(scale) >= 0 {
        remainder.subtract(scale)
        digit += 1
      }
      let order = remainder.compare(below)
      let low = even ? order <= 0 : order < 0
      let high = reaches(remainder)
      if low || high {
        var doubled = remainder
        doubled.shiftLeft(by: 1)
        let half = doubled.compare(scale)
        let up = low && high ? half > 0 || half == 0 && digit & 1 == 1 : high
        digits.append(up ? digit + 1 : digit)
        break
      }
      digits.append(digit)
      remainder.multiply(by: 10)
      below.multiply(by: 10)
      above.multiply(by: 10)
    }
    return Digits(digits: digits, exponent: exponent)
  }

  /// |value| × 10^places rounded to a whole number, ties to even, in decimal digits (as ASCII).
  static func scaledDigits(_ value: Double, places: Int) -> [UInt8] {
    if value == 0 { return [UInt8(ascii: "0")] }
    let (significand, power) = parts(value.magnitude)
    var number = BigUnsigned(significand)
    number.multiply(byPowerOfTen: places)
    if power > 0 { number.shiftLeft(by: power) } else { number.shiftRightRounding(by: -power) }
    var digits: [UInt8] = []
    repeat {
      digits.append(UInt8(ascii: "0") + UInt8(number.divide(by: 10)))
    } while !number.isZero
    return digits.reversed()
  }

  /// significand × 2^power of a finite positive number.
  private static func parts(_ value: Double) -> (significand: UInt64, power: Int) {
    let exponent = Int(value.exponentBitPattern)
    if exponent == 0 { return (value.significandBitPattern, -1074) }
    return (value.significandBitPattern | 1 << 52, exponent - 1075)
  }
}

extension DecimalConversion {
  /// Text of a double as Python's `repr()`: `1.0`, `1e-05`, `1e+16`, `inf`, `nan`.
  static func text(_ value: Double) -> [UInt8] {
    if value.isNaN { return "nan".bytes }
    if value.isInfinite { return value < 0 ? "-inf".bytes : "inf".bytes }
    var text: [UInt8] = value.sign == .minus ? [UInt8(ascii: "-")] : []
    if value == 0 { return text + "0.0".bytes }
    let shortest = shortest(value.magnitude)
    let digits = shortest.digits.map { UInt8(ascii: "0") + $0 }
    let exponent = shortest.exponent - 1
    let zero = UInt8(ascii: "0")
    let point = UInt8(ascii: ".")
    if exponent < -4 || exponent >= 16 {
      text.append(digits[0])
      if digits.count > 1 { text += [point] + digits[1...] }
      text.append(UInt8(ascii: "e"))
      text.append(exponent < 0 ? UInt8(ascii: "-") : UInt8(ascii: "+"))
      if exponent.magnitude < 10 { text.append(zero) }
      text += integer(Int64(exponent.magnitude))
    } else if exponent < 0 {
      text += [zero, point] + [UInt8](repeating: zero, count: -exponent - 1) + digits
    } else if digits.count <= exponent + 1 {
      text += digits + [UInt8](repeating: zero, count: exponent + 1 - digits.count) + [point, zero]
    } else {
      text += digits[...exponent] + [point] + digits[(exponent + 1)...]
    }
    return text
  }

  /// Text of a double with a fixed number of places after the point, as Python's `%.2f`.
  static func fixed(_ value: Double, places: Int) -> [UInt8] {
    guard value.isFinite else { return text(value) }
    var digits = scaledDigits(value, places: places)
    if digits.count <= places {
      digits = [UInt8](repeating: UInt8(ascii: "0"), count: places + 1 - digits.count) + digits
    }
    if places > 0 { digits.insert(UInt8(ascii: "."), at: digits.count - places) }
    return value.sign == .minus ? [UInt8(ascii: "-")] + digits : digits
  }

  /// Decimal text of a whole number.
  static func integer(_ value: Int64) -> [UInt8] {
    var digits: [UInt8] = []
    var left = value.magnitude
    repeat {
      digits.append(UInt8(ascii: "0") + UInt8(left % 10))
      left /= 10
    } while left > 0
    if value < 0 { digits.append(UInt8(ascii: "-")) }
    return digits.reversed()
  }

  /// A number written as `[+-]digits[.digits][e[+-]digits]`, `inf`, `infinity` or `nan`; nil for anything else.
  ///
  /// Underscores between digits are allowed, as Python's `float()` does.
  static func parse(_ text: [UInt8]) -> Double? {
    var index = 0
    var negative = false
    if let sign = text.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
      negative = sign == UInt8(ascii: "-")
      index = 1
    }
    let rest = UTF8Text.lowercased(Array(text[index...]))
    if rest.equals("inf") || rest.equals("infinity") { return negative ? -.infinity : .infinity }
    if rest.equals("nan") { return .nan }

    var digits: [UInt8] = []
    var exponent = 0
    var afterDigit = false
    func digit(_ position: Int) -> UInt8? {
      guard position < text.count, text[position] >= UInt8(ascii: "0"), text[position] <= UInt8(ascii: "9") else {
        return nil
      }
      return text[position] - UInt8(ascii: "0")
    }
    func scan(_ use: (UInt8) -> Void) {
      afterDigit = false
      while index < text.count {
        if let value = digit(index) {
          use(value)
          afterDigit = true
        } else if text[index] != UInt8(ascii: "_") || !afterDigit || digit(index + 1) == nil {
          break
        }
        index += 1
      }
    }
    scan { digits.append($0) }
    if index < text.count, text[index] == UInt8(ascii: ".") {
      index += 1
      scan {
        digits.append($0)
        exponent -= 1
      }
    }
    guard !digits.isEmpty else { return nil }
    if index < text.count, text[index] | 0x20 == UInt8(ascii: "e") {
      index += 1
      var down = false
      if index < text.count, text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "+") {
        down = text[index] == UInt8(ascii: "-")
        index += 1
      }
      var power = 0
      // Beyond this the result is zero or infinite, however many digits there are.
      scan { power = min(power * 10 + Int($0), 100_000_000) }
      guard afterDigit else { return nil }
      exponent += down ? -power : power
    }
    guard index == text.count else { return nil }
    let value = double(digits: digits, exponent: exponent)
    return negative ? -value : value
  }
}
