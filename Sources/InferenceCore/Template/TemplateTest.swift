/// The tests that templates can use after `is`, and by name in `select` and its like.
enum TemplateTest: CaseIterable {
  case boolean, callable, defined, divisibleby, equal, even, `false`, filter, float, greater, greaterOrEqual, `in`
  case integer, iterable, less, lessOrEqual, lower, mapping, none, notEqual, number, odd, sameas, sequence, string, test
  case `true`, undefined, upper

  /// The test's names; the first is its proper one.
  var names: [StaticString] {
    switch self {
    case .boolean: ["boolean"]
    case .callable: ["callable"]
    case .defined: ["defined"]
    case .divisibleby: ["divisibleby"]
    case .equal: ["eq", "equalto", "=="]
    case .even: ["even"]
    case .false: ["false"]
    case .filter: ["filter"]
    case .float: ["float"]
    case .greater: ["gt", "greaterthan", ">"]
    case .greaterOrEqual: ["ge", ">="]
    case .in: ["in"]
    case .integer: ["integer"]
    case .iterable: ["iterable"]
    case .less: ["lt", "lessthan", "<"]
    case .lessOrEqual: ["le", "<="]
    case .lower: ["lower"]
    case .mapping: ["mapping"]
    case .none: ["none"]
    case .notEqual: ["ne", "!="]
    case .number: ["number"]
    case .odd: ["odd"]
    case .sameas: ["sameas"]
    case .sequence: ["sequence"]
    case .string: ["string"]
    case .test: ["test"]
    case .true: ["true"]
    case .undefined: ["undefined"]
    case .upper: ["upper"]
    }
  }

  init?(_ name: [UInt8]) {
    for test in Self.allCases where test.names.contains(where: { name.equals($0) }) {
      self = test
      return
    }
    return nil
  }
}

extension TemplateInterpreter {
  /// The test of a name; the error about an unknown one lists those that exist.
  func test(named name: [UInt8]) throws(TemplateError) -> TemplateTest {
    if let test = TemplateTest(name) { return test }
    throw unknown("test", name, known: TemplateTest.allCases.map { $0.names[0] })
  }

  /// Whether a value passes a test.
  func test(
    _ test: TemplateTest, _ value: TemplateValue, _ arguments: TemplateArguments
  ) throws(TemplateError) -> Bool {
    switch test {
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .in, .divisibleby, .sameas:
      return try comparisonTest(test, value, try bind(arguments, test.names[0], "other", required: 1)[0] ?? .none)
    default:
      _ = try bind(arguments, test.names[0])
    }
    switch (test, value) {
    case (.defined, .undefined): return false
    case (.defined, _): return true
    case (.undefined, .undefined): return true
    case (.none, .none): return true
    case (.boolean, .bool): return true
    case (.true, .bool(let bool)): return bool
    case (.false, .bool(let bool)): return !bool
    case (.integer, .int): return true
    case (.float, .double): return true
    case (.number, .int), (.number, .double), (.number, .bool): return true
    case (.string, .string): return true
    case (.mapping, .mapping): return true
    case (.odd, _): return try isEqual(try arithmetic(.modulo, value, .int(2)), .int(1))
    case (.even, _): return try isEqual(try arithmetic(.modulo, value, .int(2)), .int(0))
    case (.lower, _), (.upper, _): return isCase(try text(of: value), lower: test == .lower)
    case (.filter, .string(let name)): return TemplateFilter.allCases.contains { name.equals($0.name) }
    case (.test, .string(let name)): return TemplateTest(name) != nil
    case (.callable, .object(let object)): return object.isCallable
    case (.sequence, .string), (.sequence, .list), (.sequence, .tuple), (.sequence, .mapping), (.sequence, .undefined):
      return true
    case (.iterable, .string), (.iterable, .list), (.iterable, .tuple), (.iterable, .mapping), (.iterable, .undefined):
      return true
    case (.iterable, .object(let object)): return object.isIterable
    default: return false
    }
  }

  private func comparisonTest(
    _ test: TemplateTest, _ value: TemplateValue, _ other: TemplateValue
  ) throws(TemplateError) -> Bool {
    switch test {
    case .equal: return try holds(.equal, value, other)
    case .notEqual: return try holds(.notEqual, value, other)
    case .less: return try holds(.less, value, other)
    case .lessOrEqual: return try holds(.lessOrEqual, value, other)
    case .greater: return try holds(.greater, value, other)
    case .greaterOrEqual: return try holds(.greaterOrEqual, value, other)
    case .in: return try holds(.contained, value, other)
    case .divisibleby: return try !isTrue(arithmetic(.modulo, value, other))
    default: return try isSame(value, other)
    }
  }

  /// Python's `is`, as far as values without identity can tell: equal, and of the same type.
  private func isSame(_ left: TemplateValue, _ right: TemplateValue) throws(TemplateError) -> Bool {
    switch (left, right) {
    case (.bool(let left), .bool(let right)): return left == right
    case (.bool, _), (_, .bool): return false
    case (.int(let left), .int(let right)): return left == right
    case (.int, _), (_, .int): return false
    default: return try isEqual(left, right)
    }
  }
}

extension TemplateObject {
  fileprivate var isCallable: Bool {
    switch kind {
    case .function, .method, .macro, .loop: true
    case .namespace, .generator, .view: false
    }
  }

  fileprivate var isIterable: Bool {
    switch kind {
    case .generator, .view, .loop: true
    case .namespace, .function, .method, .macro: false
    }
  }
}
