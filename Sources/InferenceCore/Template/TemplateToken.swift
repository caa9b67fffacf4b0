/// One token of a template: text outside of tags, a tag's bounds, or a word of the expression language.
struct TemplateToken {
  enum Kind {
    case text([UInt8])
    case outputBegin
    case outputEnd
    case tagBegin
    case tagEnd
    case name([UInt8])
    case string([UInt8])
    case int(Int64)
    case double(Double)
    case symbol(TemplateSymbol)
    case end
  }

  var kind: Kind
  var position: SourcePosition
}

/// The operators and brackets of the expression language.
enum TemplateSymbol: CaseIterable {
  // Longer ones first, so that the first that matches is the right one.
  case floorDivide, power, equal, notEqual, lessOrEqual, greaterOrEqual
  case add, subtract, multiply, divide, modulo, concatenate, less, greater, assign
  case dot, colon, pipe, comma, semicolon
  case openParenthesis, closeParenthesis, openBracket, closeBracket, openBrace, closeBrace

  var text: StaticString {
    switch self {
    case .floorDivide: "//"
    case .power: "**"
    case .equal: "=="
    case .notEqual: "!="
    case .lessOrEqual: "<="
    case .greaterOrEqual: ">="
    case .add: "+"
    case .subtract: "-"
    case .multiply: "*"
    case .divide: "/"
    case .modulo: "%"
    case .concatenate: "~"
    case .less: "<"
    case .greater: ">"
    case .assign: "="
    case .dot: "."
    case .colon: ":"
    case .pipe: "|"
    case .comma: ","
    case .semicolon: ";"
    case .openParenthesis: "("
    case .closeParenthesis: ")"
    case .openBracket: "["
    case .closeBracket: "]"
    case .openBrace: "{"
    case .closeBrace: "}"
    }
  }

  /// The bracket that closes this one, if it opens.
  var closing: TemplateSymbol? {
    switch self {
    case .openParenthesis: .closeParenthesis
    case .openBracket: .closeBracket
    case .openBrace: .closeBrace
    default: nil
    }
  }

  var isClosing: Bool {
    self == .closeParenthesis || self == .closeBracket || self == .closeBrace
  }
}

extension TemplateToken {
  /// How an error message names the token.
  var description: String {
    switch kind {
    case .text: "text"
    case .outputBegin: "'{{'"
    case .outputEnd: "'}}'"
    case .tagBegin: "'{%'"
    case .tagEnd: "'%}'"
    case .name(let name): "'\(String(decoding: name, as: UTF8.self))'"
    case .string: "a string"
    case .int, .double: "a number"
    case .symbol(let symbol): "'\(String(decoding: symbol.text.bytes, as: UTF8.self))'"
    case .end: "the end of the template"
    }
  }
}
