import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Requests that run together, each in a sequence of its own.
@Suite struct WorkerSequencesTests {
  private static func loaded(_ sequences: UInt32) -> WorkerHarness {
    let harness = WorkerHarness()
    harness.load(TinyModel(), LoadCommand(model: "tiny.gguf", sequences: sequences))
    return harness
  }

  private static func command(_ text: String, _ count: Int, seed: UInt64? = nil) -> GenerationCommand {
    var options = GenerationOptions(maxTokens: count, temperature: seed == nil ? 0 : 0.8, seed: seed, logprobs: 3)
    options.ignoresEndOfGeneration = true
    return GenerationCommand(input: .text(text), options: options)
  }

  @Test func eachSaysWhatItSaysAlone() throws {
    let commands = [
      Self.command("Hello", 40), Self.command(String(repeating: "a long prompt ", count: 14), 25, seed: 5),
      Self.command("Once upon a time", 60, seed: 7), Self.command("x", 1), Self.command("Hello there", 33),
    ]
    let alone = commands.map { command in
      let harness = WorkerHarness.loaded()
      harness.worker.receive(.generate(50, command))
      harness.run()
      return harness.reply(50)
    }
    for (sequences, pause) in [(2, 0), (3, 4), (5, 1), (64, 0)] as [(UInt32, Int)] {
      let harness = Self.loaded(sequences)
      let ids = commands.map { command in
        let id = harness.request()
        harness.worker.receive(.generate(id, command))
        for _ in 0..<pause { harness.step() }
        return id
      }
      harness.run()
      for (id, expected) in zip(ids, alone) {
        let reply = harness.reply(id)
        #expect(reply.tokens == expected.tokens && reply.text == expected.text)
        #expect(reply.finished?.reason == .length)
      }
      // They did run together: the second began before the first had ended.
      let order = harness.events.compactMap { event -> String? in
        switch event {
        case .started(ids[1], _): "second begins"
        case .finished(ids[0], _): "first ends"
        default: nil
        }
      }
      #expect(order == ["second begins", "first ends"])
    }
  }

  @Test func oneIsCancelledAndTheOthersGoOn() throws {
    let expected = WorkerHarness.loaded().generate(.text("Hello"), .greedy(40))
    for steps in [2, 3, 5, 12] {
      let harness = Self.loaded(2)
      let (first, second, third) = (harness.request(), harness.request(), harness.request())
      harness.worker.receive(.generate(first, Self.command(String(repeating: "words ", count: 36), 40)))
      harness.worker.receive(
        .generate(second, GenerationCommand(input: .text("Hello"), options: .greedy(40))))
      harness.worker.receive(.generate(third, GenerationCommand(input: .text("Hello"), options: .greedy(40))))
      for _ in 0..<steps { harness.step() }
      #expect(harness.reply(third).started == nil)
      harness.worker.receive(.cancel(first))
      #expect(harness.reply(first).finished?.reason == .aborted)
      harness.run()
      for id in [second, third] {
        #expect(harness.reply(id).ids == expected.ids)
        #expect(harness.reply(id).finished?.reason == expected.finished?.reason)
      }
    }
  }

  @Test func aCommonBeginningIsReadOnce() throws {
    let harness = Self.loaded(2)
    let beginning = String(repeating: "a common beginning ", count: 12)
    let fresh = WorkerHarness.loaded().generate(.text(beginning + "two"), .greedy(12))
    let (first, second) = (harness.request(), harness.request())
    harness.worker.receive(.generate(first, Self.command(beginning + "one", 30)))
    while harness.reply(first).tokens.isEmpty { harness.step() }
    harness.worker.receive(.generate(second, GenerationCommand(input: .text(beginning + "two"), options: .greedy(12))))
    harness.run()
    let reply = harness.reply(second)
    #expect(reply.ids == fresh.ids)
    let started = try #require(reply.started)
    #expect(started.cachedCount > 100 && started.cachedCount < started.promptTokens.count)
    #expect(harness.reply(first).finished?.timings.predictedCount == 30)
  }

  @Test func conversationsKeepTheirSequences() throws {
    let harness = Self.loaded(2)
    var prompts = [String(repeating: "one ", count: 30), String(repeating: "two ", count: 30)]
    for turn in 0..<4 {
      for index in prompts.indices {
        let reply = harness.generate(.text(prompts[index]), .greedy(6))
        let started = try #require(reply.started)
        if turn > 0 { #expect(started.promptTokens.count - started.cachedCount < 40) }
        prompts[index] += reply.text + " and more"
      }
    }
  }

  @Test func allTakeMemory() throws {
    func working(_ sequences: UInt32) throws -> UInt64 {
      let harness = Self.loaded(sequences)
      return try #require(
        harness.events.compactMap { if case .loaded(_, let info) = $0 { info.workingBytes } else { nil } }.first)
    }
    let (one, two, three) = (try working(1), try working(2), try working(3))
    #expect(three - two >= (two - one) / 2 && two > one)
    let harness = WorkerHarness()
    harness.memoryLimit = 1 << 22
    harness.load(TinyModel(), LoadCommand(model: "tiny.gguf", sequences: 64))
    #expect(harness.reply(1).error?.code == .notEnoughMemory)
  }

  @Test func wrongKernelsEndRepliesAndBeginPromptsAgain() throws {
    let harness = Self.loaded(2)
    let (first, second) = (harness.request(), harness.request())
    harness.worker.receive(.generate(first, Self.command("Hello", 400)))
    while harness.reply(first).tokens.isEmpty { harness.step() }
    harness.worker.receive(.generate(second, GenerationCommand(input: .text("Hello"), options: .greedy(10))))
    harness.step()
    var answers = [false, true]
    harness.kernelsPass = { _ in answers.isEmpty ? true : answers.removeFirst() }
    puttingKernelsBack { harness.run() }
    #expect(harness.reply(first).error?.code == .internalError)
    let reply = harness.reply(second)
    #expect(reply.finished != nil || reply.error?.code == .internalError)
  }

  @Test func whatManyCancelKeepsNobodyFromHisReply() throws {
    let harness = Self.loaded(3)
    harness.tick = 200  // of a slice's 300 ms: a prompt goes through few layers at a time
    let long = harness.request()
    harness.worker.receive(.generate(long, Self.command(String(repeating: "a long prompt ", count: 30), 4)))
    var rounds = 0
    while harness.reply(long).finished == nil, rounds < 200 {
      let id = harness.request()
      harness.worker.receive(.generate(id, Self.command(String(repeating: "other words ", count: 20), 40)))
      harness.step()
      harness.step()
      harness.worker.receive(.cancel(id))
      #expect(harness.reply(id).finished?.reason == .aborted)
      rounds += 1
    }
    #expect(harness.reply(long).finished?.reason == .length)
    harness.run(atMost: 50)
    #expect(harness.worker.step() == .idle)
  }

  @Test func allMayBeCancelledWithinOnePass() throws {
    let harness = Self.loaded(2)
    harness.tick = 200
    let ids = (0..<3).map { _ in harness.request() }
    for id in ids {
      harness.worker.receive(.generate(id, Self.command(String(repeating: "many words \(id) ", count: 25), 5)))
    }
    for _ in 0..<4 { harness.step() }
    harness.worker.receive(.cancel(ids[0]))
    harness.worker.receive(.cancel(ids[1]))
    #expect(harness.run(atMost: 500) < 500)
    #expect(harness.reply(ids[2]).finished?.reason == .length)
  }

  @Test func conversationsWithACommonBeginningKeepTheirSequences() throws {
    let harness = Self.loaded(2)
    let beginning = String(repeating: "be brief ", count: 12)
    var prompts = [beginning + String(repeating: "one ", count: 40), beginning + String(repeating: "two ", count: 40)]
    for turn in 0..<4 {
      for index in prompts.indices {
        let started = try #require(harness.generate(.text(prompts[index]), .greedy(6)).started)
        if turn > 0 { #expect(started.promptTokens.count - started.cachedCount < 40) }
        prompts[index] += " and more words"
      }
    }
  }

  @Test func shortRequestsWaitForNoReply() throws {
    let harness = WorkerHarness()
    let (load, reply, tokens) = (harness.request(), harness.request(), harness.request())
    harness.worker.receive(.load(load, LoadCommand(model: "tiny.gguf")))
    harness.worker.receive(.generate(reply, Self.command("Hello", 30)))
    harness.worker.receive(.tokenize(tokens, TokenizeCommand(text: "Hello")))
    if let fetch = harness.fetch { harness.arrive(TinyModel().bytes(), for: fetch) }
    harness.run()
    let order = harness.events.compactMap { event -> RequestID? in
      switch event {
      case .tokens(let id, _), .finished(let id, _): id
      default: nil
      }
    }
    #expect(order == [tokens, reply])
  }
}
