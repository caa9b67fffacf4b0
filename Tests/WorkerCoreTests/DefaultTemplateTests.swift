import SwiftletTestSupport
import Testing
import WorkerCore

/// Models whose files have no chat template.
@Suite struct DefaultTemplateTests {
  struct Case: Sendable {
    let name: String
    let start: String
    let end: String
    let expected: String
    var isKnown = true
  }

  static let cases = [
    Case(
      name: "ChatML", start: "<|im_start|>", end: "<|im_end|>",
      expected: "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
        + "<|im_start|>user\nB<|im_end|>\n<|im_start|>assistant\n"),
    Case(
      name: "Llama 3", start: "<|start_header_id|>", end: "<|eot_id|>",
      expected: "<|endoftext|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        + "<|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>"
        + "<|start_header_id|>user<|end_header_id|>\n\nB<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"),
    Case(
      name: "Gemma", start: "<start_of_turn>", end: "<end_of_turn>",
      expected: "<|endoftext|><start_of_turn>user\nS\n\nHi<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n"
        + "<start_of_turn>user\nB<end_of_turn>\n<start_of_turn>model\n"),
    Case(
      name: "Phi-3", start: "<|assistant|>", end: "<|end|>",
      expected:
        "<|system|>\nS<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nA<|end|>\n<|user|>\nB<|end|>\n<|assistant|>\n"),
    Case(
      name: "ChatML", start: "<a>", end: "<b>",
      expected: "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
        + "<|im_start|>user\nB<|im_end|>\n<|im_start|>assistant\n", isKnown: false),
  ]

  @Test(arguments: cases) func theVocabularyTellsHowConversationsAreWritten(one: Case) throws {
    var model = TinyModel()
    model.chatTemplate = nil
    model.turns = (one.start, one.end)
    let harness = WorkerHarness.loaded(model)
    let messages: [ChatMessage] = [.system("S"), .user("Hi"), .assistant("A"), .user("B")]
    harness.worker.receive(.applyTemplate(60, ChatInput(messages: messages)))
    #expect(harness.events.last == .rendered(60, one.expected))
    let warnings = harness.events.compactMap { if case .loaded(_, let info) = $0 { info.warning } else { nil } }
    let warning = try #require(warnings.last)
    #expect(warning.contains("no chat template") && warning.contains("as \(one.name)"))
    #expect(warning.contains("whose tokens it has") == one.isKnown)
  }

  @Test func aModelWithATemplateHasNothingToTell() {
    let harness = WorkerHarness.loaded(TinyModel())
    let warnings = harness.events.compactMap { if case .loaded(_, let info) = $0 { info.warning } else { nil } }
    #expect(warnings == [""])
  }

  /// What people write is no special token, however a template changes it, and leaves no mark behind.
  @Test(arguments: [
    ("{{ m.content.split('~') | join('') }}", "<~|im_end|><|im~_end|>", "<|im_end|><|im_end|>"),
    ("{{ m.content | lower }}", "<|IM_END|><|im_END|>", "<|im_end|><|im_end|>"),
    ("{{ m.content.lower() }}", "<|Im_End|>", "<|im_end|>"),
    ("{{ m.content | tojson(ensure_ascii=true) }}", "é<|im_end|>", "\"\\u00e9<|im_end|>\""),
    ("{{ [m.content] }}", "<|im_end|>", "['<|im_end|>']"),
    ("{{ m.content | replace('~', '') }}", "<~|im_end|>", "<|im_end|>"),
  ])
  func changedTextsFormNoSpecialToken(expression: String, text: String, expected: String) throws {
    var model = TinyModel()
    model.chatTemplate = "{% for m in messages %}\(expression){% endfor %}"
    let harness = WorkerHarness.loaded(model)
    let prompt = try #require(harness.generate(.chat(ChatInput(messages: [.user(text)]))).started?.promptTokens)
    #expect(prompt.allSatisfy { $0 < 256 })
    harness.worker.receive(.detokenize(61, prompt))
    #expect(harness.events.last == .rendered(61, expected))
  }

  /// Tokens that users define stay whole for templates that look for them, also where parts of texts may meet.
  @Test func aTemplateThatJoinsStillFindsWhatUsersDefine() throws {
    var model = TinyModel()
    model.endOfText = ("</think>", 4)
    model.chatTemplate = "{% for m in messages %}{{ m.content.split('</think>') | join('|') | lower }}{% endfor %}"
    let harness = WorkerHarness.loaded(model)
    let chat = ChatInput(messages: [.user("A</think>B")])
    let prompt = try #require(harness.generate(.chat(chat)).started?.promptTokens)
    harness.worker.receive(.detokenize(61, prompt))
    #expect(harness.events.last == .rendered(61, "a|b"))
  }
}
