/// A variable's name, as an index into the template's table of names.
typealias TemplateName = Int

/// One statement of a template.
indirect enum TemplateStatement: Sendable {
  case text([UInt8])
  case output(TemplateExpression)
  /// `if`, `elif`, … with their bodies, and `else`.
  case conditional([(condition: TemplateExpression, body: [TemplateStatement])], otherwise: [TemplateStatement])
  case loop(TemplateLoop)
  case assign(TemplateTarget, TemplateExpression)
  /// `{% set x %}…{% endset %}`, through filters.
  case capture(TemplateTarget, [TemplatePostfix], body: [TemplateStatement])
  case macro(name: TemplateName, TemplateMacro)
  /// `{% call(parameters) function(arguments) %}body{% endcall %}`: the body becomes the function's `caller`.
  case call(TemplateMacro, TemplateExpression)
  case filter([TemplatePostfix], body: [TemplateStatement])
  case with([(target: TemplateTarget, value: TemplateExpression)], body: [TemplateStatement])
  /// A body with variables of its own (`{% generation %}`).
  case scope([TemplateStatement])
  case leaveLoop(SourcePosition)
  case nextIteration(SourcePosition)
}

/// A `for` statement.
struct TemplateLoop: Sendable {
  var target: TemplateTarget
  var sequence: TemplateExpression
  var condition: TemplateExpression?
  var isRecursive: Bool
  var body: [TemplateStatement]
  var otherwise: [TemplateStatement]
}

/// A macro or the body of a `call` block.
struct TemplateMacro: Sendable {
  var name: [UInt8]
  var parameters: [(name: TemplateName, label: [UInt8], standard: TemplateExpression?)]
  var body: [TemplateStatement]
  /// Whether the body names `varargs`, `kwargs` or `caller`, which makes the macro accept them.
  var usesPositionalRest = false
  var usesKeywordRest = false
  var usesCaller = false
}

/// What a value is assigned to.
indirect enum TemplateTarget: Sendable {
  case name(TemplateName)
  /// An attribute of a namespace.
  case attribute(of: TemplateName, [UInt8], SourcePosition)
  case tuple([TemplateTarget], SourcePosition)
}

/// An expression and where it starts.
///
/// Chains of operators and of postfixes are lists, so that the depth of the tree is the nesting a person wrote.
struct TemplateExpression: Sendable {
  indirect enum Kind: Sendable {
    case constant(TemplateValue)
    case name(TemplateName)
    case list([TemplateExpression])
    case tuple([TemplateExpression])
    case mapping([(key: TemplateExpression, value: TemplateExpression)])
    case negative(TemplateExpression)
    case positive(TemplateExpression)
    case not(TemplateExpression)
    /// Operators of one precedence, applied from left to right.
    case arithmetic(TemplateExpression, [(operation: TemplateSymbol, operand: TemplateExpression)])
    case concatenation([TemplateExpression])
    case comparison(TemplateExpression, [(operation: TemplateComparison, operand: TemplateExpression)])
    case and([TemplateExpression])
    case or([TemplateExpression])
    case conditional(TemplateExpression, condition: TemplateExpression, otherwise: TemplateExpression?)
    case postfix(TemplateExpression, [TemplatePostfix])
  }

  var position: SourcePosition
  var kind: Kind
}

enum TemplateComparison: Sendable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual, contained, notContained
}

/// Something applied to the value before it.
struct TemplatePostfix: Sendable {
  enum Kind: Sendable {
    case attribute([UInt8])
    case item(TemplateExpression)
    case slice(TemplateExpression?, TemplateExpression?, TemplateExpression?)
    case call(TemplateArgumentList)
    case filter([UInt8], TemplateArgumentList)
    case test([UInt8], TemplateArgumentList, isNegated: Bool)
  }

  var position: SourcePosition
  var kind: Kind
}

/// Arguments as written in a call.
struct TemplateArgumentList: Sendable {
  var positional: [TemplateExpression] = []
  var keywords: [(name: [UInt8], value: TemplateExpression)] = []
  /// `*list`
  var positionalRest: TemplateExpression?
  /// `**mapping`
  var keywordRest: TemplateExpression?
}
