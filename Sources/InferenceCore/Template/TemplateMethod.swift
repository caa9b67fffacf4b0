/// A method that a template can call on a value.
package enum TemplateMethod: Sendable {
  case text(TemplateTextMethod)
  case list(TemplateListMethod)
  case mapping(TemplateMappingMethod)
  case loop(TemplateLoopMethod)

  /// The method of this name that a value has.
  init?(_ name: [UInt8], of value: TemplateValue) {
    switch value {
    case .string:
      for method in TemplateTextMethod.allCases where name.equals(method.name) {
        self = .text(method)
        return
      }
    case .list, .tuple:
      for method in TemplateListMethod.allCases where name.equals(method.name) {
        self = .list(method)
        return
      }
    case .mapping:
      for method in TemplateMappingMethod.allCases where name.equals(method.name) {
        self = .mapping(method)
        return
      }
    case .object(let object):
      guard case .loop = object.kind else { return nil }
      for method in TemplateLoopMethod.allCases where name.equals(method.name) {
        self = .loop(method)
        return
      }
    default: break
    }
    return nil
  }

  /// Whether the name is a method of Python's type that would change the value, which the sandbox forbids.
  static func isForbidden(_ name: [UInt8], of value: TemplateValue) -> Bool {
    let names: [StaticString]
    switch value {
    case .list: names = ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"]
    case .mapping: names = ["clear", "pop", "popitem", "setdefault", "update"]
    default: return false
    }
    return names.contains { name.equals($0) }
  }
}

package enum TemplateListMethod: Sendable, CaseIterable {
  case count, index, copy

  var name: StaticString {
    switch self {
    case .count: "count"
    case .index: "index"
    case .copy: "copy"
    }
  }
}

package enum TemplateMappingMethod: Sendable, CaseIterable {
  case get, items, keys, values, copy

  var name: StaticString {
    switch self {
    case .get: "get"
    case .items: "items"
    case .keys: "keys"
    case .values: "values"
    case .copy: "copy"
    }
  }
}

package enum TemplateLoopMethod: Sendable, CaseIterable {
  case cycle, changed

  var name: StaticString {
    switch self {
    case .cycle: "cycle"
    case .changed: "changed"
    }
  }
}

package enum TemplateTextMethod: Sendable, CaseIterable {
  case capitalize, casefold, count, endswith, find, format, index, isalnum, isalpha, isdigit, islower, isspace, isupper
  case join, ljust, lower, lstrip, partition, removeprefix, removesuffix, replace, rfind, rindex, rjust, rpartition
  case rsplit, rstrip, split, splitlines, startswith, strip, title, upper, zfill

  var name: StaticString {
    switch self {
    case .capitalize: "capitalize"
    case .casefold: "casefold"
    case .count: "count"
    case .endswith: "endswith"
    case .find: "find"
    case .format: "format"
    case .index: "index"
    case .isalnum: "isalnum"
    case .isalpha: "isalpha"
    case .isdigit: "isdigit"
    case .islower: "islower"
    case .isspace: "isspace"
    case .isupper: "isupper"
    case .join: "join"
    case .ljust: "ljust"
    case .lower: "lower"
    case .lstrip: "lstrip"
    case .partition: "partition"
    case .removeprefix: "removeprefix"
    case .removesuffix: "removesuffix"
    case .replace: "replace"
    case .rfind: "rfind"
    case .rindex: "rindex"
    case .rjust: "rjust"
    case .rpartition: "rpartition"
    case .rsplit: "rsplit"
    case .rstrip: "rstrip"
    case .split: "split"
    case .splitlines: "splitlines"
    case .startswith: "startswith"
    case .strip: "strip"
    case .title: "title"
    case .upper: "upper"
    case .zfill: "zfill"
    }
  }
}

extension TemplateInterpreter {
  /// Calls a method of a value.
  func call(
    _ method: TemplateMethod, of base: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    try charge(lookingAt: base)
    switch (method, base) {
    case (.text(let method), .string(let text)):
      return try call(method, of: text, arguments)
    case (.list(let method), .list(let elements)), (.list(let method), .tuple(let elements)):
      return try call(method, of: elements, arguments)
    case (.mapping(let method), .mapping(let mapping)):
      return try call(method, of: mapping, arguments)
    case (.loop(let method), .object(let object)):
      guard case .loop(let index) = object.kind else { break }
      return method == .cycle ? try cycle(index, arguments) : try changed(index, arguments)
    default: break
    }
    throw fail("\(base.typeName) has no such method")
  }

  private func call(
    _ method: TemplateListMethod, of elements: [TemplateValue], _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    if method == .copy { return .list(elements) }
    let wanted = try bind(arguments, method.name, "value", required: 1)[0] ?? .none
    var count: Int64 = 0
    for (index, element) in elements.enumerated() where try isEqual(element, wanted) {
      if method == .index { return .int(Int64(index)) }
      count += 1
    }
    if method == .index { throw fail("the list does not contain the value that 'index' looks for") }
    return .int(count)
  }

  private func call(
    _ method: TemplateMappingMethod, of mapping: TemplateMapping, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    switch method {
    case .get:
      let values = try bind(arguments, "get", "key", "default", required: 1)
      return mapping.value(for: values[0] ?? .none) ?? values[1] ?? .none
    case .items: return .object(TemplateObject(.view(.items, of: mapping)))
    case .keys: return .object(TemplateObject(.view(.keys, of: mapping)))
    case .values: return .object(TemplateObject(.view(.values, of: mapping)))
    case .copy: return .mapping(mapping)
    }
  }
}
