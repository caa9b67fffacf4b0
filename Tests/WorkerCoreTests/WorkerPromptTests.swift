import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Prompts: templates, and more words than the context holds.
@Suite struct WorkerPromptTests {
  @Test func aPromptOverTheContextSaysByHowMuch() throws {
    var model = TinyModel()
    model.contextLength = 64
    let harness = WorkerHarness.loaded(model)
    let error = try #require(harness.generate(.text(String(repeating: "a", count: 100))).error)
    #expect(error.code == .contextOverflow && error.need == 100 && error.limit == 64)
    #expect(error.message.contains("36 more"))
    #expect(harness.generate(.text(String(repeating: "a", count: 64))).ids.count == 1)
  }

  @Test func theOldestMessagesGoIfTheCallerWantsIt() throws {
    let harness = WorkerHarness.loaded()
    var messages = [ChatMessage.system("Be brief.")]
    for turn in 0..<20 {
      messages.append(.user("Question \(turn): " + String(repeating: "?", count: 20)))
      messages.append(.assistant("Answer \(turn)"))
    }
    messages.append(.user("The last one."))
    var options = GenerationOptions.greedy(4)
    #expect(harness.generate(.chat(ChatInput(messages: messages)), options).error?.code == .contextOverflow)
    options.overflow = .dropOldestMessages
    let reply = harness.generate(.chat(ChatInput(messages: messages)), options)
    let prompt = try #require(reply.started?.promptTokens)
    #expect(prompt.count <= 512 && prompt.count > 400)
    let text = String(decoding: prompt.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    #expect(text.contains("Be brief.") && text.contains("The last one.") && !text.contains("Question 0:"))
  }

  @Test func aChatIsRenderedWithTheModelsTemplate() throws {
    let harness = WorkerHarness.loaded()
    let chat = ChatInput(messages: [.user("Hi")])
    harness.worker.receive(.applyTemplate(60, chat))
    #expect(harness.events.last == .rendered(60, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"))
    let reply = harness.generate(.chat(chat))
    let expected =
      [TinyModel.startOfTurn] + "user\nHi".utf8.map { TokenID($0) } + [TinyModel.endOfTurn, 10, TinyModel.startOfTurn]
      + "assistant\n".utf8.map { TokenID($0) }
    #expect(reply.started?.promptTokens == expected)
  }

  @Test func aModelWithoutTemplateChatsInChatML() {
    var model = TinyModel()
    model.chatTemplate = nil
    let harness = WorkerHarness.loaded(model)
    harness.worker.receive(.applyTemplate(60, ChatInput(messages: [.system("S"), .user("Hi")])))
    let expected = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    #expect(harness.events.last == .rendered(60, expected))
  }

  @Test func aBrokenTemplateFailsOnlyConversations() {
    var model = TinyModel()
    model.chatTemplate = "{% for %}"
    let harness = WorkerHarness.loaded(model)
    #expect(harness.generate(.chat(ChatInput(messages: [.user("Hi")]))).error?.code == .templateFailed)
    #expect(harness.generate(.text("Hi")).finished?.reason == .length)
  }

  @Test func aTemplateGetsExtraKeysToolsAndVariables() {
    var model = TinyModel()
    model.chatTemplate =
      "{{ messages[0].name }}/{{ messages[0].content }}/{{ tools[0].id }}/{{ mode }}/{{ bos_token }}/{{ eos_token }}"
    let harness = WorkerHarness.loaded(model)
    let chat = ChatInput(
      messages: [ChatMessage(role: "user", content: "Hi", extraJSON: #"{"name": "Ann"}"#)],
      toolsJSON: #"[{"id": 7}]"#, variablesJSON: #"{"mode": "fast"}"#)
    harness.worker.receive(.applyTemplate(60, chat))
    #expect(harness.events.last == .rendered(60, "Ann/Hi/7/fast/<|endoftext|>/<|im_end|>"))
    for bad in ["[1]", "{", "\"x\""] {
      let message = ChatMessage(role: "user", content: "", extraJSON: bad)
      harness.worker.receive(.applyTemplate(61, ChatInput(messages: [message])))
      #expect(harness.reply(61).error?.code == .invalidRequest)
    }
  }
}
