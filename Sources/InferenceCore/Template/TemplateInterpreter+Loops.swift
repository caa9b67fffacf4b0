extension TemplateInterpreter {
  /// A running `for` statement: what the variable `loop` shows.
  ///
  /// Elements are tested against the statement's condition only when they are needed, as the condition may depend on
  /// what the body does.
  final class LoopState {
    let loop: TemplateLoop
    /// The scope around it.
    let scope: Scope
    /// The scope that is there again after it.
    let caller: Scope
    /// The value of the variable `loop`.
    let value: TemplateValue
    let depth: Int
    var source: [TemplateValue]
    var taken = 0
    var isFiltered: Bool
    /// Position of the current element, from 0.
    var index = -1
    var current: TemplateValue?
    var previous: TemplateValue?
    /// The element after the current one, if it has been asked for.
    var next: TemplateValue?
    var lastChanged: TemplateValue?
    /// Whether an iteration came to its end: Jinja runs `else` when `break` or `continue` cut all of them short.
    var isCompleted = false

    init(
      _ loop: TemplateLoop, over source: [TemplateValue], in scope: Scope, caller: Scope, value: TemplateValue,
      depth: Int
    ) {
      self.loop = loop
      self.source = source
      self.scope = scope
      self.caller = caller
      self.value = value
      self.depth = depth
      isFiltered = loop.condition != nil
    }
  }

  func begin(_ loop: TemplateLoop) throws(TemplateError) {
    let sequence = try evaluate(loop.sequence)
    position = loop.sequence.position
    try begin(loop, over: try elements(of: sequence), in: scope, depth: 0)
  }

  private func begin(
    _ loop: TemplateLoop, over source: [TemplateValue], in outer: Scope, depth: Int
  ) throws(TemplateError) {
    let value = TemplateValue.object(TemplateObject(.loop(loops.count)))
    let state = LoopState(loop, over: source, in: outer, caller: scope, value: value, depth: depth)
    loops.append(state)
    try iterate(state)
  }

  /// Begins the next iteration, or ends the loop.
  private func iterate(_ state: LoopState) throws(TemplateError) {
    guard let element = try advance(state) else { return try end(state) }
    try charge()
    scope = Scope(in: state.scope)
    if let loopName { scope.set(loopName, to: state.value) }
    try assign(element, to: state.loop.target)
    try push(state.loop.body, .iteration(state))
  }

  func endIteration(of state: LoopState) throws(TemplateError) {
    let ended = flow
    flow = .normal
    if ended == .leaveLoop { return try end(state) }
    if ended == .normal { state.isCompleted = true }
    try iterate(state)
  }

  private func end(_ state: LoopState) throws(TemplateError) {
    scope = state.caller
    guard !state.isCompleted else { return }
    try push(state.loop.otherwise, .swallowing(outer: scope))
    scope = Scope(in: state.scope)
  }

  private func advance(_ state: LoopState) throws(TemplateError) -> TemplateValue? {
    let element = state.next != nil ? state.next : try pull(state)
    state.next = nil
    guard let element else { return nil }
    state.index += 1
    state.previous = state.current
    state.current = element
    return element
  }

  /// The next element that meets the condition.
  private func pull(_ state: LoopState) throws(TemplateError) -> TemplateValue? {
    while state.taken < state.source.count {
      let element = state.source[state.taken]
      state.taken += 1
      guard state.isFiltered, let condition = state.loop.condition else { return element }
      try charge()
      let outer = scope
      scope = Scope(in: state.scope)
      try assign(element, to: state.loop.target)
      let isIncluded = isTrue(try evaluate(condition))
      scope = outer
      if isIncluded { return element }
    }
    return nil
  }

  private func peek(_ state: LoopState) throws(TemplateError) -> TemplateValue? {
    if state.next == nil { state.next = try pull(state) }
    return state.next
  }

  /// How many elements the loop has; decides about all that are left.
  private func length(_ state: LoopState) throws(TemplateError) -> Int {
    if state.isFiltered {
      var rest: [TemplateValue] = []
      while let element = try pull(state) { rest.append(element) }
      state.source = rest
      state.taken = 0
      state.isFiltered = false
    }
    return state.index + 1 + (state.next == nil ? 0 : 1) + state.source.count - state.taken
  }

  /// An attribute of the variable `loop`; nil when there is none of that name.
  func attribute(_ name: [UInt8], ofLoop index: Int) throws(TemplateError) -> TemplateValue? {
    let state = loops[index]
    if name.equals("index") { return .int(Int64(state.index + 1)) }
    if name.equals("index0") { return .int(Int64(state.index)) }
    if name.equals("first") { return .bool(state.index == 0) }
    if name.equals("last") { return .bool(try peek(state) == nil) }
    if name.equals("length") { return .int(Int64(try length(state))) }
    if name.equals("revindex") { return .int(Int64(try length(state) - state.index)) }
    if name.equals("revindex0") { return .int(Int64(try length(state) - state.index - 1)) }
    if name.equals("depth") { return .int(Int64(state.depth + 1)) }
    if name.equals("depth0") { return .int(Int64(state.depth)) }
    if name.equals("previtem") { return state.previous ?? .undefined("there is no previous item".bytes) }
    if name.equals("nextitem") { return try peek(state) ?? .undefined("there is no next item".bytes) }
    return nil
  }

  /// `loop.cycle(…)`: one of the arguments in turn.
  func cycle(_ index: Int, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    guard !arguments.positional.isEmpty else { throw fail("'loop.cycle' needs something to cycle through") }
    return arguments.positional[loops[index].index % arguments.positional.count]
  }

  /// `loop.changed(…)`: whether the arguments are not those of the call before.
  func changed(_ index: Int, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let value = try nest(.tuple(arguments.positional))
    if let last = loops[index].lastChanged, try isEqual(last, value) { return .bool(false) }
    loops[index].lastChanged = value
    return .bool(true)
  }

  /// `loop(elements)`: the loop's body for nested elements, in a `recursive` loop.
  func recurse(_ index: Int, _ arguments: TemplateArguments) throws(TemplateError) -> TemplateValue {
    let state = loops[index]
    guard state.loop.isRecursive, let sequence = arguments.positional.first else {
      throw fail("'loop' can be called with one argument, in a loop marked 'recursive'")
    }
    try enterCall()
    beginCapture()
    let below = frames.count
    try begin(state.loop, over: try elements(of: sequence), in: state.scope, depth: state.depth + 1)
    try run(above: below)
    let text = endCapture()
    leaveCall()
    return try produce(text)
  }
}
