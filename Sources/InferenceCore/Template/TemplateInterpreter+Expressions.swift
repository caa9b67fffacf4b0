extension TemplateInterpreter {
  /// The value of an expression in the current scope.
  func evaluate(_ expression: TemplateExpression) throws(TemplateError) -> TemplateValue {
    try charge()
    position = expression.position
    switch expression.kind {
    case .constant(let value):
      return value
    case .name(let name):
      return scope.value(of: name) ?? .undefined("'".bytes + names[name] + "' is undefined".bytes)
    default:
      try enter()
      let value = try evaluate(compound: expression)
      leave()
      return value
    }
  }

  private func evaluate(compound expression: TemplateExpression) throws(TemplateError) -> TemplateValue {
    switch expression.kind {
    case .constant, .name:
      return try evaluate(expression)
    case .list(let elements):
      return try nest(.list(try evaluate(all: elements)))
    case .tuple(let elements):
      return try nest(.tuple(try evaluate(all: elements)))
    case .mapping(let pairs):
      return try mapping(pairs)
    case .negative(let operand):
      return try negated(try evaluate(operand), at: expression.position)
    case .positive(let operand):
      return try arithmetic(.add, .int(0), try evaluate(operand))
    case .not(let operand):
      return .bool(!isTrue(try evaluate(operand)))
    case .arithmetic(let first, let operations):
      return try arithmetic(first, operations)
    case .concatenation(let operands):
      return try concatenation(operands)
    case .comparison(let first, let operations):
      return try comparison(first, operations)
    case .and(let operands):
      return try decide(operands, until: false)
    case .or(let operands):
      return try decide(operands, until: true)
    case .conditional(let value, let condition, let otherwise):
      if isTrue(try evaluate(condition)) { return try evaluate(value) }
      if let otherwise { return try evaluate(otherwise) }
      return .undefined("a conditional expression without 'else' has no value when its condition is false".bytes)
    case .postfix(let base, let postfixes):
      var value = try evaluate(base)
      for postfix in postfixes { value = try apply(postfix, to: value) }
      return value
    }
  }

  private func evaluate(all expressions: [TemplateExpression]) throws(TemplateError) -> [TemplateValue] {
    var values: [TemplateValue] = []
    values.reserveCapacity(expressions.count)
    for expression in expressions { values.append(try evaluate(expression)) }
    return values
  }

  private func mapping(
    _ pairs: [(key: TemplateExpression, value: TemplateExpression)]
  ) throws(TemplateError) -> TemplateValue {
    var mapping = TemplateMapping()
    for pair in pairs {
      let key = try evaluate(pair.key)
      let value = try evaluate(pair.value)
      position = pair.key.position
      try set(key, to: value, in: &mapping)
    }
    return try nest(.mapping(mapping))
  }

  /// Sets a member; throws when the key cannot be one.
  func set(_ key: TemplateValue, to value: TemplateValue, in mapping: inout TemplateMapping) throws(TemplateError) {
    guard mapping.set(key, to: value) else {
      throw fail("a mapping's key must be a string, number, boolean, none or tuple of such, found \(key.typeName)")
    }
  }

  /// The first operand whose truth is the deciding one, else the last.
  private func decide(_ operands: [TemplateExpression], until truth: Bool) throws(TemplateError) -> TemplateValue {
    var value = TemplateValue.none
    for operand in operands {
      value = try evaluate(operand)
      if isTrue(value) == truth { break }
    }
    return value
  }

  private func arithmetic(
    _ first: TemplateExpression, _ operations: [(operation: TemplateSymbol, operand: TemplateExpression)]
  ) throws(TemplateError) -> TemplateValue {
    var value = try evaluate(first)
    for (operation, operand) in operations {
      let right = try evaluate(operand)
      position = operand.position
      value = try arithmetic(operation, value, right)
    }
    return value
  }

  private func concatenation(_ operands: [TemplateExpression]) throws(TemplateError) -> TemplateValue {
    var result: [UInt8] = []
    for operand in operands {
      let value = try evaluate(operand)
      position = operand.position
      let text = try text(of: value)
      try charge(bytes: text.count)
      result += text
      if result.count > limits.outputBytes { throw exceed("a text grows longer than \(limits.outputBytes) bytes") }
    }
    return .string(result)
  }

  private func comparison(
    _ first: TemplateExpression, _ operations: [(operation: TemplateComparison, operand: TemplateExpression)]
  ) throws(TemplateError) -> TemplateValue {
    var left = try evaluate(first)
    for (operation, operand) in operations {
      let right = try evaluate(operand)
      position = operand.position
      guard try holds(operation, left, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  // MARK: Postfixes

  /// Applies an attribute, subscript, call, filter or test.
  func apply(_ postfix: TemplatePostfix, to value: TemplateValue) throws(TemplateError) -> TemplateValue {
    try charge()
    position = postfix.position
    switch postfix.kind {
    case .attribute(let name):
      return try attribute(name, of: value)
    case .item(let expression):
      let key = try evaluate(expression)
      position = postfix.position
      return try item(key, of: value)
    case .slice(let start, let end, let step):
      return try slice(value, start, end, step, at: postfix.position)
    case .call(let list):
      let arguments = try evaluate(list)
      position = postfix.position
      return try call(value, arguments)
    case .filter(let name, let list):
      let arguments = try evaluate(list)
      position = postfix.position
      return try filter(try self.filter(named: name), value, arguments)
    case .test(let name, let list, let isNegated):
      let arguments = try evaluate(list)
      position = postfix.position
      return .bool(try test(try self.test(named: name), value, arguments) != isNegated)
    }
  }

  /// The values of arguments.
  private func evaluate(_ list: TemplateArgumentList) throws(TemplateError) -> TemplateArguments {
    var arguments = TemplateArguments()
    arguments.positional = try evaluate(all: list.positional)
    for keyword in list.keywords { arguments.keywords.append((keyword.name, try evaluate(keyword.value))) }
    if let rest = list.positionalRest { arguments.positional += try elements(of: try evaluate(rest)) }
    if let rest = list.keywordRest {
      let value = try evaluate(rest)
      guard case .mapping(let mapping) = value else {
        throw fail("the argument after '**' must be a mapping, found \(value.typeName)")
      }
      for entry in mapping.entries {
        guard case .string(let name) = entry.key else { throw fail("names of arguments must be strings") }
        arguments.keywords.append((name, entry.value))
      }
    }
    return arguments
  }

  /// Calls the value of a postfix chain that ends in a call, with the body of a `call` block as `caller`.
  func call(_ expression: TemplateExpression, with caller: TemplateValue) throws(TemplateError) -> TemplateValue {
    guard case .postfix(let base, let postfixes) = expression.kind, case .call(let list)? = postfixes.last?.kind else {
      throw fail("expected a call")
    }
    var function = try evaluate(base)
    for postfix in postfixes.dropLast() { function = try apply(postfix, to: function) }
    var arguments = try evaluate(list)
    arguments.keywords.append(("caller".bytes, caller))
    position = expression.position
    return try call(function, arguments)
  }
}
