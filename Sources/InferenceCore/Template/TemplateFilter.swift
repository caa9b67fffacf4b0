/// The filters that templates can use.
enum TemplateFilter: CaseIterable {
  case abs, attr, capitalize, center, count, d, `default`, dictsort, e, escape, first, float, format, indent, int, items
  case join, last, length, list, lower, map, max, min, reject, rejectattr, replace, reverse, round, safe, select
  case selectattr, sort, string, sum, title, tojson, trim, truncate, unique, upper

  var name: StaticString {
    switch self {
    case .abs: "abs"
    case .attr: "attr"
    case .capitalize: "capitalize"
    case .center: "center"
    case .count: "count"
    case .d: "d"
    case .default: "default"
    case .dictsort: "dictsort"
    case .e: "e"
    case .escape: "escape"
    case .first: "first"
    case .float: "float"
    case .format: "format"
    case .indent: "indent"
    case .int: "int"
    case .items: "items"
    case .join: "join"
    case .last: "last"
    case .length: "length"
    case .list: "list"
    case .lower: "lower"
    case .map: "map"
    case .max: "max"
    case .min: "min"
    case .reject: "reject"
    case .rejectattr: "rejectattr"
    case .replace: "replace"
    case .reverse: "reverse"
    case .round: "round"
    case .safe: "safe"
    case .select: "select"
    case .selectattr: "selectattr"
    case .sort: "sort"
    case .string: "string"
    case .sum: "sum"
    case .title: "title"
    case .tojson: "tojson"
    case .trim: "trim"
    case .truncate: "truncate"
    case .unique: "unique"
    case .upper: "upper"
    }
  }
}

extension TemplateInterpreter {
  /// The filter of a name; the error about an unknown one lists those that exist.
  func filter(named name: [UInt8]) throws(TemplateError) -> TemplateFilter {
    for filter in TemplateFilter.allCases where name.equals(filter.name) { return filter }
    throw unknown("filter", name, known: TemplateFilter.allCases.map { $0.name })
  }

  func unknown(_ kind: String, _ name: [UInt8], known: [StaticString]) -> TemplateError {
    var list = ""
    for (index, name) in known.enumerated() {
      list += (index == 0 ? "" : ", ") + String(decoding: name.bytes, as: UTF8.self)
    }
    return fail("there is no \(kind) '\(String(decoding: name, as: UTF8.self))'; there are: \(list)")
  }

  /// Applies a filter to a value.
  ///
  /// `safe` changes nothing and `escape` may be applied twice, as nothing is escaped by itself in a chat template.
  func filter(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    try charge(lookingAt: value)
    switch filter {
    case .capitalize, .center, .e, .escape, .format, .indent, .lower, .replace, .safe, .string, .title, .trim,
      .truncate,
      .upper:
      return try textFilter(filter, value, arguments)
    case .abs, .float, .int, .round:
      return try numberFilter(filter, value, arguments)
    case .first, .last, .list, .reverse, .items, .join, .dictsort, .sort, .unique, .sum, .max, .min, .map, .select,
      .reject,
      .selectattr, .rejectattr:
      return try sequenceFilter(filter, value, arguments)
    case .count, .length:
      _ = try bind(arguments, filter.name)
      return .int(Int64(try length(value)))
    case .d, .default:
      let values = try bind(arguments, "default", "default_value", "boolean")
      let isReplaced: Bool
      if case .undefined = value {
        isReplaced = true
      } else {
        isReplaced = values[1].map(isTrue) == true && !isTrue(value)
      }
      return isReplaced ? values[0] ?? .string([]) : value
    case .attr:
      let name = try string(try bind(arguments, "attr", "name", required: 1)[0], "attr") ?? []
      if case .mapping = value {
        // Unlike a dot, the filter does not look at a mapping's items.
        return try attribute(name, of: .mapping(TemplateMapping()))
      }
      return try attribute(name, of: value)
    case .tojson:
      return try json(value, arguments)
    }
  }

  /// Python's `len`.
  private func length(_ value: TemplateValue) throws(TemplateError) -> Int {
    switch value {
    case .string(let text): return UTF8Text.count(text)
    case .list(let elements), .tuple(let elements): return elements.count
    case .mapping(let mapping): return mapping.count
    case .undefined: return 0
    case .object(let object):
      if case .view(_, let mapping) = object.kind { return mapping.count }
      if case .generator = object.kind { throw fail("an iterator has no length; the filter 'list' makes it a list") }
    default: break
    }
    throw fail("\(value.typeName) has no length")
  }

  private func json(_ value: TemplateValue, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, "tojson", "ensure_ascii", "indent", "separators", "sort_keys")
    var style = JSON.Style()
    style.escapesNonASCII = values[0].map(isTrue) ?? false
    style.sortsKeys = values[3].map(isTrue) ?? false
    if case .string(let indentation)? = values[1] {
      style.indentation = indentation
    } else if let width = try whole(values[1], "tojson") {
      guard width <= 1000 else { throw exceed("the indentation of 'tojson' is over 1000") }
      style.indentation = [UInt8](repeating: 0x20, count: Int(Swift.max(width, 0)))
    }
    if let separators = values[2]?.elements {
      guard separators.count == 2, let item = separators[0].bytes, let key = separators[1].bytes else {
        throw fail("the separators of 'tojson' must be two strings")
      }
      style.itemSeparator = item
      style.keySeparator = key
    }
    let result: [UInt8]
    do {
      result = try JSON.serialize(value, style: style, maximumBytes: limits.outputBytes)
    } catch {
      throw fail("'tojson': \(error.message)")
    }
    return try produce(result)
  }

  // MARK: Numbers

  private func numberFilter(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    if case .undefined(let reason) = value { throw fail(String(decoding: reason, as: UTF8.self)) }
    switch filter {
    case .int:
      let values = try bind(arguments, "int", "default", "base")
      return try whole(of: value, base: try whole(values[1], "int") ?? 10) ?? values[0] ?? .int(0)
    case .float:
      let standard = try bind(arguments, "float", "default")[0] ?? .double(0)
      if let number = TemplateNumber(value) { return .double(number.double) }
      guard case .string(let text) = value else { return standard }
      return DecimalConversion.parse(UTF8Text.trim(text)).map { .double($0) } ?? standard
    case .abs:
      _ = try bind(arguments, "abs")
      switch TemplateNumber(value) {
      case .int(let int)? where int != .min: return .int(int < 0 ? -int : int)
      case .double(let double)?: return .double(double.magnitude)
      default: throw fail("'abs' takes a number, found \(value.typeName)")
      }
    default:
      return try rounded(value, arguments)
    }
  }

  private func whole(of value: TemplateValue, base: Int64) throws(TemplateError) -> TemplateValue? {
    var number = TemplateNumber(value)
    if case .string(let text) = value {
      let trimmed = UTF8Text.trim(text)
      if let int = wholeNumber(inText: trimmed, base: base) { return .int(int) }
      number = DecimalConversion.parse(trimmed).map { .double($0) }
    }
    switch number {
    case .int(let int)?: return .int(int)
    case .double(let double)?: return Int64(exactly: double.rounded(.towardZero)).map { .int($0) }
    case nil: return nil
    }
  }

  /// A whole number as Python's `int(text, base)` reads it, with sign, prefix and underscores.
  private func wholeNumber(inText text: [UInt8], base: Int64) -> Int64? {
    guard base == 0 || base >= 2 && base <= 36 else { return nil }
    var digits = text[...]
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
    var radix = base == 0 ? 10 : base
    if digits.first == UInt8(ascii: "0"), let mark = digits.dropFirst().first {
      let prefixed: Int64 =
        switch mark | 0x20 {
        case UInt8(ascii: "x"): 16
        case UInt8(ascii: "o"): 8
        case UInt8(ascii: "b"): 2
        default: 0
        }
      if prefixed != 0, base == 0 || base == prefixed {
        radix = prefixed
        digits = digits.dropFirst(2)
      }
    }
    let plain = digits.filter { $0 != UInt8(ascii: "_") }
    if digits.first == UInt8(ascii: "_") || digits.last == UInt8(ascii: "_") { return nil }
    return InferenceCore.wholeNumber(plain, radix: radix, negative: isNegative)
  }

  private func rounded(_ value: TemplateValue, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, "round", "precision", "method")
    let places = try whole(values[0], "round") ?? 0
    let method = try string(values[1], "round") ?? "common".bytes
    guard let number = TemplateNumber(value) else { throw fail("'round' takes a number, found \(value.typeName)") }
    guard places.magnitude <= 300 else { throw fail("'round' takes a precision from -300 to 300") }
    let isUp = method.equals("ceil")
    if isUp || method.equals("floor") {
      var scale = 1.0
      for _ in 0..<places.magnitude { scale *= 10 }
      let scaled = places < 0 ? number.double / scale : number.double * scale
      let whole = scaled.rounded(isUp ? .up : .down)
      return .double(places < 0 ? whole * scale : whole / scale)
    }
    guard method.equals("common") else { throw fail("the method of 'round' is 'common', 'ceil' or 'floor'") }
    if case .int(let int) = number, places >= 0 { return .int(int) }
    guard number.double.isFinite else { return .double(number.double) }
    let magnitude: Double
    if places >= 0 {
      let digits = DecimalConversion.scaledDigits(number.double, places: Int(places))
      magnitude = DecimalConversion.double(digits: digits.map { $0 - UInt8(ascii: "0") }, exponent: -Int(places))
    } else {
      var scale = 1.0
      for _ in 0..<places.magnitude { scale *= 10 }
      magnitude = (number.double.magnitude / scale).rounded(.toNearestOrEven) * scale
    }
    let result = number.double.sign == .minus ? -magnitude : magnitude
    if case .int = number { return Int64(exactly: result).map { .int($0) } ?? .double(result) }
    return .double(result)
  }
}
