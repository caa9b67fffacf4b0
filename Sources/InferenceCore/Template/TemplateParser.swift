/// Builds the statements of a template from its tokens; see `TemplateParser+Expressions.swift` for expressions.
struct TemplateParser {
  /// Bounds the recursion of the parser, and with it that of whatever walks the tree.
  private static var maximumNesting: Int { 100 }

  private let tokens: [TemplateToken]
  private var index = 0
  private var nesting = 0
  private var loopDepth = 0
  /// Names of variables, by ``TemplateName``.
  private(set) var names: [[UInt8]] = []
  private var nameIndex: [[UInt8]: TemplateName] = [:]
  /// For every macro around the current place, what of its call it has been seen to use.
  private var macros: [TemplateMacro] = []

  init(_ tokens: [TemplateToken]) {
    self.tokens = tokens
  }

  /// Parses the whole template.
  mutating func template() throws(TemplateError) -> [TemplateStatement] {
    try statements(until: [], of: nil).body
  }

  // MARK: Tokens

  var current: TemplateToken { tokens[index] }
  var next: TemplateToken { tokens[min(index + 1, tokens.count - 1)] }
  var position: SourcePosition { tokens[index].position }

  mutating func advance() {
    if index < tokens.count - 1 { index += 1 }
  }

  func isSymbol(_ symbol: TemplateSymbol) -> Bool {
    if case .symbol(symbol) = current.kind { return true }
    return false
  }

  func isName(_ name: StaticString) -> Bool {
    if case .name(let bytes) = current.kind { return bytes.equals(name) }
    return false
  }

  var isTagEnd: Bool {
    if case .tagEnd = current.kind { return true }
    return false
  }

  mutating func skip(_ symbol: TemplateSymbol) -> Bool {
    guard isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func skip(name: StaticString) -> Bool {
    guard isName(name) else { return false }
    advance()
    return true
  }

  mutating func expect(_ symbol: TemplateSymbol) throws(TemplateError) {
    guard skip(symbol) else { throw unexpected("'\(String(decoding: symbol.text.bytes, as: UTF8.self))'") }
  }

  mutating func expectName() throws(TemplateError) -> [UInt8] {
    guard case .name(let name) = current.kind else { throw unexpected("a name") }
    advance()
    return name
  }

  mutating func expectTagEnd() throws(TemplateError) {
    guard isTagEnd else { throw unexpected("'%}'") }
    advance()
  }

  func unexpected(_ expected: String) -> TemplateError {
    fail("expected \(expected), found \(current.description)")
  }

  func fail(_ message: String) -> TemplateError {
    TemplateError(.syntax, at: position, message)
  }

  /// Counts levels of nesting; ``leave(_:)`` ends them.
  mutating func enter(_ levels: Int = 1) throws(TemplateError) {
    nesting += levels
    guard nesting <= Self.maximumNesting else {
      throw TemplateError(
        .limit, at: position, "tags and expressions are nested deeper than \(Self.maximumNesting) levels")
    }
  }

  mutating func leave(_ levels: Int = 1) {
    nesting -= levels
  }

  /// What a tag inside a tag counts as; its parsing takes several functions.
  private static var tagLevels: Int { 2 }

  // MARK: Names

  /// The number of a name.
  mutating func intern(_ name: [UInt8]) -> TemplateName {
    if let known = nameIndex[name] { return known }
    names.append(name)
    nameIndex[name] = names.count - 1
    return names.count - 1
  }

  /// The number of a name that an expression reads.
  mutating func reference(_ name: [UInt8]) -> TemplateName {
    for index in macros.indices {
      if name.equals("varargs") { macros[index].usesPositionalRest = true }
      if name.equals("kwargs") { macros[index].usesKeywordRest = true }
      if name.equals("caller") { macros[index].usesCaller = true }
    }
    return intern(name)
  }

  // MARK: Statements

  /// The tag whose body is being read.
  private struct OpenTag {
    var name: StaticString
    var position: SourcePosition
  }

  /// Reads statements up to a tag with one of these names, which is passed.
  private mutating func statements(
    until enders: [StaticString], of tag: OpenTag?
  ) throws(TemplateError) -> (body: [TemplateStatement], ender: Int) {
    try enter(Self.tagLevels)
    var body: [TemplateStatement] = []
    while true {
      switch current.kind {
      case .text(let text):
        advance()
        body.append(.text(text))
      case .outputBegin:
        advance()
        body.append(.output(try tuple()))
        guard case .outputEnd = current.kind else { throw unexpected("'}}'") }
        advance()
      case .tagBegin:
        advance()
        guard case .name(let name) = current.kind else { throw unexpected("the name of a tag") }
        for (ender, text) in enders.enumerated() where name.equals(text) {
          advance()
          leave(Self.tagLevels)
          return (body, ender)
        }
        body.append(try statement(name, of: tag, enders: enders))
        try expectTagEnd()
      default:
        if let tag {
          let name = String(decoding: tag.name.bytes, as: UTF8.self)
          throw TemplateError(.syntax, at: tag.position, "'\(name)' is never closed: expected \(Self.list(enders))")
        }
        leave(Self.tagLevels)
        return (body, 0)
      }
    }
  }

  /// The body of a tag, after the rest of its opening has been read.
  private mutating func body(
    of tag: OpenTag, until enders: [StaticString]
  ) throws(TemplateError) -> (body: [TemplateStatement], ender: Int) {
    _ = skip(.colon)
    try expectTagEnd()
    return try statements(until: enders, of: tag)
  }

  private static func list(_ names: [StaticString]) -> String {
    var text = ""
    for (index, name) in names.enumerated() {
      if index > 0 { text += index == names.count - 1 ? " or " : ", " }
      text += "'\(String(decoding: name.bytes, as: UTF8.self))'"
    }
    return text
  }

  private static var tags: [StaticString] {
    ["if", "for", "set", "macro", "call", "filter", "with", "generation", "break", "continue", "raw"]
  }

  private mutating func statement(
    _ name: [UInt8], of tag: OpenTag?, enders: [StaticString]
  ) throws(TemplateError) -> TemplateStatement {
    let start = position
    if name.equals("if") { return try conditional() }
    if name.equals("for") { return try loop() }
    if name.equals("set") { return try assignment() }
    if name.equals("macro") { return try macro() }
    if name.equals("call") { return try call() }
    if name.equals("filter") { return try filter() }
    if name.equals("with") { return try with() }
    if name.equals("generation") {
      advance()
      return .scope(try body(of: OpenTag(name: "generation", position: start), until: ["endgeneration"]).body)
    }
    let isBreak = name.equals("break")
    if isBreak || name.equals("continue") {
      guard loopDepth > 0 else { throw fail("'\(isBreak ? "break" : "continue")' outside of a loop") }
      advance()
      return isBreak ? .leaveLoop(start) : .nextIteration(start)
    }
    let found = String(decoding: name, as: UTF8.self)
    if let tag {
      let open = String(decoding: tag.name.bytes, as: UTF8.self)
      throw fail(
        "unexpected tag '\(found)' inside '\(open)' of line \(tag.position.line), which \(Self.list(enders)) would end; "
          + "tags are \(Self.list(Self.tags))")
    }
    throw fail("unexpected tag '\(found)'; tags are \(Self.list(Self.tags))")
  }

  private mutating func conditional() throws(TemplateError) -> TemplateStatement {
    let tag = OpenTag(name: "if", position: position)
    var branches: [(condition: TemplateExpression, body: [TemplateStatement])] = []
    while true {
      advance()
      let condition = try tuple(allowsConditional: false)
      let (body, ender) = try body(of: tag, until: ["elif", "else", "endif"])
      branches.append((condition, body))
      if ender == 0 {
        // The loop passes a tag's name, which for elif has happened.
        index -= 1
        continue
      }
      let otherwise = ender == 1 ? try self.body(of: tag, until: ["endif"]).body : []
      return .conditional(branches, otherwise: otherwise)
    }
  }

  private mutating func loop() throws(TemplateError) -> TemplateStatement {
    let tag = OpenTag(name: "for", position: position)
    advance()
    let target = try target(allowsAttributes: false)
    guard skip(name: "in") else { throw unexpected("'in'") }
    let sequence = try tuple(allowsConditional: false)
    let condition = skip(name: "if") ? try expression() : nil
    let isRecursive = skip(name: "recursive")
    loopDepth += 1
    let (body, ender) = try body(of: tag, until: ["endfor", "else"])
    loopDepth -= 1
    let otherwise = ender == 1 ? try self.body(of: tag, until: ["endfor"]).body : []
    return .loop(
      TemplateLoop(
        target: target, sequence: sequence, condition: condition, isRecursive: isRecursive, body: body,
        otherwise: otherwise))
  }

  private mutating func assignment() throws(TemplateError) -> TemplateStatement {
    let tag = OpenTag(name: "set", position: position)
    advance()
    let target = try target(allowsAttributes: true)
    if skip(.assign) { return .assign(target, try tuple()) }
    var filters: [TemplatePostfix] = []
    while skip(.pipe) { filters.append(try filterCall()) }
    if !isTagEnd { throw unexpected("'=' or '%}'") }
    return .capture(target, filters, body: try body(of: tag, until: ["endset"]).body)
  }

  private mutating func filter() throws(TemplateError) -> TemplateStatement {
    let tag = OpenTag(name: "filter", position: position)
    advance()
    var filters = [try filterCall()]
    while skip(.pipe) { filters.append(try filterCall()) }
    return .filter(filters, body: try body(of: tag, until: ["endfilter"]).body)
  }

  private mutating func with() throws(TemplateError) -> TemplateStatement {
    let tag = OpenTag(name: "with", position: position)
    advance()
    var assignments: [(target: TemplateTarget, value: TemplateExpression)] = []
    while !isTagEnd {
      if !assignments.isEmpty { try expect(.comma) }
      let target = try target(allowsAttributes: false)
      try expect(.assign)
      assignments.append((target, try expression()))
    }
    return .with(assignments, body: try body(of: tag, until: ["endwith"]).body)
  }

  private mutating func macro() throws(TemplateError) -> TemplateStatement {
    let tag = OpenTag(name: "macro", position: position)
    advance()
    let name = try expectName()
    var macro = TemplateMacro(name: name, parameters: try parameters(), body: [])
    try readBody(of: &macro, tag, until: "endmacro")
    return .macro(name: intern(name), macro)
  }

  private mutating func call() throws(TemplateError) -> TemplateStatement {
    let tag = OpenTag(name: "call", position: position)
    advance()
    let parameters = isSymbol(.openParenthesis) ? try parameters() : []
    let function = try expression()
    guard case .postfix(_, let postfixes) = function.kind, case .call = postfixes.last?.kind else {
      throw TemplateError(.syntax, at: function.position, "expected a call, such as 'name(…)', in the tag 'call'")
    }
    var caller = TemplateMacro(name: "caller".bytes, parameters: parameters, body: [])
    try readBody(of: &caller, tag, until: "endcall")
    return .call(caller, function)
  }

  private mutating func readBody(
    of macro: inout TemplateMacro, _ tag: OpenTag, until ender: StaticString
  ) throws(TemplateError) {
    let outerLoops = loopDepth
    loopDepth = 0
    macros.append(macro)
    let body = try body(of: tag, until: [ender]).body
    if let used = macros.popLast() { macro = used }
    macro.body = body
    loopDepth = outerLoops
  }

  /// The parameters of a macro in parentheses.
  private mutating func parameters()
    throws(TemplateError) -> [(name: TemplateName, label: [UInt8], standard: TemplateExpression?)]
  {
    var parameters: [(name: TemplateName, label: [UInt8], standard: TemplateExpression?)] = []
    try expect(.openParenthesis)
    while !isSymbol(.closeParenthesis) {
      if !parameters.isEmpty { try expect(.comma) }
      let label = try expectName()
      let standard = skip(.assign) ? try expression() : nil
      if standard == nil, let last = parameters.last, last.standard != nil {
        throw fail("a parameter without a default follows one with a default")
      }
      parameters.append((intern(label), label, standard))
    }
    try expect(.closeParenthesis)
    return parameters
  }

  /// What an assignment or a loop assigns to.
  private mutating func target(allowsAttributes: Bool) throws(TemplateError) -> TemplateTarget {
    let start = position
    var targets = [try singleTarget(allowsAttributes: allowsAttributes)]
    var isTuple = false
    while skip(.comma) {
      isTuple = true
      if isSymbol(.assign) || isSymbol(.closeParenthesis) || isName("in") || isTagEnd { break }
      targets.append(try singleTarget(allowsAttributes: allowsAttributes))
    }
    return isTuple ? .tuple(targets, start) : targets[0]
  }

  private mutating func singleTarget(allowsAttributes: Bool) throws(TemplateError) -> TemplateTarget {
    let start = position
    if skip(.openParenthesis) {
      try enter()
      let target = try target(allowsAttributes: allowsAttributes)
      leave()
      try expect(.closeParenthesis)
      return target
    }
    guard case .name(let name) = current.kind else { throw unexpected("a name to assign to") }
    guard Self.constant(name) == nil else {
      throw fail("'\(String(decoding: name, as: UTF8.self))' cannot be assigned to")
    }
    advance()
    if allowsAttributes, skip(.dot) { return .attribute(of: intern(name), try expectName(), start) }
    return .name(intern(name))
  }

  /// The value of a name that always means the same.
  static func constant(_ name: [UInt8]) -> TemplateValue? {
    if name.equals("true") || name.equals("True") { return .bool(true) }
    if name.equals("false") || name.equals("False") { return .bool(false) }
    if name.equals("none") || name.equals("None") { return TemplateValue.none }
    return nil
  }
}
