import InferenceCore
import Testing

@Suite struct JSONTests {
  private static func text(_ value: TemplateValue, _ style: JSON.Style = JSON.Style()) throws -> String {
    String(decoding: try JSON.serialize(value, style: style), as: UTF8.self)
  }

  @Test(arguments: [
    (
      #" {"b" : [1, 2.50, -0, 1e2], "a": {"x": null, "y": true}} "#,
      #"{"b": [1, 2.5, 0, 100.0], "a": {"x": null, "y": true}}"#
    ),
    (#""\u00e9\ud83d\ude00\n\/\\\"\b""#, #""é😀\n/\\\"\b""#),
    (#""\ud800x\udc00""#, "\"\u{FFFD}x\u{FFFD}\""),
    (#"{"a": 1, "a": 2}"#, #"{"a": 2}"#),
    ("[]", "[]"), ("{}", "{}"), ("-1.5E-3", "-0.0015"), ("9223372036854775807", "9223372036854775807"),
    ("-9223372036854775808", "-9223372036854775808"), ("9223372036854775808", "9.223372036854776e+18"),
    ("1e999", "Infinity"), ("1e-999", "0.0"), ("0.1", "0.1"), (#""\u0000""#, #""\u0000""#),
  ])
  func readsAndWrites(source: String, expected: String) throws {
    #expect(try Self.text(try JSON.parse(Array(source.utf8))) == expected)
  }

  @Test(arguments: [
    ("", 0), ("  ", 2), ("[1,]", 3), ("[1 2]", 3), (#"{"a" 1}"#, 5), (#"{a: 1}"#, 1), ("[1] x", 4), ("nul", 0),
    ("01", 0),
    ("1.", 2), ("-", 1), ("1e", 2), ("\"a", 0), ("\"\u{0001}\"", 1), (#""\x""#, 2), (#""\u12G4""#, 5), ("[", 1),
    (#"{"a":"#, 5), ("+1", 0), ("'a'", 0), ("NaN", 0), ("]", 0),
  ])
  func malformedTextIsRefusedWithItsPlace(source: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { try JSON.parse(Array(source.utf8)) }
    #expect(error?.offset == offset, "\(error?.message ?? "")")
  }

  @Test func malformedUTF8IsRefused() {
    for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
      #expect(throws: JSONError.self) { try JSON.parse(bytes) }
    }
  }

  @Test func depthIsBoundedBothWays() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSONError.self) { try JSON.parse(Array(deep.utf8)) }
    let allowed = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(try Self.text(try JSON.parse(Array(allowed.utf8))) == allowed)
    var value = TemplateValue.none
    for _ in 0..<300 { value = .list([value]) }
    #expect(throws: JSONError.self) { try JSON.serialize(value) }
  }

  @Test func stylesLayTextOut() throws {
    let value = try JSON.parse(Array(#"{"b": [1, {}], "a": "é😀"}"#.utf8))
    #expect(try Self.text(value, .compact) == #"{"b":[1,{}],"a":"é😀"}"#)
    var style = JSON.Style()
    style.indentation = Array("  ".utf8)
    style.sortsKeys = true
    style.escapesNonASCII = true
    #expect(try Self.text(value, style) == "{\n  \"a\": \"\\u00e9\\ud83d\\ude00\",\n  \"b\": [\n    1,\n    {}\n  ]\n}")
  }

  @Test func undefinedValuesHaveNoForm() {
    let error = #expect(throws: JSONError.self) {
      try JSON.serialize(.list([.undefined(Array("'x' is undefined".utf8))]))
    }
    #expect(error?.message == "'x' is undefined, so it has no JSON form")
  }

  /// The standard library's conversions are the oracle; the engine cannot use them.
  @Test func doublesSurviveWithTheFewestDigits() throws {
    var random = SplitMix(state: 7)
    var values: [Double] = [
      0.1, 1e16, 1e15, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .leastNormalMagnitude, 123.456, 1e23, 9.5,
    ]
    for power in -1074...1023 { values.append(Double(sign: .plus, exponent: power, significand: 1)) }
    for _ in 0..<3000 {
      let value = Double(bitPattern: random.next())
      if value.isFinite { values.append(value) }
      values.append(Double(random.below(1_000_000)) / 1000)
    }
    for value in values {
      let text = try Self.text(.double(value))
      #expect(Double(text) == value, "\(value)")
      #expect(Self.digits(text) == Self.digits(value.description), "\(value)")
      guard case .double(let parsed) = try JSON.parse(Array(value.description.utf8)) else {
        Issue.record("\(value) is not read as a double")
        continue
      }
      #expect(parsed == value, "\(value)")
    }
  }

  @Test func decimalsAreReadToTheNearestDouble() throws {
    var random = SplitMix(state: 11)
    for _ in 0..<3000 {
      var text = String(1 + random.below(9))
      for _ in 0..<random.below(40) { text += String(random.below(10)) }
      text += ".\(random.next())e\(random.below(660) - 340)"
      guard case .double(let parsed) = try JSON.parse(Array(text.utf8)) else { continue }
      #expect(parsed == Double(text), "\(text)")
    }
  }

  /// The digits that matter: without sign, point, exponent and outer zeros.
  private static func digits(_ text: String) -> String {
    let mantissa = text.split(separator: "e")[0].filter { $0.isNumber }
    let trimmed = mantissa.drop { $0 == "0" }
    return String(trimmed.reversed().drop { $0 == "0" }.reversed())
  }

  @Test func mutatedTextNeverCrashes() {
    var random = SplitMix(state: 3)
    let sources = [
      #"{"a": [1, 2.5e3, "x\u00e9\n"], "b": {"c": null, "d": [true, false, {}]}}"#, #"["😀", -0.0, [[[]]]]"#,
    ]
    .map { Array($0.utf8) }
    let pieces = ["{", "}", "[", "]", "\"", "\\", ",", ":", "1e9", "\\u12", "null"].map { Array($0.utf8) }
    for _ in 0..<20_000 {
      var source = sources[random.below(sources.count)]
      for _ in 0..<(1 + random.below(4)) { random.mutate(&source, with: pieces, others: sources) }
      guard let value = try? JSON.parse(source) else { continue }
      // What was read must be written and read again as itself.
      let written = try? JSON.serialize(value)
      #expect(written != nil)
    }
  }
}
