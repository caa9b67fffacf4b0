extension TemplateInterpreter {
  /// How a run of statements ended.
  enum Flow {
    case normal, leaveLoop, nextIteration
  }

  /// Runs statements in the current scope.
  func execute(_ statements: [TemplateStatement]) throws(TemplateError) -> Flow {
    try enter()
    var flow = Flow.normal
    for statement in statements where flow == .normal {
      try charge()
      flow = try execute(statement)
    }
    leave()
    return flow
  }

  private func execute(_ statement: TemplateStatement) throws(TemplateError) -> Flow {
    switch statement {
    case .text(let text):
      try write(text)
    case .output(let expression):
      try output(expression)
    case .conditional(let branches, let otherwise):
      for branch in branches where isTrue(try evaluate(branch.condition)) { return try execute(branch.body) }
      return try execute(otherwise)
    case .loop(let loop):
      return try execute(loop)
    case .assign(let target, let expression):
      try assign(try evaluate(expression), to: target)
    case .capture(let target, let filters, let body):
      let (text, flow) = try capture(body, in: Scope(in: scope))
      try assign(try apply(filters, to: try produce(text)), to: target)
      return flow
    case .macro(let name, let macro):
      scope.set(name, to: bind(macro))
    case .call(let caller, let expression):
      try write(try text(of: try call(expression, with: bind(caller))))
    case .filter(let filters, let body):
      let (captured, flow) = try capture(body, in: Scope(in: scope))
      try write(try text(of: try apply(filters, to: try produce(captured))))
      return flow
    case .with(let assignments, let body):
      return try execute(body, in: try scope(with: assignments))
    case .scope(let body):
      return try execute(body, in: Scope(in: scope))
    case .leaveLoop:
      return .leaveLoop
    case .nextIteration:
      return .nextIteration
    }
    return .normal
  }

  private func output(_ expression: TemplateExpression) throws(TemplateError) {
    let value = try evaluate(expression)
    position = expression.position
    if case .string(let text) = value {
      try write(text)
    } else {
      try write(try text(of: value))
    }
  }

  private func apply(_ filters: [TemplatePostfix], to value: TemplateValue) throws(TemplateError) -> TemplateValue {
    var value = value
    for filter in filters { value = try apply(filter, to: value) }
    return value
  }

  /// A macro as a value that remembers the current scope.
  func bind(_ macro: TemplateMacro) -> TemplateValue {
    macros.append(BoundMacro(macro: macro, scope: scope))
    return .object(TemplateObject(.macro(macros.count - 1)))
  }

  /// A scope with assigned variables, whose values are evaluated outside of it.
  private func scope(
    with assignments: [(target: TemplateTarget, value: TemplateExpression)]
  ) throws(TemplateError) -> Scope {
    var values: [TemplateValue] = []
    for assignment in assignments { values.append(try evaluate(assignment.value)) }
    let outer = scope
    scope = Scope(in: outer)
    for (assignment, value) in zip(assignments, values) { try assign(value, to: assignment.target) }
    let inner = scope
    scope = outer
    return inner
  }

  /// Assigns to a name, an attribute of a namespace, or several of them.
  func assign(_ value: TemplateValue, to target: TemplateTarget) throws(TemplateError) {
    switch target {
    case .name(let name):
      scope.set(name, to: value)
    case .attribute(let name, let attribute, let start):
      position = start
      guard case .object(let object)? = scope.value(of: name), case .namespace(let index) = object.kind else {
        throw fail(
          "'\(String(decoding: names[name], as: UTF8.self))' is not a namespace, so its attributes cannot be set")
      }
      namespaces[index][attribute] = value
    case .tuple(let targets, let start):
      let values = try elements(of: value)
      position = start
      guard values.count == targets.count else {
        let comparison = values.count < targets.count ? "not enough" : "too many"
        throw fail("\(comparison) values to unpack: expected \(targets.count), found \(values.count)")
      }
      for (target, value) in zip(targets, values) { try assign(value, to: target) }
    }
  }
}
