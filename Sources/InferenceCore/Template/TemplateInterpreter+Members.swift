extension TemplateInterpreter {
  /// `value.name`: a method or attribute, else the item of that name.
  func attribute(_ name: [UInt8], of value: TemplateValue) throws(TemplateError) -> TemplateValue {
    if let found = try ownAttribute(name, of: value) { return found }
    if case .mapping(let mapping) = value, let found = mapping[name] { return found }
    return try missing(.string(name), of: value)
  }

  /// `value[key]`: an item, else the attribute of that name.
  func item(_ key: TemplateValue, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
    switch value {
    case .mapping(let mapping):
      if let found = mapping.value(for: key) { return found }
    case .list(let elements), .tuple(let elements):
      if let index = self.index(key, count: elements.count) { return elements[index] }
    case .string(let text):
      if case .int(let position) = key, position >= 0, position < text.count, UTF8Text.isASCII(text) {
        return .string([text[Int(position)]])
      }
      if key.isWhole {
        try charge(lookingAt: value)
        if let index = self.index(key, count: UTF8Text.count(text)) {
          return .string(UTF8Text.scalar(text, number: index))
        }
      }
    default: break
    }
    if case .string(let name) = key, let found = try ownAttribute(name, of: value) { return found }
    return try missing(key, of: value)
  }

  /// What Jinja's `map(attribute="a.b.0")` and its like look up: items by name or position, one after another.
  func path(_ path: TemplateValue, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
    guard case .string(let text) = path else { return try item(path, of: value) }
    var value = value
    for part in UTF8Text.split(text, by: [UInt8(ascii: ".")]) {
      try charge()
      if let index = wholeNumber(part, radix: 10) {
        value = try item(.int(index), of: value)
      } else {
        value = try item(.string(part), of: value)
      }
    }
    return value
  }

  private func index(_ key: TemplateValue, count: Int) -> Int? {
    let position: Int64
    switch key {
    case .int(let int): position = int
    case .bool(let bool): position = bool ? 1 : 0
    default: return nil
    }
    let index = position < 0 ? position + Int64(count) : position
    return index >= 0 && index < Int64(count) ? Int(index) : nil
  }

  /// The undefined value of a member that does not exist; throws when what should have it is undefined itself.
  private func missing(_ key: TemplateValue, of value: TemplateValue) throws(TemplateError) -> TemplateValue {
    if case .undefined(let reason) = value { throw fail(String(decoding: reason, as: UTF8.self)) }
    if case .string(let name) = key {
      return .undefined("'\(value.typeName) object' has no attribute '".bytes + name + "'".bytes)
    }
    return .undefined("\(value.typeName) object has no element ".bytes + (try representation(of: key)))
  }

  /// Attributes that are not items: methods, and what loops, namespaces and macros have.
  private func ownAttribute(_ name: [UInt8], of value: TemplateValue) throws(TemplateError) -> TemplateValue? {
    if case .object(let object) = value {
      switch object.kind {
      case .namespace(let index): return namespaces[index][name]
      case .loop(let index):
        if let found = try attribute(name, ofLoop: index) { return found }
      case .macro(let index):
        return name.equals("name") ? .string(macros[index].macro.name) : nil
      default: break
      }
    }
    if let method = TemplateMethod(name, of: value) {
      return .object(TemplateObject(.method(method, of: value)))
    }
    if TemplateMethod.isForbidden(name, of: value) {
      let name = String(decoding: name, as: UTF8.self)
      return .undefined("templates cannot change values, so '\(name)' of \(value.typeName) cannot be called".bytes)
    }
    return nil
  }

  // MARK: Slices

  /// `value[start:end:step]` of a string, list or tuple.
  func slice(
    _ value: TemplateValue, _ start: TemplateExpression?, _ end: TemplateExpression?, _ step: TemplateExpression?,
    at place: SourcePosition
  ) throws(TemplateError) -> TemplateValue {
    let start = try bound(start)
    let end = try bound(end)
    let step = try bound(step) ?? 1
    position = place
    guard step != 0 else { throw fail("a slice's step cannot be zero") }
    try charge(lookingAt: value)
    switch value {
    case .string(let text):
      if UTF8Text.isASCII(text) {
        return try produce(Self.indices(start, end, step, count: text.count).map { text[$0] })
      }
      let scalars = UTF8Text.scalars(text)
      var result: [UInt8] = []
      for index in Self.indices(start, end, step, count: scalars.count) { result += scalars[index] }
      return try produce(result)
    case .list(let elements):
      return try produce(list: Self.indices(start, end, step, count: elements.count).map { elements[$0] })
    case .tuple(let elements):
      return .tuple(Self.indices(start, end, step, count: elements.count).map { elements[$0] })
    case .undefined(let reason):
      throw fail(String(decoding: reason, as: UTF8.self))
    default:
      return .undefined("\(value.typeName) object cannot be sliced".bytes)
    }
  }

  private func bound(_ expression: TemplateExpression?) throws(TemplateError) -> Int64? {
    guard let expression else { return nil }
    switch try evaluate(expression) {
    case .int(let value): return value
    case .bool(let value): return value ? 1 : 0
    case .none: return nil
    case let value: throw fail("a slice's bounds must be whole numbers, found \(value.typeName)")
    }
  }

  /// The positions of a slice, as Python's `slice.indices`.
  static func indices(_ start: Int64?, _ end: Int64?, _ step: Int64, count: Int) -> [Int] {
    let count = Int64(count)
    let lowest: Int64 = step < 0 ? -1 : 0
    let highest = step < 0 ? count - 1 : count
    func clamped(_ value: Int64) -> Int64 {
      let absolute = value < 0 ? value + count : value
      return min(max(absolute, lowest), highest)
    }
    let first = start.map(clamped) ?? (step < 0 ? highest : lowest)
    let last = end.map(clamped) ?? (step < 0 ? lowest : highest)
    // A longer step has the same effect as one past the end, and cannot overflow.
    let stride = min(max(step, -count - 1), count + 1)
    var result: [Int] = []
    var index = first
    while stride > 0 ? index < last : index > last {
      result.append(Int(index))
      index += stride
    }
    return result
  }
}
