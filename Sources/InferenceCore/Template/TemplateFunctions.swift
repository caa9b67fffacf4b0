/// The functions every template can call.
package enum TemplateFunction: Sendable, CaseIterable {
  case range, dict, namespace, raiseException, strftimeNow

  package var name: StaticString {
    switch self {
    case .range: "range"
    case .dict: "dict"
    case .namespace: "namespace"
    case .raiseException: "raise_exception"
    case .strftimeNow: "strftime_now"
    }
  }

  init?(_ name: [UInt8]) {
    for function in Self.allCases where name.equals(function.name) {
      self = function
      return
    }
    return nil
  }
}

extension TemplateInterpreter {
  /// The most elements of a `range`, as in Jinja's sandbox.
  private static var longestRange: Int64 { 100_000 }

  /// Calls a function, method, macro or recursive loop.
  func call(_ function: TemplateValue, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    if case .object(let object) = function {
      switch object.kind {
      case .function(let function): return try call(function, arguments)
      case .method(let method, let base): return try call(method, of: base, arguments)
      case .macro(let index): return try call(macros[index], arguments)
      case .loop(let index): return try recurse(index, arguments)
      default: break
      }
    }
    if case .undefined(let reason) = function { throw fail(String(decoding: reason, as: UTF8.self)) }
    throw fail("\(function.typeName) cannot be called")
  }

  private func call(
    _ function: TemplateFunction, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    switch function {
    case .range:
      return try range(arguments)
    case .dict:
      return .mapping(try mapping(arguments, "dict"))
    case .namespace:
      namespaces.append(try mapping(arguments, "namespace"))
      return .object(TemplateObject(.namespace(namespaces.count - 1)))
    case .raiseException:
      let message = try bind(arguments, "raise_exception", "message", required: 1)[0] ?? .none
      throw TemplateError(.raised, at: position, String(decoding: try text(of: message), as: UTF8.self))
    case .strftimeNow:
      let format = try string(try bind(arguments, "strftime_now", "format", required: 1)[0], "strftime_now")
      guard let now, let format else { throw fail("'strftime_now' has no clock") }
      return try produce(now.formatted(format))
    }
  }

  private func range(_ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, "range", "start", "stop", "step", required: 1)
    var bounds: [Int64] = []
    for case let value? in values {
      guard case .int(let bound)? = TemplateNumber(value) else {
        throw fail("'range' takes whole numbers, found \(value.typeName)")
      }
      bounds.append(bound)
    }
    let start = bounds.count > 1 ? bounds[0] : 0
    let stop = bounds.count > 1 ? bounds[1] : bounds[0]
    let step = bounds.count > 2 ? bounds[2] : 1
    guard step != 0 else { throw fail("the step of 'range' cannot be zero") }
    var elements: [TemplateValue] = []
    var next = start
    while step > 0 ? next < stop : next > stop {
      guard elements.count < Self.longestRange else {
        throw exceed("'range' yields more than \(Self.longestRange) numbers")
      }
      elements.append(.int(next))
      let (sum, overflow) = next.addingReportingOverflow(step)
      if overflow { break }
      next = sum
    }
    return try produce(list: elements)
  }

  /// A mapping from a mapping or pairs, and keywords.
  private func mapping(
    _ arguments: TemplateArguments, _ what: StaticString
  ) throws(TemplateError) -> TemplateMapping {
    let name = String(decoding: what.bytes, as: UTF8.self)
    guard arguments.positional.count <= 1 else { throw fail("'\(name)' takes at most one argument without a name") }
    var mapping = TemplateMapping()
    if case .mapping(let base)? = arguments.positional.first {
      mapping = base
    } else if let pairs = arguments.positional.first {
      for pair in try elements(of: pairs) {
        let parts = try elements(of: pair)
        guard parts.count == 2 else { throw fail("'\(name)' takes pairs, found one of \(parts.count) elements") }
        try set(parts[0], to: parts[1], in: &mapping)
      }
    }
    for keyword in arguments.keywords { mapping[keyword.name] = keyword.value }
    for entry in mapping.entries { try checkDepth(of: entry.value, below: 1) }
    return mapping
  }

  // MARK: Macros

  private func call(_ bound: BoundMacro, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let macro = bound.macro
    let place = position
    let name = String(decoding: macro.name, as: UTF8.self)
    let inner = Scope(in: bound.scope)
    var keywords = arguments.keywords

    func take(_ label: [UInt8]) -> TemplateValue? {
      guard let index = keywords.firstIndex(where: { $0.name == label }) else { return nil }
      return keywords.remove(at: index).value
    }

    var given: [TemplateValue?] = []
    for (index, parameter) in macro.parameters.enumerated() {
      given.append(index < arguments.positional.count ? arguments.positional[index] : take(parameter.label))
    }
    let hasCallerParameter = macro.parameters.contains { $0.label.equals("caller") }
    if macro.usesCaller, !hasCallerParameter, let callerName {
      inner.set(callerName, to: take("caller".bytes) ?? .undefined("no caller is defined".bytes))
    }
    if macro.usesKeywordRest, let keywordRestName {
      inner.set(keywordRestName, to: try nest(.mapping(TemplateMapping(keywords.map { ($0.name, $0.value) }))))
    } else if let keyword = keywords.first {
      throw fail("macro '\(name)' takes no argument '\(String(decoding: keyword.name, as: UTF8.self))'")
    }
    if macro.usesPositionalRest, let positionalRestName {
      let rest = Array(arguments.positional.dropFirst(macro.parameters.count))
      inner.set(positionalRestName, to: try nest(.tuple(rest)))
    } else if arguments.positional.count > macro.parameters.count {
      throw fail(
        "macro '\(name)' takes at most \(macro.parameters.count) arguments, found \(arguments.positional.count)")
    }

    try enterCall()
    let outer = scope
    scope = inner
    for (parameter, value) in zip(macro.parameters, given) {
      if let value {
        inner.set(parameter.name, to: value)
      } else if let standard = parameter.standard {
        inner.set(parameter.name, to: try evaluate(standard))
      } else {
        inner.set(parameter.name, to: .undefined("parameter '".bytes + parameter.label + "' was not given".bytes))
      }
    }
    scope = outer
    let text = try capture(macro.body, in: inner)
    leaveCall()
    position = place
    return try produce(text)
  }
}
