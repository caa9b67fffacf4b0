/// Renders a parsed template: walks its statements with a stack of bodies and a budget.
///
/// Bodies stand on a stack of their own, not on the machine's, so that rendering stops and goes on between any two
/// statements that no expression waits for.
///
/// What can be changed while rendering (namespaces, loops, consumed iterators) and what refers to scopes (macros) lives
/// in tables here, values hold indices: so nothing can form a reference cycle.
final class TemplateInterpreter {
  /// The variables of a body, and the scope around it.
  final class Scope {
    let parent: Scope?
    private var bindings: [(name: TemplateName, value: TemplateValue)] = []

    init(in parent: Scope?) {
      self.parent = parent
    }

    func set(_ name: TemplateName, to value: TemplateValue) {
      for index in bindings.indices where bindings[index].name == name {
        bindings[index].value = value
        return
      }
      bindings.append((name, value))
    }

    /// The value of a name here or in a scope around.
    func value(of name: TemplateName) -> TemplateValue? {
      var scope: Scope? = self
      while let current = scope {
        for binding in current.bindings where binding.name == name { return binding.value }
        scope = current.parent
      }
      return nil
    }
  }

  /// A macro and the scope it was defined in.
  struct BoundMacro {
    let macro: TemplateMacro
    let scope: Scope
  }

  /// An iterator's elements and how many have been taken.
  struct Generator {
    let elements: [TemplateValue]
    var taken = 0
  }

  let names: [[UInt8]]
  let loopName: TemplateName?
  let callerName: TemplateName?
  let positionalRestName: TemplateName?
  let keywordRestName: TemplateName?
  let limits: TemplateLimits
  let now: TemplateDate?

  /// Where an error that happens now is reported.
  var position = SourcePosition(line: 1, column: 1)
  var scope = Scope(in: nil)
  var output: [UInt8] = []
  /// What was written before what is being captured now.
  private var outputs: [[UInt8]] = []
  var namespaces: [TemplateMapping] = []
  var loops: [LoopState] = []
  var macros: [BoundMacro] = []
  var generators: [Generator] = []
  /// The bodies that are being run, the innermost last.
  var frames: [Frame] = []
  /// How the innermost body goes on.
  var flow = Flow.normal
  private var callDepth = 0
  private var depth = 0
  private var stepsLeft: Int
  private var bytesLeft: Int

  init(names: [[UInt8]], variables: TemplateMapping, now: TemplateDate?, limits: TemplateLimits) {
    self.names = names
    self.now = now
    self.limits = limits
    stepsLeft = limits.steps
    bytesLeft = limits.producedBytes
    loopName = names.firstIndex { $0.equals("loop") }
    callerName = names.firstIndex { $0.equals("caller") }
    positionalRestName = names.firstIndex { $0.equals("varargs") }
    keywordRestName = names.firstIndex { $0.equals("kwargs") }
    for (name, text) in names.enumerated() {
      if let value = variables[text] {
        scope.set(name, to: value)
      } else if let function = TemplateFunction(text), function != .strftimeNow || now != nil {
        scope.set(name, to: .object(TemplateObject(.function(function))))
      }
    }
  }

  /// Begins with a template; ``advance(steps:)`` goes on.
  func begin(_ statements: [TemplateStatement], variables: TemplateMapping) throws(TemplateError) {
    for entry in variables.entries { try checkDepth(of: entry.value) }
    try push(statements, .passingOn)
  }

  /// Goes on for about so many steps.
  ///
  /// - Returns: whether the output is whole.
  func advance(steps: Int) throws(TemplateError) -> Bool {
    let enough = stepsLeft - min(max(1, steps), stepsLeft)
    while !frames.isEmpty {
      guard stepsLeft > enough || enough == 0 else { return false }
      try step()
    }
    return true
  }

  // MARK: Errors and bounds

  func fail(_ message: String) -> TemplateError {
    TemplateError(.evaluation, at: position, message)
  }

  func exceed(_ message: String) -> TemplateError {
    TemplateError(.limit, at: position, message)
  }

  /// Takes steps from the budget.
  func charge(_ steps: Int = 1) throws(TemplateError) {
    stepsLeft -= steps
    if stepsLeft < 0 {
      throw exceed("rendering takes more than \(limits.steps) steps; the template may be endless")
    }
  }

  /// Takes the steps of an operation that looks at all of a value.
  func charge(lookingAt value: TemplateValue) throws(TemplateError) {
    switch value {
    case .string(let text): try charge(text.count / 8)
    case .list(let elements), .tuple(let elements): try charge(elements.count)
    case .mapping(let mapping): try charge(mapping.count)
    default: break
    }
  }

  /// Takes bytes that are about to be produced from the budget.
  func charge(bytes: Int) throws(TemplateError) {
    if bytes > limits.outputBytes { throw exceed("a text grows longer than \(limits.outputBytes) bytes") }
    bytesLeft -= bytes
    if bytesLeft < 0 { throw exceed("rendering produces more than \(limits.producedBytes) bytes of text and lists") }
    try charge(bytes / 64)
  }

  /// A string value that counts towards the budget.
  func produce(_ text: [UInt8]) throws(TemplateError) -> TemplateValue {
    try charge(bytes: text.count)
    return .string(text)
  }

  /// A list value that counts towards the budget.
  func produce(list elements: [TemplateValue]) throws(TemplateError) -> TemplateValue {
    try charge(bytes: elements.count * MemoryLayout<TemplateValue>.stride)
    return .list(elements)
  }

  /// Writes to the output or to what is being captured.
  func write(_ text: [UInt8]) throws(TemplateError) {
    try charge(bytes: text.count)
    if output.count + text.count > limits.outputBytes {
      throw exceed("the output grows longer than \(limits.outputBytes) bytes")
    }
    output += text
  }

  /// Throws when a value is nested too deeply to be walked safely.
  func checkDepth(of value: TemplateValue, below levels: Int = 0) throws(TemplateError) {
    if levels > limits.valueDepth { throw exceed("a value is nested deeper than \(limits.valueDepth) levels") }
    try charge()
    switch value {
    case .list(let elements), .tuple(let elements):
      for element in elements { try checkDepth(of: element, below: levels + 1) }
    case .mapping(let mapping):
      for entry in mapping.entries {
        try checkDepth(of: entry.key, below: levels + 1)
        try checkDepth(of: entry.value, below: levels + 1)
      }
    case .object(let object):
      switch object.kind {
      case .method(_, let base): try checkDepth(of: base, below: levels + 1)
      case .view(_, let base): try checkDepth(of: .mapping(base), below: levels + 1)
      default: break
      }
    default: break
    }
  }

  /// A new list, tuple or mapping around other values, which must not be nested too deeply.
  func nest(_ value: TemplateValue) throws(TemplateError) -> TemplateValue {
    try checkDepth(of: value)
    return value
  }

  // MARK: Scopes and captures

  /// What a macro's body writes.
  func capture(_ statements: [TemplateStatement], in inner: Scope) throws(TemplateError) -> [UInt8] {
    beginCapture()
    let below = frames.count
    try push(statements, .swallowing(outer: scope))
    scope = inner
    try run(above: below)
    return endCapture()
  }

  /// From now on what is written is kept apart, until ``endCapture()``.
  func beginCapture() {
    outputs.append(output)
    output = []
  }

  /// What was written since.
  func endCapture() -> [UInt8] {
    let text = output
    output = outputs.removeLast()
    return text
  }

  /// Counts one level of evaluation; ``leave()`` ends it.
  func enter() throws(TemplateError) {
    depth += 1
    if depth > limits.evaluationDepth {
      throw exceed("statements, expressions and macros are evaluated deeper than \(limits.evaluationDepth) levels")
    }
  }

  func leave() {
    depth -= 1
  }

  /// Counts one level of macro calls; ``leaveCall()`` ends it.
  func enterCall() throws(TemplateError) {
    callDepth += 1
    if callDepth > limits.callDepth { throw exceed("macros call one another deeper than \(limits.callDepth) levels") }
  }

  func leaveCall() {
    callDepth -= 1
  }
}
