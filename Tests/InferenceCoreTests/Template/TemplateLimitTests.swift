import InferenceCore
import Testing

/// Hostile templates end with an error, soon and without a crash.
@Suite struct TemplateLimitTests {
  typealias Rendering = TemplateOutcome

  private static func repeated(_ text: String, _ count: Int = 20_000) -> String {
    String(repeating: text, count: count)
  }

  @Test(arguments: [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% macro m(f) %}{{ [[[[[[[[f(f)]]]]]]]] }}{% endmacro %}{{ m(m) }}",
    "{% set ns = namespace(x='x') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[]) %}{% for i in range(999) %}{% set ns.x = [ns.x] %}{% endfor %}",
    "{% set ns = namespace(x=[]) %}{% for i in range(999) %}{% set ns.x = {'k': ns.x}.items()|list %}{% endfor %}",
    "{% set ns = namespace(x={}) %}{% for i in range(999) %}{% set ns.x = dict(a=ns.x) %}{% endfor %}",
    "{% macro m() %}{% set ns.x = varargs %}{% endmacro %}{% set ns = namespace(x=[]) %}"
      + "{% for i in range(999) %}{{ m(ns.x) }}{% endfor %}",
    "{{ 'a' * 10 ** 18 }}", "{{ [1] * 10 ** 18 }}", "{{ range(10 ** 9) }}", "{{ 'a'.ljust(10 ** 12) }}",
    "{{ 'a'|center(10 ** 12) }}", "{{ '%999999999d' % 1 }}", "{{ '%.999999f' % 1.5 }}",
    "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", "{{ ('a' * 1000000)|replace('', 'b' * 1000000) }}",
    "{{ (['a' * 1000000] * 100000)|join }}", "{{ ['a' * 1000000] * 100000 }}",
    "{{ (['a' * 1000000] * 100000)|tojson }}", "{{ ([1] * 100000)|tojson(indent=1000) }}",
    "{{ ('a\n' * 1000000)|indent(1000000) }}",
    "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% set t = s|upper %}{% endfor %}",
    "{% set s = 'a' * 9000000 %}{% set t = 'a' * 9000000 %}{% for i in range(99999) %}{% if s == t %}{% endif %}{% endfor %}",
  ])
  func whatGrowsWithoutEndIsStopped(template: String) {
    let start = ContinuousClock.now
    let error = Rendering.failure(template)
    // Debug builds on a busy machine are slow; what is bounded must not take minutes even there.
    #expect(ContinuousClock.now - start < .seconds(100))
    guard let error else { return }
    #expect(error.kind == .limit || error.kind == .evaluation, "\(error.description)")
  }

  @Test(arguments: [
    "{{ " + repeated("(") + "1" + repeated(")") + " }}", "{{ " + repeated("[") + repeated("]") + " }}",
    "{{ " + repeated("{1:") + "1" + repeated("}") + " }}", "{{ " + repeated("- ") + "1 }}",
    "{{ " + repeated("1 if 1 else ") + "1 }}", "{{ x" + repeated("[x", 9999) + repeated("]", 9999) + " }}",
    repeated("{% if 1 %}") + repeated("{% endif %}"), repeated("{% for x in [1] %}") + repeated("{% endfor %}"),
    repeated("{% set x %}") + repeated("{% endset %}"), "{% set " + repeated("(") + "x" + repeated(")") + " = 1 %}",
  ])
  func deepNestingIsRefused(template: String) {
    #expect(Rendering.failure(template)?.kind == .limit)
  }

  @Test(arguments: [
    ("{{ " + repeated("1 + ") + "1 }}", "20001"), ("{{ " + repeated("not ") + "1 }}", "True"),
    ("{{ 1" + repeated("|string") + " }}", "1"),
    ("{% if 0 %}" + repeated("{% elif 0 %}") + "{% else %}x{% endif %}", "x"),
    ("{{ " + repeated("1 and ") + "2 }}", "2"), ("{{ " + repeated("1 == ") + "1 }}", "True"),
  ])
  func longChainsAreNotDeep(template: String, expected: String) throws {
    #expect(try Rendering.render(template) == expected)
  }

  @Test func limitsCanBeSet() {
    var limits = TemplateLimits()
    limits.steps = 100
    #expect(Rendering.failure("{% for i in range(100) %}{{ i }}{% endfor %}", limits: limits)?.kind == .limit)
    limits = TemplateLimits()
    limits.outputBytes = 10
    #expect(Rendering.failure("{% for i in range(100) %}{{ i }}{% endfor %}", limits: limits)?.kind == .limit)
    limits = TemplateLimits()
    limits.producedBytes = 1000
    #expect(
      Rendering.failure("{% for i in range(999) %}{% set x = 'ab' ~ i %}{% endfor %}", limits: limits)?.kind == .limit)
  }

  @Test func variablesThatAreTooDeepAreRefused() {
    var value = TemplateValue.none
    for _ in 0..<150 { value = .list([value]) }
    var variables = TemplateMapping()
    variables["x"] = value
    #expect(Rendering.failure("{{ x }}", variables)?.kind == .limit)
  }

  @Test func mutatedTemplatesNeverCrashOrHang() throws {
    let snippets = try TemplateTests.snippets.get()
    let variables = try #require(snippets["variables"]?.mapping)
    let sources = try #require(snippets["rendered"]?.elements).compactMap { $0["template"]?.bytes }
    let pieces: [[UInt8]] = [
      "{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-", "(", ")", "[", "]", "{", "}", "|", ".", ",", ":", "'", "\"",
      "\\",
      "\n", " ", "if ", "else", "for ", " in ", "endif", "endfor", "set ", "macro ", "not ", "is ", "1e999", "0x", "-1",
      "9999999999", "\u{00E9}", "\u{1F600}", "**", "//", "%", "~", "loop", "ns.x", "none", "messages", "*", "range(9)",
    ].map { Array($0.utf8) }
    var limits = TemplateLimits()
    limits.steps = 20_000
    limits.outputBytes = 1 << 16
    limits.producedBytes = 1 << 20
    var random = SplitMix(state: 20_261_122)
    var rendered = 0
    var failed = 0
    for _ in 0..<6000 {
      var source = sources[random.below(sources.count)]
      for _ in 0..<(1 + random.below(4)) { random.mutate(&source, with: pieces, others: sources) }
      do throws(TemplateError) {
        _ = try ChatTemplate(source).render(variables, now: TemplateOutcome.now, limits: limits)
        rendered += 1
      } catch {
        #expect(error.line >= 1 && error.column >= 1 && !error.message.isEmpty)
        failed += 1
      }
    }
    // Both must happen often, or the mutations test nothing.
    #expect(rendered > 300 && failed > 1000, "\(rendered) rendered, \(failed) failed")
  }
}

/// A small generator with the same numbers on every machine (Steele, Lea and Flood, 2014).
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  mutating func below(_ count: Int) -> Int {
    Int(next() % UInt64(count))
  }

  /// Removes, inserts, doubles, changes or splices.
  mutating func mutate(_ bytes: inout [UInt8], with pieces: [[UInt8]], others: [[UInt8]]) {
    let place = below(bytes.count + 1)
    let end = min(place + 1 + below(8), bytes.count)
    switch below(6) {
    case 0: bytes.removeSubrange(place..<end)
    case 1: bytes.insert(contentsOf: pieces[below(pieces.count)], at: place)
    case 2: bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
    case 3: if place < bytes.count { bytes[place] = UInt8(truncatingIfNeeded: next()) }
    case 4: bytes.replaceSubrange(place..<end, with: pieces[below(pieces.count)])
    default:
      let other = others[below(others.count)]
      bytes.replaceSubrange(place..., with: other[below(other.count + 1)...])
    }
  }
}
