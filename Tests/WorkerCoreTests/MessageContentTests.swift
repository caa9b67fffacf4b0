import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// What messages may say and who may say it, in front of any chat template.
@Suite struct MessageContentTests {
  private func loaded(_ template: String?) -> WorkerHarness {
    var model = TinyModel()
    model.chatTemplate = template
    let harness = WorkerHarness()
    harness.load(model)
    return harness
  }

  private func render(_ harness: WorkerHarness, _ messages: [ChatMessage]) -> String {
    harness.worker.receive(
      .applyTemplate(60, ChatInput(messages: messages, addGenerationPrompt: false)))
    switch harness.events.last {
    case .rendered(60, let text): return text
    case .failed(60, let error): return "\(error.code.name): \(error.message)"
    default: return "nothing"
    }
  }

  private func user(_ content: String) -> ChatMessage {
    ChatMessage(role: "user", content: "", extraJSON: "{\"content\": \(content)}")
  }

  @Test(
    "parts with text are one text in every template",
    arguments: [
      // Takes text only, as most do: a list would be an error.
      "{% for m in messages %}{{ '[' + m.content | trim + ']' }}{% endfor %}",
      // Reads nothing but text, silently, as SmolLM3's does.
      "{% for m in messages %}[{{ m.content if m.content is string else '' }}]{% endfor %}",
      // Reads lists too.
      """
      {% for m in messages %}[{% if m.content is string %}{{ m.content }}{% else %}\
      {% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}]{% endfor %}
      """,
    ])
  func parts(template: String) {
    let harness = loaded(template)
    let messages = [
      user(#"[{"type": "text", "text": "Grüße"}]"#),
      user(#"[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]"#), user("[]"), .user("plain"),
    ]
    #expect(render(harness, messages) == "[Grüße][a\nb][][plain]")
  }

  @Test func aModelWithoutTemplateReadsPartsToo() {
    let found = render(loaded(nil), [user(#"[{"type": "text", "text": "Hi"}]"#)])
    #expect(found == "<|im_start|>user\nHi<|im_end|>\n")
  }

  @Test func aMessageWithoutWordsHasNone() {
    let found = render(loaded("{{ messages[0].content is none }}"), [user("null")])
    #expect(found == "True")
  }

  @Test(arguments: [
    (#"[{"type": "image_url", "image_url": {"url": "x"}}]"#, ["Part 1 of message 2", "“image_url”"]),
    (#"[{"type": "text", "text": "a"}, {"type": "input_audio"}]"#, ["Part 2 of message 2", "“input_audio”"]),
    (#"[{"type": "text"}]"#, ["Part 1 of message 2", "text"]), (#"["words"]"#, ["Part 1 of message 2", "type"]),
    (#"[{"text": "a"}]"#, ["type"]), ("7", ["message 2"]), (#"{"type": "text", "text": "a"}"#, ["message 2"]),
  ])
  func whatIsNoTextIsRefused(content: String, words: [String]) {
    let found = render(loaded("{{ messages }}"), [.user("a"), user(content)])
    #expect(found.hasPrefix("invalid-request: "))
    for word in words { #expect(found.contains(word), "\(found)") }
  }

  @Test func rolesAreTheUsualOnesAndThoseOfTheTemplate() {
    let harness = loaded("{% for m in messages %}{{ m.role if m.role != 'critic' else 'C' }} {% endfor %}")
    let usual = ["system", "developer", "user", "assistant", "tool", "function", "critic"]
    #expect(
      render(harness, usual.map { ChatMessage(role: $0, content: "") })
        == "system developer user assistant tool function C ")
    for role in ["asistant", "", "User", "riti", " else "] {
      let found = render(harness, [.user("a"), ChatMessage(role: role, content: "b")])
      #expect(found.hasPrefix("invalid-request: Message 2 has the role “\(role)”"), "\(found)")
    }
  }

  @Test func aConversationWithoutMessagesIsRefused() {
    #expect(render(loaded(nil), []).hasPrefix("invalid-request: "))
    #expect(render(loaded("x"), []).hasPrefix("invalid-request: "))
  }
}
