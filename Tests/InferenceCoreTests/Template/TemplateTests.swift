import Foundation
import InferenceCore
import Testing

/// Renders templates in tests, with text in and out.
/// What templates make of variables, in slices of every size.
enum TemplateOutcome {
  /// What the snippets' generator takes for the present.
  static let now = TemplateDate(year: 2026, month: 3, day: 7, hour: 15, minute: 4, second: 9)

  static func render(
    _ template: String, _ variables: TemplateMapping = TemplateMapping(), limits: TemplateLimits = TemplateLimits()
  ) throws(TemplateError) -> String {
    let template = try ChatTemplate(Array(template.utf8))
    let text = try template.render(variables, now: now, limits: limits)
    for steps in [1, 7, 100] {
      let rendering = try TemplateRendering(template, variables, now: now, limits: limits)
      var slices = 1
      var cut = try rendering.advance(steps: steps)
      while cut == nil {
        cut = try rendering.advance(steps: steps)
        slices += 1
      }
      #expect(cut == text, "in \(slices) slices")
    }
    return String(decoding: text, as: UTF8.self)
  }

  static func json(_ text: String) throws -> TemplateValue {
    try JSON.parse(Array(text.utf8))
  }

  /// The error of a template that must fail.
  static func failure(
    _ template: String, _ variables: TemplateMapping = TemplateMapping(), limits: TemplateLimits = TemplateLimits()
  ) -> TemplateError? {
    do throws(TemplateError) {
      let text = try render(template, variables, limits: limits)
      Issue.record("expected an error from \(template), found \(text.prefix(200))")
      return nil
    } catch {
      return error
    }
  }
}

@Suite struct TemplateTests {
  typealias Rendering = TemplateOutcome

  /// Small templates and what jinja2 made of them, from `Scripts/generate-template-snippets.py`.
  static let snippets = Result {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/template-snippets.json")
    return try JSON.parse(Array(try Data(contentsOf: file)))
  }

  @Test func aLongConversationIsRenderedInShortSlices() throws {
    let template = try ChatTemplate(
      Array(
        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content | trim }}{% else %}{% set x %}{{ m.content }}{% endset %}{{ x }}{% endif %}{% endfor %}"
          .utf8))
    let messages = try (0..<2000).map {
      try TemplateOutcome.json(#"{"role": "\#($0 % 2 == 0 ? "user" : "assistant")", "content": " \#($0) "}"#)
    }
    let chat = ChatVariables(messages: .list(messages))
    let rendering = try TemplateRendering(template, chat)
    var slices = 1
    var text = try rendering.advance(steps: 1000)
    while text == nil {
      text = try rendering.advance(steps: 1000)
      slices += 1
    }
    let whole = try template.render(chat)
    #expect(slices > 10 && text == whole)
  }

  @Test func snippetsRenderAsInJinja2() throws {
    let snippets = try Self.snippets.get()
    let variables = try #require(snippets["variables"]?.mapping)
    let rendered = try #require(snippets["rendered"]?.elements)
    #expect(rendered.count > 120)
    for snippet in rendered {
      let template = String(decoding: try #require(snippet["template"]?.bytes), as: UTF8.self)
      let expected = String(decoding: try #require(snippet["expected"]?.bytes), as: UTF8.self)
      do {
        #expect(try Rendering.render(template, variables) == expected, "\(template)")
      } catch {
        Issue.record("\(template): \(error.description)")
      }
    }
  }

  @Test func templatesThatFailInJinja2FailHere() throws {
    let snippets = try Self.snippets.get()
    let variables = try #require(snippets["variables"]?.mapping)
    let failing = try #require(snippets["failing"]?.elements)
    #expect(failing.count > 70)
    for template in failing {
      let error = Rendering.failure(String(decoding: try #require(template.bytes), as: UTF8.self), variables)
      #expect(error?.line ?? 1 >= 1)
      #expect(error?.message.isEmpty == false)
    }
  }

  @Test(arguments: [
    ("a\nb {{ x.y.z }}", 2, 7, "'x' is undefined"),
    ("{{ 'é' }}{{ 1 + none }}", 1, 17, "'+' cannot take int and none"),
    ("{% if true %}\n  {{ 1 ", 2, 3, "a tag that starts here is never closed: expected '}}'"),
    ("\n\n{% for x in [1] %}", 3, 4, "'for' is never closed: expected 'endfor' or 'else'"),
    ("{% if a %}{% endfor %}", 1, 14, "unexpected tag 'endfor' inside 'if' of line 1"),
    ("{{ 'x'|shout }}", 1, 8, "there is no filter 'shout'; there are: abs, attr, capitalize"),
    ("{{ 'x' is loud }}", 1, 11, "there is no test 'loud'; there are: boolean, callable"),
    ("{{ raise_exception('roles must alternate') }}", 1, 19, "roles must alternate"),
    ("{{ {}.update(x=1) }}", 1, 13, "templates cannot change values"),
    ("{{ 'a'.split(',', limit=1) }}", 1, 13, "'split' has no argument 'limit'; it has 'sep' 'maxsplit'"),
    ("{{ messages[0].role }}", 1, 12, "'messages' is undefined"),
    ("{{ [1, 2, }", 1, 11, "unexpected '}', expected ']'"),
    ("{% set x = 1 %}{% set x.y = 2 %}", 1, 23, "'x' is not a namespace"),
    ("{{ 9223372036854775807 + 1 }}", 1, 26, "a whole number grows over 64 bits"),
  ])
  func errorsSayWhereAndWhat(template: String, line: Int, column: Int, message: String) {
    guard let error = Rendering.failure(template) else { return }
    #expect(error.line == line, "\(error.description)")
    #expect(error.column == column, "\(error.description)")
    #expect(error.message.hasPrefix(message), "\(error.description)")
  }

  @Test func raisedErrorsAreToldFromOthers() {
    #expect(Rendering.failure("{{ raise_exception('no') }}")?.kind == .raised)
    #expect(Rendering.failure("{{ 1 / 0 }}")?.kind == .evaluation)
    #expect(Rendering.failure("{{ 1 / }}")?.kind == .syntax)
  }

  @Test func chatVariablesCarryTheirNames() throws {
    var chat = ChatVariables(messages: try Rendering.json(#"[{"role": "user", "content": "Hi"}]"#))
    let template = try ChatTemplate(
      Array(
        """
        {{ bos_token is defined }}|{{ bos_token }}|{{ eos_token }}|{{ tools is none }}|{{ documents is none }}|\
        {{ add_generation_prompt }}|{{ messages[0].content }}|{{ enable_thinking }}
        """.utf8))
    #expect(String(decoding: try template.render(chat), as: UTF8.self) == "False|||True|True|True|Hi|")
    chat.beginOfText = Array("<s>".utf8)
    chat.endOfText = Array("</s>".utf8)
    chat.addGenerationPrompt = false
    chat.tools = .list([])
    chat.extra["enable_thinking"] = .bool(false)
    #expect(String(decoding: try template.render(chat), as: UTF8.self) == "True|<s>|</s>|False|True|False|Hi|False")
  }

  @Test func withoutAClockTheTimeIsUndefined() throws {
    let template = try ChatTemplate(Array("{{ strftime_now is defined }}".utf8))
    #expect(String(decoding: try template.render(TemplateMapping()), as: UTF8.self) == "False")
    #expect(try Rendering.render("{{ strftime_now('%d %b %Y') }}") == "07 Mar 2026")
  }

  @Test func bytesThatAreNotUTF8PassThrough() throws {
    var variables = TemplateMapping()
    variables["x"] = .string([0xFF, 0x41, 0xC3])
    let template = try ChatTemplate(Array("{{ x }}{{ x|length }}{{ x[0] }}{{ x|upper }}".utf8))
    #expect(try template.render(variables) == [0xFF, 0x41, 0xC3, 0x33, 0xFF, 0xFF, 0x41, 0xC3])
  }
}
