import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

@Suite struct WorkerGenerationTests {
  private func loaded(_ model: TinyModel = TinyModel()) -> WorkerHarness {
    let harness = WorkerHarness()
    harness.load(model)
    return harness
  }

  @Test func aReplyHasTextTokensAndTimings() throws {
    let harness = loaded()
    harness.tick = 1
    let reply = harness.generate(.text("Hello"))
    let finished = try #require(reply.finished)
    #expect(finished.reason == .length)
    #expect(reply.started?.promptTokens == "Hello".utf8.map { TokenID($0) })
    #expect(reply.ids.count == 16)
    #expect(Array(reply.text.utf8) == reply.ids.map { UInt8($0) })
    let timings = finished.timings
    #expect(timings.promptCount == 5 && timings.cachedCount == 0 && timings.predictedCount == 16)
    #expect(timings.promptMilliseconds > 0 && timings.predictedMilliseconds > 0)
    #expect(timings.firstTokenMilliseconds >= timings.promptMilliseconds)
    #expect(reply.tokens.allSatisfy { $0.logprob == nil && $0.top.isEmpty })
  }

  @Test func aSeedDecidesTheText() {
    let options = GenerationOptions(maxTokens: 40, temperature: 1.5, seed: 7)
    let first = loaded().generate(.text("abc"), options)
    #expect(loaded().generate(.text("abc"), options).ids == first.ids)
    var other = options
    other.seed = 8
    #expect(loaded().generate(.text("abc"), other).ids != first.ids)
    // Without a seed the host draws one and the reply names it.
    other.seed = nil
    #expect(loaded().generate(.text("abc"), other).started?.seed == 99)
  }

  @Test func aLongPromptGoesThroughInChunksAndSaysHowFar() {
    let harness = loaded()
    let prompt = String(repeating: "long prompt ", count: 30)
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: .text(prompt), options: .greedy(2))))
    harness.run()
    let done = harness.events.compactMap { if case .prompt(id, let p) = $0 { p } else { nil } }
    let chunk = InferenceContext.prefillChunk
    #expect(done.map(\.done) == Array(stride(from: chunk, to: 360, by: chunk)))
    #expect(done.allSatisfy { $0.total == 360 })
    #expect(harness.reply(id).finished?.timings.promptCount == 360)
  }

  /// A cancel waits for the end of a slice, so slow machines take smaller ones.
  @Test func slowPromptsAreReadInSmallerChunks() throws {
    let prompt = GenerationInput.text(String(repeating: "long prompt ", count: 30))
    let harness = loaded()
    harness.tick = 1000  // every slice takes a second
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: prompt, options: .greedy(8))))
    harness.run()
    let done = harness.events.compactMap { if case .prompt(id, let p) = $0 { p.done } else { nil } }
    #expect(done.prefix(4) == [128, 160, 176, 192])
    #expect(harness.reply(id).ids == loaded().generate(prompt, .greedy(8)).ids)
  }

  // MARK: Cancelling

  @Test func cancelLandsBetweenTwoTokens() throws {
    let harness = loaded()
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello"), options: .greedy(1000))))
    for _ in 0..<10 { #expect(harness.worker.step()) }
    harness.worker.receive(.cancel(id))
    // The reply has ended with the command; no further token is made.
    let reply = harness.reply(id)
    #expect(reply.finished?.reason == .aborted)
    // One slice begins the request, one reads the prompt and makes the first token.
    #expect(reply.ids.count == 9)
    #expect(reply.finished?.timings.predictedCount == 9)
    #expect(harness.worker.step() == false)
    #expect(harness.reply(id) == reply)
    // The model is there for the next request.
    #expect(harness.generate(.text("Hello")).finished?.reason == .length)
  }

  @Test func cancelLandsBetweenTwoChunksOfThePrompt() throws {
    let harness = loaded()
    let id = harness.request()
    let prompt = String(repeating: "x", count: 500)
    harness.worker.receive(.generate(id, GenerationCommand(input: .text(prompt), options: .greedy(10))))
    #expect(harness.worker.step())
    #expect(harness.worker.step())
    harness.worker.receive(.cancel(id))
    let reply = harness.reply(id)
    #expect(reply.finished?.reason == .aborted && reply.ids.isEmpty)
    #expect(reply.finished?.timings.promptCount == InferenceContext.prefillChunk)
  }

  @Test func requestsRunOneAfterTheOther() {
    let harness = loaded()
    let ids = (0..<3).map { _ in harness.request() }
    for id in ids {
      harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello \(id)"), options: .greedy(8))))
    }
    harness.run()
    let order = harness.events.compactMap { event -> RequestID? in
      switch event {
      case .started(let id, _), .text(let id, _), .finished(let id, _): id
      default: nil
      }
    }
    #expect(order == order.sorted())
    #expect(Set(order) == Set(ids))
  }

  @Test func aWaitingRequestIsCancelledWithoutRunning() {
    let harness = loaded()
    let (first, second, third) = (harness.request(), harness.request(), harness.request())
    for id in [first, second, third] {
      harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello"), options: .greedy(8))))
    }
    #expect(harness.worker.step())
    harness.worker.receive(.cancel(second))
    #expect(harness.reply(second).finished?.reason == .aborted && harness.reply(second).started == nil)
    harness.worker.receive(.cancel(12_345))
    harness.run()
    #expect(harness.reply(first).finished?.reason == .length)
    #expect(harness.reply(third).finished?.reason == .length)
    harness.worker.receive(.cancel(third))
    #expect(harness.reply(third).finished?.reason == .length)
  }

  @Test func loadingAnotherModelAbortsEverything() {
    let harness = loaded()
    let (first, second) = (harness.request(), harness.request())
    for id in [first, second] {
      harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello"), options: .greedy(80))))
    }
    for _ in 0..<5 { _ = harness.worker.step() }
    harness.worker.receive(.load(70, LoadCommand(model: "other")))
    #expect(harness.reply(first).finished?.reason == .aborted)
    #expect(harness.reply(second).finished?.reason == .aborted)
    #expect(harness.released == 1)
  }

  @Test func requestsThatComeWhileLoadingWait() {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    harness.worker.receive(.generate(2, GenerationCommand(input: .text("Hello"), options: .greedy(4))))
    harness.worker.receive(.tokenize(3, TokenizeCommand(text: "ab")))
    #expect(harness.events.allSatisfy { if case .failed = $0 { false } else { true } })
    harness.arrive(TinyModel().bytes(), for: harness.fetch!)
    harness.run()
    #expect(harness.reply(2).ids.count == 4)
    #expect(harness.events.contains(.tokens(3, [97, 98])))
  }

  @Test func withoutAModelEverythingFailsAtOnce() {
    let harness = WorkerHarness()
    harness.worker.receive(.generate(1, GenerationCommand(input: .text("a"))))
    harness.worker.receive(.tokenize(2, TokenizeCommand(text: "a")))
    harness.worker.receive(.detokenize(3, [1]))
    harness.worker.receive(.applyTemplate(4, ChatInput(messages: [.user("a")])))
    for id in 1...4 { #expect(harness.reply(RequestID(id)).error?.code == .noModel) }
  }

  // MARK: The cache

  @Test func aSecondTurnReadsOnlyWhatIsNew() throws {
    let harness = loaded()
    let first = harness.generate(.text("Once upon a time"))
    let prompt = "Once upon a time" + first.text + " And then"
    let second = harness.generate(.text(prompt))
    let timings = try #require(second.finished?.timings)
    // The last generated token never went through the model.
    #expect(timings.cachedCount == 16 + 15)
    #expect(timings.promptCount == prompt.utf8.count - 31)
    #expect(second.started?.cachedCount == 31)
    #expect(second.ids == loaded().generate(.text(prompt)).ids)
  }

  @Test func anEditedConversationKeepsItsCommonBeginning() throws {
    let harness = loaded()
    harness.generate(.text("The cat sat on the mat"))
    let edited = harness.generate(.text("The cat ran off"))
    #expect(edited.finished?.timings.cachedCount == 8)
    #expect(edited.ids == loaded().generate(.text("The cat ran off")).ids)
  }

  @Test func theSamePromptAgainReadsOneToken() {
    let harness = loaded()
    let first = harness.generate(.text("Again"))
    let second = harness.generate(.text("Again"))
    #expect(second.finished?.timings.promptCount == 1)
    #expect(second.ids == first.ids)
  }

  @Test func aCancelledReplyLeavesAUsableCache() {
    let harness = loaded()
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello there"), options: .greedy(100))))
    for _ in 0..<20 { _ = harness.worker.step() }
    harness.worker.receive(.cancel(id))
    #expect(harness.generate(.text("Hello you")).ids == loaded().generate(.text("Hello you")).ids)
  }

  // MARK: Ends

  @Test func aStopStringEndsTheReplyAndIsNotPartOfIt() throws {
    let free = loaded().generate(.text("Hello"), .greedy(40))
    let characters = Array(free.text)
    let stop = String(characters[10..<14])
    let cut = try #require(free.text.range(of: stop))
    var options = GenerationOptions.greedy(40)
    options.stop = ["", "never in it", stop]
    let reply = loaded().generate(.text("Hello"), options)
    #expect(reply.text == String(free.text[..<cut.lowerBound]))
    #expect(reply.finished?.reason == .stop)
    #expect(reply.ids == Array(free.ids[..<(reply.text.utf8.count + 4)]))
  }

  @Test func noPieceEverHoldsTheBeginningOfAStopString() throws {
    let free = loaded().generate(.text("Hello"), .greedy(40))
    let stop = String(Array(free.text)[20..<26])
    var options = GenerationOptions.greedy(40)
    options.stop = [stop]
    let harness = loaded()
    harness.tick = 100  // every token is an event of its own
    let reply = harness.generate(.text("Hello"), options)
    #expect(reply.pieces > 15)
    #expect(free.text.hasPrefix(reply.text) && !(reply.text + "|").contains(stop))
  }

  @Test func theModelsEndTokenEndsTheReply() {
    var options = GenerationOptions.greedy(40)
    options.logitBias = [.init(token: TinyModel.endOfTurn, bias: 10_000)]
    let reply = loaded().generate(.text("Hello"), options)
    #expect(reply.finished?.reason == .stop)
    #expect(reply.text.isEmpty && reply.ids == [TinyModel.endOfTurn])
    options.ignoresEndOfGeneration = true
    let ignoring = loaded().generate(.text("Hello"), options)
    #expect(ignoring.finished?.reason == .length && ignoring.ids.count == 40)
  }

  @Test func aStopTokenEndsTheReply() {
    let free = loaded().generate(.text("Hello"), .greedy(40))
    let stop = free.ids[5]
    var options = GenerationOptions.greedy(40)
    options.stopTokens = [stop]
    let reply = loaded().generate(.text("Hello"), options)
    #expect(reply.finished?.reason == .stop)
    #expect(reply.ids == Array(free.ids[...free.ids.firstIndex(of: stop)!]))
    #expect(reply.ids.dropLast().map { UInt8($0) } == Array(reply.text.utf8))
  }

  @Test func theContextsEndEndsTheReply() {
    var model = TinyModel()
    model.contextLength = 64
    let reply = loaded(model).generate(.text(String(repeating: "a", count: 60)), GenerationOptions(temperature: 0))
    #expect(reply.finished?.reason == .length)
    #expect(reply.ids.count == 5)
  }

  @Test func noTokensAreARequestToo() {
    let reply = loaded().generate(.text("Hello"), .greedy(0))
    #expect(reply.finished?.reason == .length && reply.ids.isEmpty)
    #expect(reply.finished?.timings.promptCount == 5)
  }

  // MARK: Prompts

  @Test func aPromptOverTheContextSaysByHowMuch() throws {
    var model = TinyModel()
    model.contextLength = 64
    let harness = loaded(model)
    let error = try #require(harness.generate(.text(String(repeating: "a", count: 100))).error)
    #expect(error.code == .contextOverflow && error.need == 100 && error.limit == 64)
    #expect(error.message.contains("36 more"))
    #expect(harness.generate(.text(String(repeating: "a", count: 64))).ids.count == 1)
  }

  @Test func theOldestMessagesGoIfTheCallerWantsIt() throws {
    let harness = loaded()
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
    let harness = loaded()
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
    let harness = loaded(model)
    harness.worker.receive(.applyTemplate(60, ChatInput(messages: [.system("S"), .user("Hi")])))
    let expected = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    #expect(harness.events.last == .rendered(60, expected))
  }

  @Test func aBrokenTemplateFailsOnlyConversations() {
    var model = TinyModel()
    model.chatTemplate = "{% for %}"
    let harness = loaded(model)
    #expect(harness.generate(.chat(ChatInput(messages: [.user("Hi")]))).error?.code == .templateFailed)
    #expect(harness.generate(.text("Hi")).finished?.reason == .length)
  }

  @Test func aTemplateGetsExtraKeysToolsAndVariables() {
    var model = TinyModel()
    model.chatTemplate =
      "{{ messages[0].name }}/{{ messages[0].content }}/{{ tools[0].id }}/{{ mode }}/{{ bos_token }}/{{ eos_token }}"
    let harness = loaded(model)
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

  // MARK: Events

  @Test func fastTokensShareEventsAndTheFirstComesAtOnce() throws {
    let harness = loaded()
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello"), options: .greedy(100))))
    _ = harness.worker.step()
    _ = harness.worker.step()
    #expect(harness.reply(id).ids.count == 1)
    while harness.worker.step() { harness.clock += 1 }
    let reply = harness.reply(id)
    #expect(reply.ids.count == 100)
    #expect((6...9).contains(reply.pieces))
  }

  @Test func slowTokensComeOneByOne() {
    let harness = loaded()
    harness.tick = 20
    let reply = harness.generate(.text("Hello"), .greedy(10))
    #expect(reply.pieces == 10)
  }

  @Test func logprobsNameTheChosenTokenAndTheLikeliest() throws {
    var options = GenerationOptions.greedy(6)
    options.logprobs = 5
    let reply = loaded().generate(.text("Hello"), options)
    #expect(reply.tokens.count == 6)
    for token in reply.tokens {
      let score = try #require(token.logprob)
      #expect(score.id == token.id && score.bytes == [UInt8(token.id)] && score.logprob <= 0)
      #expect(token.top.count == 5)
      #expect(token.top[0].id == token.id && token.top[0].logprob == score.logprob)
      for (better, worse) in zip(token.top, token.top.dropFirst()) { #expect(better.logprob >= worse.logprob) }
    }
    options.logprobs = 0
    #expect(loaded().generate(.text("Hello"), options).tokens.allSatisfy { $0.logprob != nil && $0.top.isEmpty })
  }

  // MARK: Other requests

  @Test func tokensAndTextGoBothWays() {
    let harness = loaded()
    let text = "a<|im_end|>é"
    harness.worker.receive(.tokenize(50, TokenizeCommand(text: text, addSpecial: true, parseSpecial: true)))
    let tokens: [TokenID] = [97, TinyModel.endOfTurn, 0xC3, 0xA9]
    #expect(harness.events.last == .tokens(50, tokens))
    harness.worker.receive(.detokenize(51, tokens))
    #expect(harness.events.last == .rendered(51, text))
    harness.worker.receive(.detokenize(52, [TokenID(TinyModel.vocabularySize)]))
    #expect(harness.reply(52).error?.code == .invalidRequest)
  }

  @Test func shortRequestsDoNotWaitForAReply() {
    let harness = loaded()
    harness.worker.receive(.generate(50, GenerationCommand(input: .text("Hello"), options: .greedy(50))))
    _ = harness.worker.step()
    _ = harness.worker.step()
    harness.worker.receive(.tokenize(51, TokenizeCommand(text: "a")))
    #expect(harness.events.last == .tokens(51, [97]))
  }

  static let badRequests: [GenerationCommand] = {
    func text(_ change: (inout GenerationOptions) -> Void) -> GenerationCommand {
      var options = GenerationOptions()
      change(&options)
      return GenerationCommand(input: .text("a"), options: options)
    }
    return [
      GenerationCommand(input: .text("")), GenerationCommand(input: .tokens([])),
      GenerationCommand(input: .tokens([-1])), GenerationCommand(input: .tokens([259])),
      text { $0.temperature = .nan }, text { $0.temperature = -1 }, text { $0.temperature = .infinity },
      text { $0.topP = 1.5 }, text { $0.minP = -0.1 }, text { $0.typicalP = 2 }, text { $0.repeatPenalty = -1 },
      text { $0.frequencyPenalty = 1e9 }, text { $0.presencePenalty = .nan }, text { $0.maxTokens = -1 },
      text { $0.topK = -1 }, text { $0.repeatLastN = -2 }, text { $0.logprobs = -1 },
      text { $0.logitBias = [.init(token: 259, bias: 1)] }, text { $0.logitBias = [.init(token: 1, bias: .nan)] },
    ]
  }()

  @Test(arguments: badRequests)
  func impossibleRequestsAreRefused(command: GenerationCommand) {
    let harness = loaded()
    harness.worker.receive(.generate(50, command))
    harness.run()
    #expect(harness.reply(50).error?.code == .invalidRequest)
    #expect(harness.generate(.text("a")).finished?.reason == .length)
  }
}
