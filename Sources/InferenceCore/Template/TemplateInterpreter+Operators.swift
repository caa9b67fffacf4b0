/// A number as arithmetic sees it; booleans are 0 and 1.
enum TemplateNumber {
  case int(Int64)
  case double(Double)

  init?(_ value: TemplateValue) {
    switch value {
    case .int(let int): self = .int(int)
    case .bool(let bool): self = .int(bool ? 1 : 0)
    case .double(let double): self = .double(double)
    default: return nil
    }
  }

  var double: Double {
    switch self {
    case .int(let int): Double(int)
    case .double(let double): double
    }
  }
}

extension TemplateInterpreter {
  /// Python's truth of a value.
  func isTrue(_ value: TemplateValue) -> Bool {
    switch value {
    case .undefined, .none: false
    case .bool(let bool): bool
    case .int(let int): int != 0
    case .double(let double): double != 0
    case .string(let text): !text.isEmpty
    case .list(let elements), .tuple(let elements): !elements.isEmpty
    case .mapping(let mapping): !mapping.isEmpty
    case .object(let object):
      if case .view(_, let mapping) = object.kind { !mapping.isEmpty } else { true }
    }
  }

  // MARK: Arithmetic

  func negated(_ value: TemplateValue, at place: SourcePosition) throws(TemplateError) -> TemplateValue {
    position = place
    // Subtraction from zero would lose the sign of a zero.
    if case .double(let double) = value { return .double(-double) }
    return try arithmetic(.subtract, .int(0), value)
  }

  /// The result of one binary operator.
  func arithmetic(
    _ operation: TemplateSymbol, _ left: TemplateValue, _ right: TemplateValue
  ) throws(TemplateError) -> TemplateValue {
    for case .undefined(let reason) in [left, right] { throw fail(String(decoding: reason, as: UTF8.self)) }
    if let left = TemplateNumber(left), let right = TemplateNumber(right) {
      return try arithmetic(operation, left, right)
    }
    switch (operation, left, right) {
    case (.add, .string(let left), .string(let right)):
      return try produce(left + right)
    case (.add, .list(let left), .list(let right)):
      return try produce(list: left + right)
    case (.add, .tuple(let left), .tuple(let right)):
      try charge(bytes: (left.count + right.count) * MemoryLayout<TemplateValue>.stride)
      return .tuple(left + right)
    case (.multiply, _, _):
      if let repeated = try repeated(left, right) { return repeated }
      if let repeated = try repeated(right, left) { return repeated }
    case (.modulo, .string(let format), _):
      return try formatted(format, with: right)
    default: break
    }
    let symbol = String(decoding: operation.text.bytes, as: UTF8.self)
    var hint = ""
    if case .add = operation {
      if case .string = left { hint = "; '~' joins anything as text" }
      if case .string = right { hint = "; '~' joins anything as text" }
    }
    throw fail("'\(symbol)' cannot take \(left.typeName) and \(right.typeName)\(hint)")
  }

  /// A string, list or tuple, several times; nil for other operands.
  private func repeated(_ value: TemplateValue, _ times: TemplateValue) throws(TemplateError) -> TemplateValue? {
    guard case .int(let times)? = TemplateNumber(times) else { return nil }
    // Enough to reach the bound; keeps the product from overflowing.
    let count = Int(min(max(times, 0), Int64(limits.outputBytes) + 1))
    let stride = MemoryLayout<TemplateValue>.stride
    let length: Int
    switch value {
    case .string(let text): length = text.count
    case .list(let elements), .tuple(let elements): length = elements.count * stride
    default: return nil
    }
    if length > 0, count > limits.outputBytes / length { throw exceed("a repeated value grows too long") }
    try charge(bytes: length * count)
    switch value {
    case .string(let text):
      var result: [UInt8] = []
      result.reserveCapacity(length * count)
      for _ in 0..<count where !text.isEmpty { result += text }
      return .string(result)
    case .list(let elements), .tuple(let elements):
      var result: [TemplateValue] = []
      for _ in 0..<count where !elements.isEmpty { result += elements }
      if case .tuple = value { return .tuple(result) }
      return .list(result)
    default: return nil
    }
  }

  private func arithmetic(
    _ operation: TemplateSymbol, _ left: TemplateNumber, _ right: TemplateNumber
  ) throws(TemplateError) -> TemplateValue {
    if case .int(let left) = left, case .int(let right) = right, operation != .divide {
      return try arithmetic(operation, left, right)
    }
    let left = left.double
    let right = right.double
    switch operation {
    case .add: return .double(left + right)
    case .subtract: return .double(left - right)
    case .multiply: return .double(left * right)
    case .power: return .double(try power(left, right))
    default: break
    }
    guard right != 0 else { throw fail("division by zero") }
    switch operation {
    case .divide: return .double(left / right)
    case .floorDivide:
      let quotient = (left - Self.modulo(left, right)) / right
      let floor = quotient.rounded(.down)
      return .double(quotient - floor > 0.5 ? floor + 1 : floor)
    default: return .double(Self.modulo(left, right))
    }
  }

  /// Python's `%` of doubles, exactly; the result has the sign of the divisor.
  private static func modulo(_ left: Double, _ right: Double) -> Double {
    guard left.isFinite else { return .nan }
    let divisor = right.magnitude
    var rest = left.magnitude
    while rest >= divisor {
      // The largest multiple by a power of two that fits; subtracting it is exact.
      var part = Double(sign: .plus, exponent: rest.exponent - divisor.exponent, significand: divisor)
      if part > rest { part /= 2 }
      rest -= part
    }
    if rest == 0 { return right < 0 ? -0.0 : 0 }
    if left < 0 { rest = -rest }
    return (rest < 0) == (right < 0) ? rest : rest + right
  }

  private func arithmetic(
    _ operation: TemplateSymbol, _ left: Int64, _ right: Int64
  ) throws(TemplateError) -> TemplateValue {
    switch operation {
    case .add:
      let (sum, overflow) = left.addingReportingOverflow(right)
      if !overflow { return .int(sum) }
    case .subtract:
      let (difference, overflow) = left.subtractingReportingOverflow(right)
      if !overflow { return .int(difference) }
    case .multiply:
      if let product = Self.product(left, right) { return .int(product) }
    case .power:
      if right < 0 { return .double(try power(Double(left), Double(right))) }
      return .int(try power(left, right))
    default:
      guard right != 0 else { throw fail("division by zero") }
      if right == -1 {
        if operation == .modulo { return .int(0) }
        if left != .min { return .int(-left) }
        break
      }
      let quotient = left / right
      let remainder = left % right
      let isRoundedUp = remainder != 0 && (remainder < 0) != (right < 0)
      if operation == .floorDivide { return .int(isRoundedUp ? quotient - 1 : quotient) }
      return .int(isRoundedUp ? remainder + right : remainder)
    }
    throw overflow()
  }

  private func overflow() -> TemplateError {
    fail("a whole number grows over 64 bits")
  }

  /// The product, or nil when it may not fit.
  ///
  /// Multiplication that reports overflow would call a runtime routine that Wasm lacks.
  private static func product(_ left: Int64, _ right: Int64) -> Int64? {
    if left != 0, right.magnitude > UInt64(Int64.max) / left.magnitude { return nil }
    return left &* right
  }

  private func power(_ base: Int64, _ exponent: Int64) throws(TemplateError) -> Int64 {
    if base == 0 || base == 1 { return exponent == 0 ? 1 : base }
    if base == -1 { return exponent % 2 == 0 ? 1 : -1 }
    var result: Int64 = 1
    for _ in 0..<min(exponent, 64) {
      guard let product = Self.product(result, base) else { throw overflow() }
      result = product
    }
    guard exponent <= 64 else { throw overflow() }
    return result
  }

  /// A power with a whole exponent or a half; others would need a math library.
  private func power(_ base: Double, _ exponent: Double) throws(TemplateError) -> Double {
    if exponent == 0.5 { return base.squareRoot() }
    guard exponent == exponent.rounded(.towardZero), exponent.magnitude <= 1100 else {
      throw fail("'**' takes whole exponents up to 1100, or 0.5")
    }
    var result = 1.0
    for _ in 0..<Int(exponent.magnitude) { result *= base }
    if exponent < 0, base == 0 { throw fail("division by zero") }
    if result.isInfinite, base.isFinite, exponent > 0 { throw fail("the result of '**' is too large") }
    return exponent < 0 ? 1 / result : result
  }

  // MARK: Comparison

  /// Whether a comparison holds.
  func holds(
    _ operation: TemplateComparison, _ left: TemplateValue, _ right: TemplateValue
  ) throws(TemplateError) -> Bool {
    switch operation {
    case .equal: return try isEqual(left, right)
    case .notEqual: return try !isEqual(left, right)
    case .contained: return try contains(right, left)
    case .notContained: return try !contains(right, left)
    case .less: return try order(left, right, "<") { $0 < 0 }
    case .lessOrEqual: return try order(left, right, "<=") { $0 <= 0 }
    case .greater: return try order(left, right, ">") { $0 > 0 }
    case .greaterOrEqual: return try order(left, right, ">=") { $0 >= 0 }
    }
  }

  /// Python's `==`.
  func isEqual(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
    try charge()
    if let left = TemplateNumber(left), let right = TemplateNumber(right) {
      if case .int(let left) = left, case .int(let right) = right { return left == right }
      return left.double == right.double
    }
    switch (left, right) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.string(let left), .string(let right)):
      try charge(min(left.count, right.count) / 64)
      return left == right
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      guard left.count == right.count else { return false }
      for (left, right) in zip(left, right) where try !isEqual(left, right) { return false }
      return true
    case (.mapping(let left), .mapping(let right)):
      guard left.count == right.count else { return false }
      for entry in left.entries {
        guard let other = right.value(for: entry.key), try isEqual(entry.value, other) else { return false }
      }
      return true
    case (.object(let left), .object(let right)):
      switch (left.kind, right.kind) {
      case (.namespace(let left), .namespace(let right)), (.loop(let left), .loop(let right)),
        (.macro(let left), .macro(let right)), (.generator(let left), .generator(let right)):
        return left == right
      default: return false
      }
    default: return false
    }
  }

  /// Negative, zero or positive by Python's order; nil for a NaN. `symbol` is for the error about other types.
  private func order(
    _ left: TemplateValue, _ right: TemplateValue, _ symbol: StaticString, holds: (Int) -> Bool
  ) throws(TemplateError) -> Bool {
    guard let order = try compare(left, right, symbol) else { return false }
    return holds(order)
  }

  func compare(
    _ left: TemplateValue, _ right: TemplateValue, _ symbol: StaticString
  ) throws(TemplateError) -> Int? {
    try charge()
    if let left = TemplateNumber(left), let right = TemplateNumber(right) {
      if case .int(let left) = left, case .int(let right) = right { return left < right ? -1 : left > right ? 1 : 0 }
      let (left, right) = (left.double, right.double)
      if left.isNaN || right.isNaN { return nil }
      return left < right ? -1 : left > right ? 1 : 0
    }
    switch (left, right) {
    case (.undefined(let reason), _), (_, .undefined(let reason)):
      throw fail(String(decoding: reason, as: UTF8.self))
    case (.string(let left), .string(let right)):
      // The order of UTF-8 bytes is the order of scalars.
      try charge(min(left.count, right.count) / 64)
      return left == right ? 0 : left.lexicographicallyPrecedes(right) ? -1 : 1
    case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
      for (left, right) in zip(left, right) where try !isEqual(left, right) { return try compare(left, right, symbol) }
      return left.count < right.count ? -1 : left.count > right.count ? 1 : 0
    default:
      let symbol = String(decoding: symbol.bytes, as: UTF8.self)
      throw fail("'\(symbol)' cannot compare \(left.typeName) with \(right.typeName)")
    }
  }

  /// Python's `in`.
  func contains(_ container: TemplateValue, _ element: TemplateValue) throws(TemplateError) -> Bool {
    switch container {
    case .string(let text):
      guard case .string(let part) = element else {
        if case .undefined(let reason) = element { throw fail(String(decoding: reason, as: UTF8.self)) }
        throw fail("'in' a string takes a string on its left, found \(element.typeName)")
      }
      try charge((text.count + part.count) / 16)
      return ByteFinder(part).find(in: text) != nil
    case .mapping(let mapping):
      return mapping.value(for: element) != nil
    default:
      for candidate in try elements(of: container) where try isEqual(candidate, element) { return true }
      return false
    }
  }

  /// What iterating a value yields; takes all that an iterator has left.
  func elements(of value: TemplateValue) throws(TemplateError) -> [TemplateValue] {
    switch value {
    case .list(let elements), .tuple(let elements): return elements
    case .undefined: return []
    case .string(let text):
      try charge(bytes: text.count * MemoryLayout<TemplateValue>.stride)
      return UTF8Text.scalars(text).map { .string($0) }
    case .mapping(let mapping):
      try charge(mapping.count)
      return mapping.elements(of: .keys)
    case .object(let object):
      switch object.kind {
      case .view(let view, let mapping):
        try charge(mapping.count)
        return mapping.elements(of: view)
      case .generator(let index):
        let generator = generators[index]
        generators[index].taken = generator.elements.count
        return generator.taken == 0 ? generator.elements : Array(generator.elements[generator.taken...])
      default: break
      }
    default: break
    }
    throw fail("\(value.typeName) cannot be iterated over")
  }
}
