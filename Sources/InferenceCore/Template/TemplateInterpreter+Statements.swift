extension TemplateInterpreter {
  /// How a body goes on: with its next statement, or not at all.
  enum Flow {
    case normal, leaveLoop, nextIteration
  }

  /// A body that is being run.
  struct Frame {
    let statements: [TemplateStatement]
    var next = 0
    let end: End
  }

  /// What follows a body's last statement.
  enum End {
    /// The body around it goes on, or ends as this one did.
    case passingOn
    /// The same, with the scope that was there before.
    case leaving(outer: Scope)
    /// The same, however this one ended.
    case swallowing(outer: Scope)
    case iteration(LoopState)
    /// What it wrote is assigned, or written through filters; not at all when it is left by `break` or `continue`.
    case capture(TemplateTarget, [TemplatePostfix], outer: Scope)
    case filter([TemplatePostfix], outer: Scope)
  }

  /// Begins a body; ``step()`` runs it.
  func push(_ statements: [TemplateStatement], _ end: End) throws(TemplateError) {
    try enter()
    frames.append(Frame(statements: statements, end: end))
  }

  /// Runs bodies until there are only so many.
  func run(above count: Int) throws(TemplateError) {
    while frames.count > count { try step() }
  }

  /// Runs the next statement of the innermost body, or ends it.
  func step() throws(TemplateError) {
    let last = frames.count - 1
    let next = frames[last].next
    guard flow == .normal, next < frames[last].statements.count else {
      leave()
      return try end(frames.removeLast())
    }
    frames[last].next += 1
    try charge()
    try execute(frames[last].statements[next])
  }

  private func end(_ frame: Frame) throws(TemplateError) {
    switch frame.end {
    case .passingOn: break
    case .leaving(let outer):
      scope = outer
    case .swallowing(let outer):
      scope = outer
      flow = .normal
    case .iteration(let loop):
      try endIteration(of: loop)
    case .capture(let target, let filters, let outer):
      scope = outer
      let text = endCapture()
      if flow == .normal { try assign(try apply(filters, to: try produce(text)), to: target) }
    case .filter(let filters, let outer):
      scope = outer
      let captured = endCapture()
      if flow == .normal { try write(try text(of: try apply(filters, to: try produce(captured)))) }
    }
  }

  private func execute(_ statement: TemplateStatement) throws(TemplateError) {
    switch statement {
    case .text(let text):
      try write(text)
    case .output(let expression):
      try output(expression)
    case .conditional(let branches, let otherwise):
      for branch in branches where isTrue(try evaluate(branch.condition)) { return try push(branch.body, .passingOn) }
      try push(otherwise, .passingOn)
    case .loop(let loop):
      try begin(loop)
    case .assign(let target, let expression):
      try assign(try evaluate(expression), to: target)
    case .capture(let target, let filters, let body):
      try push(body, .capture(target, filters, outer: scope))
      scope = Scope(in: scope)
      beginCapture()
    case .macro(let name, let macro):
      scope.set(name, to: bind(macro))
    case .call(let caller, let expression):
      try write(try text(of: try call(expression, with: bind(caller))))
    case .filter(let filters, let body):
      try push(body, .filter(filters, outer: scope))
      scope = Scope(in: scope)
      beginCapture()
    case .with(let assignments, let body):
      let inner = try scope(with: assignments)
      try push(body, .leaving(outer: scope))
      scope = inner
    case .scope(let body):
      try push(body, .leaving(outer: scope))
      scope = Scope(in: scope)
    case .leaveLoop:
      flow = .leaveLoop
    case .nextIteration:
      flow = .nextIteration
    }
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
