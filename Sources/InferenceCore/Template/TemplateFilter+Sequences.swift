extension TemplateInterpreter {
  /// Filters over the elements of a value.
  func sequenceFilter(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    switch filter {
    case .list:
      _ = try bind(arguments, "list")
      return try produce(list: try elements(of: value))
    case .first, .last:
      _ = try bind(arguments, filter.name)
      return try end(of: value, isFirst: filter == .first)
    case .reverse:
      _ = try bind(arguments, "reverse")
      if case .string(let text) = value { return try produce(Array(UTF8Text.scalars(text).reversed().joined())) }
      return generator(try elements(of: value).reversed())
    case .items:
      _ = try bind(arguments, "items")
      if case .undefined = value { return generator([]) }
      guard case .mapping(let mapping) = value else { throw fail("'items' takes a mapping, found \(value.typeName)") }
      return generator(mapping.elements(of: .items))
    case .join:
      return try joined(value, arguments)
    case .dictsort:
      return try dictionarySorted(value, arguments)
    case .sort:
      let values = try bind(arguments, "sort", "reverse", "case_sensitive", "attribute")
      let keys = try sortKeys(try elements(of: value), values[2], isCaseSensitive: values[1].map(isTrue) ?? false)
      return try produce(list: try sorted(keys, isReversed: values[0].map(isTrue) ?? false))
    case .unique:
      return try unique(value, arguments)
    case .max, .min:
      let values = try bind(arguments, filter.name, "case_sensitive", "attribute")
      let keys = try sortKeys(try elements(of: value), values[1], isCaseSensitive: values[0].map(isTrue) ?? false)
      return try extreme(keys, isLargest: filter == .max)
    case .sum:
      let values = try bind(arguments, "sum", "attribute", "start")
      var sum = values[1] ?? .int(0)
      for element in try elements(of: value) {
        sum = try arithmetic(
          .add, sum, try values[0].map { (path) throws(TemplateError) in try self.path(path, of: element) } ?? element)
      }
      return sum
    case .map:
      return try mapped(value, arguments)
    default:
      return try selected(filter, value, arguments)
    }
  }

  /// An iterator over elements.
  private func generator(_ elements: [TemplateValue]) -> TemplateValue {
    generators.append(Generator(elements: elements))
    return .object(TemplateObject(.generator(generators.count - 1)))
  }

  private func end(of value: TemplateValue, isFirst: Bool) throws(TemplateError) -> TemplateValue {
    if case .object(let object) = value, case .generator(let index) = object.kind {
      guard isFirst else { throw fail("an iterator has no last element; the filter 'list' makes it a list") }
      let generator = generators[index]
      guard generator.taken < generator.elements.count else { return .undefined("the sequence is empty".bytes) }
      generators[index].taken += 1
      return generator.elements[generator.taken]
    }
    let elements = try elements(of: value)
    return (isFirst ? elements.first : elements.last) ?? .undefined("the sequence is empty".bytes)
  }

  private func joined(_ value: TemplateValue, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, "join", "d", "attribute")
    var parts: [[UInt8]] = []
    for element in try elements(of: value) {
      try charge()
      var element = element
      if let path = values[1] { element = try self.path(path, of: element) }
      parts.append(try text(of: element))
    }
    return try joined(parts, by: try text(of: values[0] ?? .string([])))
  }

  private func unique(_ value: TemplateValue, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, "unique", "case_sensitive", "attribute")
    var seen = TemplateMapping()
    var result: [TemplateValue] = []
    for element in try elements(of: value) {
      try charge()
      var key = element
      if let path = values[1] { key = try self.path(path, of: element) }
      if values[0].map(isTrue) != true { key = Self.lowercased(key) }
      if seen.value(for: key) != nil { continue }
      try set(key, to: .none, in: &seen)
      result.append(element)
    }
    return generator(result)
  }

  // MARK: Sorting

  private typealias Keyed = (key: TemplateValue, element: TemplateValue)

  private static func lowercased(_ value: TemplateValue) -> TemplateValue {
    if case .string(let text) = value { return .string(UTF8Text.lowercased(text)) }
    return value
  }

  /// Elements with what they are sorted by: themselves, or attributes separated by commas.
  private func sortKeys(
    _ elements: [TemplateValue], _ attribute: TemplateValue?, isCaseSensitive: Bool
  ) throws(TemplateError) -> [Keyed] {
    var keyed: [Keyed] = []
    for element in elements {
      try charge()
      var keys: [TemplateValue] = []
      if case .string(let paths)? = attribute {
        for path in UTF8Text.split(paths, by: [UInt8(ascii: ",")]) {
          keys.append(try self.path(.string(path), of: element))
        }
      } else if let attribute, case .int = attribute {
        keys.append(try path(attribute, of: element))
      } else {
        keys.append(element)
      }
      if !isCaseSensitive { keys = keys.map(Self.lowercased) }
      keyed.append((keys.count == 1 ? keys[0] : .list(keys), element))
    }
    return keyed
  }

  /// Elements in the order of their keys; equal ones keep theirs, also when reversed.
  private func sorted(_ keyed: [Keyed], isReversed: Bool) throws(TemplateError) -> [TemplateValue] {
    // The standard library's sort cannot throw typed errors, so this is a merge sort, from runs of one upwards.
    var keyed = keyed
    var width = 1
    while width < keyed.count {
      var merged: [Keyed] = []
      merged.reserveCapacity(keyed.count)
      for start in stride(from: 0, to: keyed.count, by: width * 2) {
        let middle = Swift.min(start + width, keyed.count)
        let end = Swift.min(middle + width, keyed.count)
        var left = start
        var right = middle
        while left < middle, right < end {
          let isRightFirst =
            isReversed
            ? try isLess(keyed[left].key, keyed[right].key) : try isLess(keyed[right].key, keyed[left].key)
          merged.append(isRightFirst ? keyed[right] : keyed[left])
          if isRightFirst { right += 1 } else { left += 1 }
        }
        merged += keyed[left..<middle]
        merged += keyed[right..<end]
      }
      keyed = merged
      width *= 2
    }
    return keyed.map { $0.element }
  }

  private func isLess(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
    try holds(.less, left, right)
  }

  private func extreme(_ keyed: [Keyed], isLargest: Bool) throws(TemplateError) -> TemplateValue {
    guard var best = keyed.first else { return .undefined("the sequence is empty".bytes) }
    for candidate in keyed.dropFirst() {
      let isBetter = isLargest ? try isLess(best.key, candidate.key) : try isLess(candidate.key, best.key)
      if isBetter { best = candidate }
    }
    return best.element
  }

  private func dictionarySorted(
    _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, "dictsort", "case_sensitive", "by", "reverse")
    guard case .mapping(let mapping) = value else { throw fail("'dictsort' takes a mapping, found \(value.typeName)") }
    let by = try string(values[1], "dictsort") ?? "key".bytes
    guard by.equals("key") || by.equals("value") else { throw fail("'dictsort' sorts by 'key' or by 'value'") }
    let isCaseSensitive = values[0].map(isTrue) ?? false
    var keyed: [Keyed] = []
    for entry in mapping.entries {
      let key = by.equals("key") ? entry.key : entry.value
      keyed.append((isCaseSensitive ? key : Self.lowercased(key), .tuple([entry.key, entry.value])))
    }
    return try produce(list: try sorted(keyed, isReversed: values[2].map(isTrue) ?? false))
  }

  // MARK: Mapping and selecting

  private func mapped(_ value: TemplateValue, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    guard isTrue(value) else { return generator([]) }
    var result: [TemplateValue] = []
    guard case .string(let name)? = arguments.positional.first else {
      guard arguments.positional.isEmpty, arguments.keywords.contains(where: { $0.name.equals("attribute") }) else {
        throw fail("'map' takes the name of a filter, or 'attribute'")
      }
      let values = try bind(arguments, "map", "attribute", "default")
      for element in try elements(of: value) {
        try charge()
        let found = try path(values[0] ?? .none, of: element, default: values[1])
        result.append(found)
      }
      return generator(result)
    }
    let filter = try self.filter(named: name)
    var rest = arguments
    rest.positional.removeFirst()
    for element in try elements(of: value) {
      try charge()
      result.append(try self.filter(filter, element, rest))
    }
    // A filter may make lists of the elements, so this is the place where values could nest without end.
    for element in result { try checkDepth(of: element, below: 1) }
    return generator(result)
  }

  /// What a path leads to, every undefined step on it replaced by a default.
  private func path(
    _ path: TemplateValue, of value: TemplateValue, default standard: TemplateValue?
  ) throws(TemplateError) -> TemplateValue {
    guard let standard, case .string(let text) = path else { return try self.path(path, of: value) }
    if case .none = standard { return try self.path(path, of: value) }
    var value = value
    for part in UTF8Text.split(text, by: [UInt8(ascii: ".")]) {
      value = try self.path(.string(part), of: value)
      if case .undefined = value { value = standard }
    }
    return value
  }

  private func selected(
    _ filter: TemplateFilter, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    guard isTrue(value) else { return generator([]) }
    var rest = arguments
    var attribute: TemplateValue?
    if filter == .selectattr || filter == .rejectattr {
      guard !rest.positional.isEmpty else { throw fail("'selectattr' and 'rejectattr' need the name of an attribute") }
      attribute = rest.positional.removeFirst()
    }
    var test: TemplateTest?
    if !rest.positional.isEmpty {
      guard case .string(let name) = rest.positional.removeFirst() else { throw fail("the name of a test is a string") }
      test = try self.test(named: name)
    }
    let isKept = filter == .select || filter == .selectattr
    var result: [TemplateValue] = []
    for element in try elements(of: value) {
      try charge()
      var subject = element
      if let attribute { subject = try path(attribute, of: element) }
      let holds: Bool
      if let test { holds = try self.test(test, subject, rest) } else { holds = isTrue(subject) }
      if holds == isKept { result.append(element) }
    }
    return generator(result)
  }
}
