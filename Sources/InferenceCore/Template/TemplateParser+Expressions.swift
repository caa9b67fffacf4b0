/// How tightly operators bind, loosest first.
private enum Precedence {
  static let or = 0
  static let and = 1
  static let not = 2
  static let comparison = 3
  static let addition = 4
  static let concatenation = 5
  static let multiplication = 6
  static let power = 7
}

/// Parsing of expressions, by operator precedence.
extension TemplateParser {
  /// Expressions separated by commas, which make a tuple, or a single one.
  mutating func tuple(allowsConditional: Bool = true, allowsEmpty: Bool = false) throws(TemplateError)
    -> TemplateExpression
  {
    let start = position
    var elements: [TemplateExpression] = []
    var isTuple = false
    while !isTupleEnd {
      elements.append(try expression(allowsConditional: allowsConditional))
      guard skip(.comma) else { break }
      isTuple = true
    }
    if !isTuple {
      if let single = elements.first { return single }
      guard allowsEmpty else { throw unexpected("an expression") }
    }
    return TemplateExpression(position: start, kind: .tuple(elements))
  }

  private var isTupleEnd: Bool {
    switch current.kind {
    case .outputEnd, .tagEnd, .symbol(.closeParenthesis): true
    default: isName("recursive")
    }
  }

  /// One expression, with `a if b else c`.
  mutating func expression(allowsConditional: Bool = true) throws(TemplateError) -> TemplateExpression {
    try enter()
    var result = try operators(from: Precedence.or)
    var conditions = 0
    while allowsConditional, skip(name: "if") {
      // `a if b if c` nests to the left, so every condition is a level.
      try enter()
      conditions += 1
      let condition = try operators(from: Precedence.or)
      let otherwise = skip(name: "else") ? try expression() : nil
      result = TemplateExpression(
        position: result.position, kind: .conditional(result, condition: condition, otherwise: otherwise))
    }
    leave(conditions + 1)
    return result
  }

  // MARK: Operators

  /// The binary operator that is next, and the tokens it takes.
  private enum Operator {
    case or, and, concatenation
    case comparison(TemplateComparison, tokens: Int)
    case arithmetic(TemplateSymbol, precedence: Int)

    var precedence: Int {
      switch self {
      case .or: Precedence.or
      case .and: Precedence.and
      case .comparison: Precedence.comparison
      case .concatenation: Precedence.concatenation
      case .arithmetic(_, let precedence): precedence
      }
    }
  }

  private var nextOperator: Operator? {
    switch current.kind {
    case .name(let name):
      if name.equals("or") { return .or }
      if name.equals("and") { return .and }
      if name.equals("in") { return .comparison(.contained, tokens: 1) }
      if name.equals("not"), case .name(let following) = next.kind, following.equals("in") {
        return .comparison(.notContained, tokens: 2)
      }
      return nil
    case .symbol(let symbol):
      switch symbol {
      case .equal: return .comparison(.equal, tokens: 1)
      case .notEqual: return .comparison(.notEqual, tokens: 1)
      case .less: return .comparison(.less, tokens: 1)
      case .lessOrEqual: return .comparison(.lessOrEqual, tokens: 1)
      case .greater: return .comparison(.greater, tokens: 1)
      case .greaterOrEqual: return .comparison(.greaterOrEqual, tokens: 1)
      case .add, .subtract: return .arithmetic(symbol, precedence: Precedence.addition)
      case .concatenate: return .concatenation
      case .multiply, .divide, .floorDivide, .modulo:
        return .arithmetic(symbol, precedence: Precedence.multiplication)
      case .power: return .arithmetic(symbol, precedence: Precedence.power)
      default: return nil
      }
    default: return nil
    }
  }

  /// Operands joined by operators that bind at least this tightly.
  private mutating func operators(from minimum: Int) throws(TemplateError) -> TemplateExpression {
    try enter()
    var left = try operand(minimum)
    while let found = nextOperator, found.precedence >= minimum {
      left = try chain(left, found)
    }
    leave()
    return left
  }

  /// `left` and all that operators of the next one's precedence join to it.
  private mutating func chain(_ left: TemplateExpression, _ first: Operator) throws(TemplateError)
    -> TemplateExpression
  {
    let precedence = first.precedence
    var operands: [TemplateExpression] = []
    var comparisons: [TemplateComparison] = []
    var symbols: [TemplateSymbol] = []
    while let found = nextOperator, found.precedence == precedence {
      advance()
      switch found {
      case .comparison(let comparison, let tokens):
        if tokens == 2 { advance() }
        comparisons.append(comparison)
      case .arithmetic(let symbol, _): symbols.append(symbol)
      case .or, .and, .concatenation: break
      }
      operands.append(try operators(from: precedence + 1))
    }
    let kind: TemplateExpression.Kind
    switch first {
    case .or: kind = .or([left] + operands)
    case .and: kind = .and([left] + operands)
    case .concatenation: kind = .concatenation([left] + operands)
    case .comparison:
      var pairs: [(operation: TemplateComparison, operand: TemplateExpression)] = []
      for (index, operand) in operands.enumerated() { pairs.append((comparisons[index], operand)) }
      kind = .comparison(left, pairs)
    case .arithmetic:
      var pairs: [(operation: TemplateSymbol, operand: TemplateExpression)] = []
      for (index, operand) in operands.enumerated() { pairs.append((symbols[index], operand)) }
      kind = .arithmetic(left, pairs)
    }
    return TemplateExpression(position: left.position, kind: kind)
  }

  /// An operand, with `not` where an operator that binds less tightly may stand.
  private mutating func operand(_ minimum: Int) throws(TemplateError) -> TemplateExpression {
    let start = position
    guard minimum <= Precedence.not, isName("not") else { return try unary(takesFilters: true) }
    var isNegated = false
    while skip(name: "not") { isNegated.toggle() }
    let operand = try operators(from: Precedence.comparison)
    let not = TemplateExpression(position: start, kind: .not(operand))
    return isNegated ? not : TemplateExpression(position: start, kind: .not(not))
  }

  private mutating func unary(takesFilters: Bool) throws(TemplateError) -> TemplateExpression {
    let start = position
    var result: TemplateExpression
    let isNegative = isSymbol(.subtract)
    if isNegative || isSymbol(.add) {
      advance()
      try enter()
      let operand = try unary(takesFilters: false)
      leave()
      result = TemplateExpression(position: start, kind: isNegative ? .negative(operand) : .positive(operand))
    } else {
      result = try primary()
    }
    var postfixes = try members()
    if takesFilters { try filters(into: &postfixes) }
    if !postfixes.isEmpty { result = TemplateExpression(position: start, kind: .postfix(result, postfixes)) }
    return result
  }

  // MARK: Primaries

  private mutating func primary() throws(TemplateError) -> TemplateExpression {
    let start = position
    switch current.kind {
    case .name(let name):
      if name.equals("not") || name.equals("in") || name.equals("is") { throw unexpected("an expression") }
      advance()
      if let constant = Self.constant(name) { return TemplateExpression(position: start, kind: .constant(constant)) }
      return TemplateExpression(position: start, kind: .name(reference(name)))
    case .string(var text):
      advance()
      while case .string(let more) = current.kind {
        text += more
        advance()
      }
      return TemplateExpression(position: start, kind: .constant(.string(text)))
    case .int(let value):
      advance()
      return TemplateExpression(position: start, kind: .constant(.int(value)))
    case .double(let value):
      advance()
      return TemplateExpression(position: start, kind: .constant(.double(value)))
    case .symbol(.openParenthesis):
      advance()
      let result = try tuple(allowsEmpty: true)
      try expect(.closeParenthesis)
      return result
    case .symbol(.openBracket):
      return TemplateExpression(position: start, kind: .list(try elements()))
    case .symbol(.openBrace):
      return TemplateExpression(position: start, kind: .mapping(try pairs()))
    default:
      throw unexpected("an expression")
    }
  }

  private mutating func elements() throws(TemplateError) -> [TemplateExpression] {
    var elements: [TemplateExpression] = []
    try expect(.openBracket)
    while !isSymbol(.closeBracket) {
      elements.append(try expression())
      guard skip(.comma) else { break }
    }
    try expect(.closeBracket)
    return elements
  }

  private mutating func pairs() throws(TemplateError) -> [(key: TemplateExpression, value: TemplateExpression)] {
    var pairs: [(key: TemplateExpression, value: TemplateExpression)] = []
    try expect(.openBrace)
    while !isSymbol(.closeBrace) {
      let key = try expression()
      try expect(.colon)
      pairs.append((key, try expression()))
      guard skip(.comma) else { break }
    }
    try expect(.closeBrace)
    return pairs
  }

  // MARK: Postfixes

  /// Attributes, subscripts and calls.
  private mutating func members() throws(TemplateError) -> [TemplatePostfix] {
    var postfixes: [TemplatePostfix] = []
    while true {
      let start = position
      switch current.kind {
      case .symbol(.dot):
        advance()
        if case .int(let index) = current.kind {
          let item = TemplateExpression(position: position, kind: .constant(.int(index)))
          postfixes.append(TemplatePostfix(position: start, kind: .item(item)))
          advance()
        } else {
          postfixes.append(TemplatePostfix(position: start, kind: .attribute(try expectName())))
        }
      case .symbol(.openBracket):
        advance()
        postfixes.append(TemplatePostfix(position: start, kind: try subscripted()))
        try expect(.closeBracket)
      case .symbol(.openParenthesis):
        postfixes.append(TemplatePostfix(position: start, kind: .call(try arguments())))
      default:
        return postfixes
      }
    }
  }

  /// An index or a slice, after the bracket.
  private mutating func subscripted() throws(TemplateError) -> TemplatePostfix.Kind {
    var parts: [TemplateExpression?] = [nil, nil, nil]
    var part = 0
    while true {
      if skip(.colon) {
        part += 1
        guard part < 3 else { throw fail("a slice has at most three parts: [start:end:step]") }
      } else if isSymbol(.closeBracket) {
        break
      } else if parts[part] == nil {
        parts[part] = try expression()
      } else {
        throw unexpected("']'")
      }
    }
    if part > 0 { return .slice(parts[0], parts[1], parts[2]) }
    guard let item = parts[0] else { throw unexpected("an index") }
    return .item(item)
  }

  /// Filters, tests and calls of their results.
  private mutating func filters(into postfixes: inout [TemplatePostfix]) throws(TemplateError) {
    while true {
      let start = position
      if skip(.pipe) {
        postfixes.append(try filterCall())
      } else if isName("is") {
        advance()
        postfixes.append(try test())
      } else if isSymbol(.openParenthesis) {
        postfixes.append(TemplatePostfix(position: start, kind: .call(try arguments())))
      } else {
        return
      }
    }
  }

  /// A filter's name and arguments, after the pipe.
  mutating func filterCall() throws(TemplateError) -> TemplatePostfix {
    let start = position
    let name = try dottedName()
    let arguments = isSymbol(.openParenthesis) ? try arguments() : TemplateArgumentList()
    return TemplatePostfix(position: start, kind: .filter(name, arguments))
  }

  private mutating func dottedName() throws(TemplateError) -> [UInt8] {
    var name = try expectName()
    while skip(.dot) { name += [UInt8(ascii: ".")] + (try expectName()) }
    return name
  }

  /// A test's name and arguments, after `is`.
  private mutating func test() throws(TemplateError) -> TemplatePostfix {
    let start = position
    let isNegated = skip(name: "not")
    let name = try dottedName()
    var list = TemplateArgumentList()
    switch current.kind {
    case .symbol(.openParenthesis):
      list = try arguments()
    case .name(let word):
      if word.equals("is") { throw fail("tests cannot be chained; use 'and'") }
      let isArgument = !["else", "or", "and", "if", "in", "not", "recursive"].contains { word.equals($0) }
      if isArgument { list.positional = [try testArgument()] }
    case .string, .int, .double, .symbol(.openBracket), .symbol(.openBrace):
      list.positional = [try testArgument()]
    default: break
    }
    return TemplatePostfix(position: start, kind: .test(name, list, isNegated: isNegated))
  }

  private mutating func testArgument() throws(TemplateError) -> TemplateExpression {
    try enter()
    let argument = try primary()
    let postfixes = try members()
    leave()
    if postfixes.isEmpty { return argument }
    return TemplateExpression(position: argument.position, kind: .postfix(argument, postfixes))
  }

  /// Arguments in parentheses.
  private mutating func arguments() throws(TemplateError) -> TemplateArgumentList {
    var list = TemplateArgumentList()
    try expect(.openParenthesis)
    while !isSymbol(.closeParenthesis) {
      if skip(.multiply) {
        guard list.positionalRest == nil else { throw fail("a second '*' argument") }
        list.positionalRest = try expression()
      } else if skip(.power) {
        guard list.keywordRest == nil else { throw fail("a second '**' argument") }
        list.keywordRest = try expression()
      } else if case .name(let name) = current.kind, case .symbol(.assign) = next.kind {
        advance()
        advance()
        list.keywords.append((name, try expression()))
      } else {
        guard list.keywords.isEmpty, list.positionalRest == nil, list.keywordRest == nil else {
          throw fail("an argument without a name follows one with a name")
        }
        list.positional.append(try expression())
      }
      guard skip(.comma) else { break }
    }
    try expect(.closeParenthesis)
    return list
  }
}
