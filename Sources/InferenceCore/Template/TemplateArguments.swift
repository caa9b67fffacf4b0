/// The values a function, method, macro, filter or test is called with.
struct TemplateArguments {
  var positional: [TemplateValue] = []
  var keywords: [(name: [UInt8], value: TemplateValue)] = []

  var isEmpty: Bool { positional.isEmpty && keywords.isEmpty }
}

extension TemplateInterpreter {
  /// The values for parameters in order, nil where none is given; throws when the arguments do not fit.
  func bind(
    _ arguments: TemplateArguments, _ what: StaticString, _ parameters: StaticString..., required: Int = 0
  ) throws(TemplateError) -> [TemplateValue?] {
    let name = String(decoding: what.bytes, as: UTF8.self)
    guard arguments.positional.count <= parameters.count else {
      throw fail("'\(name)' takes at most \(parameters.count) arguments, found \(arguments.positional.count)")
    }
    var values: [TemplateValue?] = []
    for value in arguments.positional { values.append(value) }
    while values.count < parameters.count { values.append(nil) }
    for keyword in arguments.keywords {
      let label = String(decoding: keyword.name, as: UTF8.self)
      guard let index = parameters.firstIndex(where: { keyword.name.equals($0) }) else {
        var known = ""
        for parameter in parameters { known += " '\(String(decoding: parameter.bytes, as: UTF8.self))'" }
        throw fail("'\(name)' has no argument '\(label)'; it has\(known.isEmpty ? " none" : known)")
      }
      guard values[index] == nil else { throw fail("'\(name)' is given its argument '\(label)' twice") }
      values[index] = keyword.value
    }
    for index in 0..<required where values[index] == nil {
      throw fail("'\(name)' needs an argument '\(String(decoding: parameters[index].bytes, as: UTF8.self))'")
    }
    return values
  }

  /// A whole number given as an argument.
  func whole(_ value: TemplateValue?, _ what: StaticString) throws(TemplateError) -> Int64? {
    guard let value else { return nil }
    if case .none = value { return nil }
    if case .int(let number)? = TemplateNumber(value) { return number }
    throw fail("'\(String(decoding: what.bytes, as: UTF8.self))' takes a whole number, found \(value.typeName)")
  }

  /// A string given as an argument or to a filter; nil for none.
  func string(_ value: TemplateValue?, _ what: StaticString) throws(TemplateError) -> [UInt8]? {
    guard let value else { return nil }
    switch value {
    case .string(let text): return text
    case .none: return nil
    case .undefined(let reason): throw fail(String(decoding: reason, as: UTF8.self))
    default:
      throw fail("'\(String(decoding: what.bytes, as: UTF8.self))' takes a string, found \(value.typeName)")
    }
  }
}
