extension TemplateValue {
  /// Python's name of the value's type, for messages.
  var typeName: String {
    switch self {
    case .undefined: "undefined"
    case .none: "none"
    case .bool: "bool"
    case .int: "int"
    case .double: "float"
    case .string: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .mapping: "dict"
    case .object(let object):
      switch object.kind {
      case .namespace: "namespace"
      case .loop: "loop"
      case .macro: "macro"
      case .generator: "generator"
      case .function: "function"
      case .method: "method"
      case .view(let view, _):
        switch view {
        case .keys: "dict_keys"
        case .values: "dict_values"
        case .items: "dict_items"
        }
      }
    }
  }

  /// Whether the value can be an index.
  var isWhole: Bool {
    switch self {
    case .int, .bool: true
    default: false
    }
  }
}

/// Writes values as Python's `repr`, up to a length.
private struct RepresentationWriter {
  let limit: Int
  var output: [UInt8] = []

  mutating func write(_ value: TemplateValue) {
    guard output.count <= limit else { return }
    switch value {
    case .undefined: output += "Undefined".bytes
    case .none: output += "None".bytes
    case .bool(let bool): output += bool ? "True".bytes : "False".bytes
    case .int(let int): output += DecimalConversion.integer(int)
    case .double(let double): output += DecimalConversion.text(double)
    case .string(let text): output += PythonString.quoted(text)
    case .list(let elements):
      output.append(UInt8(ascii: "["))
      write(elements)
      output.append(UInt8(ascii: "]"))
    case .tuple(let elements):
      output.append(UInt8(ascii: "("))
      write(elements)
      if elements.count == 1 { output.append(UInt8(ascii: ",")) }
      output.append(UInt8(ascii: ")"))
    case .mapping(let mapping):
      output.append(UInt8(ascii: "{"))
      for (index, entry) in mapping.entries.enumerated() {
        if index > 0 { output += ", ".bytes }
        write(entry.key)
        output += ": ".bytes
        write(entry.value)
      }
      output.append(UInt8(ascii: "}"))
    case .object(let object):
      if case .view(let view, let mapping) = object.kind {
        output += "\(value.typeName)([".bytes
        write(mapping.elements(of: view))
        output += "])".bytes
      } else {
        output += "<\(value.typeName)>".bytes
      }
    }
  }

  private mutating func write(_ elements: [TemplateValue]) {
    for (index, element) in elements.enumerated() {
      if index > 0 { output += ", ".bytes }
      write(element)
    }
  }
}

extension TemplateInterpreter {
  /// A value as Python's `str` shows it; an undefined one is empty.
  func text(of value: TemplateValue) throws(TemplateError) -> [UInt8] {
    switch value {
    case .string(let text): return text
    case .undefined: return []
    default: return try representation(of: value)
    }
  }

  /// A value as Python's `repr` shows it.
  func representation(of value: TemplateValue) throws(TemplateError) -> [UInt8] {
    var writer = RepresentationWriter(limit: limits.outputBytes)
    writer.write(value)
    try charge(bytes: writer.output.count)
    return writer.output
  }
}
