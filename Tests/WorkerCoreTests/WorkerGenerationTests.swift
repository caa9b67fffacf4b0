import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Replies: what they hold, and how they come.
@Suite struct WorkerGenerationTests {
  /// Matrices are often padded to a round number of rows.
  @Test func whatIsNoTokenIsNeverChosen() throws {
    var model = TinyModel()
    model.padding = 2000
    let harness = WorkerHarness.loaded(model)
    for options in [
      GenerationOptions.greedy(60), GenerationOptions(maxTokens: 200, temperature: 3, seed: 3, logprobs: 2),
    ] {
      let reply = harness.generate(.text("Hello"), options)
      #expect(reply.ids.count > 50 && reply.ids.allSatisfy { $0 < TinyModel.vocabularySize })
      #expect(!reply.text.isEmpty && reply.error == nil)
      #expect(reply.tokens.allSatisfy { $0.top.allSatisfy { $0.id < TinyModel.vocabularySize && !$0.bytes.isEmpty } })
    }
  }

  @Test(arguments: [Float.nan, .infinity])
  func logitsThatAreNoNumbersEndAReply(factor: Float) throws {
    var model = TinyModel()
    model.outputNorm = factor
    let harness = WorkerHarness.loaded(model)
    for options in [
      GenerationOptions.greedy(4), GenerationOptions(maxTokens: 4, temperature: 1, seed: 3, logprobs: 2),
    ] {
      let reply = harness.generate(.text("Hello"), options)
      let error = try #require(reply.error)
      #expect(error.code == .invalidModel && error.message.contains("not finite"))
      #expect(reply.ids.isEmpty && reply.finished == nil)
    }
  }

  @Test func aReplyHasTextTokensAndTimings() throws {
    let harness = WorkerHarness.loaded()
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
    let first = WorkerHarness.loaded().generate(.text("abc"), options)
    #expect(WorkerHarness.loaded().generate(.text("abc"), options).ids == first.ids)
    var other = options
    other.seed = 8
    #expect(WorkerHarness.loaded().generate(.text("abc"), other).ids != first.ids)
    // Without a seed the host draws one and the reply names it.
    other.seed = nil
    #expect(WorkerHarness.loaded().generate(.text("abc"), other).started?.seed == 99)
  }

  @Test func aLongPromptGoesThroughInChunksAndSaysHowFar() {
    let harness = WorkerHarness.loaded()
    let prompt = String(repeating: "long prompt ", count: 30)
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: .text(prompt), options: .greedy(2))))
    harness.run()
    let done = harness.events.compactMap { if case .prompt(id, let p) = $0 { p } else { nil } }
    let chunk = ExecutionLimits.mostRows
    // The first slice goes through one layer, to see how long that takes.
    #expect(done.map(\.done) == [chunk / 2, chunk])
    #expect(done.allSatisfy { $0.total == 360 })
    #expect(harness.reply(id).finished?.timings.promptCount == 360)
  }

  /// A cancel waits for the end of a slice, so slow machines take smaller ones.
  @Test func slowPromptsAreReadInSmallerSlices() throws {
    let prompt = GenerationInput.text(String(repeating: "long prompt ", count: 30))
    let harness = WorkerHarness.loaded()
    harness.tick = 1000  // every slice takes a second
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: prompt, options: .greedy(8))))
    harness.run()
    let done = harness.events.compactMap { if case .prompt(id, let p) = $0 { p.done } else { nil } }
    #expect(done == done.sorted() && done.last.map { $0 < 360 } == true)
    // The first slice is long; the last ones take no more tokens through one layer than pays.
    #expect(done.count > 4 && zip(done, done.dropFirst()).suffix(3).allSatisfy { $1 - $0 < 64 })
    #expect(harness.reply(id).ids == WorkerHarness.loaded().generate(prompt, .greedy(8)).ids)
  }

  @Test func fastTokensShareEventsAndTheFirstComesAtOnce() throws {
    let harness = WorkerHarness.loaded()
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello"), options: .greedy(100))))
    _ = harness.step()
    _ = harness.step()
    #expect(harness.reply(id).ids.count == 1)
    while harness.step() { harness.clock += 1 }
    let reply = harness.reply(id)
    #expect(reply.ids.count == 100)
    #expect((6...9).contains(reply.pieces))
  }

  @Test func slowTokensComeOneByOne() {
    let harness = WorkerHarness.loaded()
    harness.tick = 20
    let reply = harness.generate(.text("Hello"), .greedy(10))
    #expect(reply.pieces == 10)
  }

  @Test func logprobsNameTheChosenTokenAndTheLikeliest() throws {
    var options = GenerationOptions.greedy(6)
    options.logprobs = 5
    let reply = WorkerHarness.loaded().generate(.text("Hello"), options)
    #expect(reply.tokens.count == 6)
    for token in reply.tokens {
      let score = try #require(token.logprob)
      #expect(score.id == token.id && score.bytes == [UInt8(token.id)] && score.logprob <= 0)
      #expect(token.top.count == 5)
      #expect(token.top[0].id == token.id && token.top[0].logprob == score.logprob)
      for (better, worse) in zip(token.top, token.top.dropFirst()) { #expect(better.logprob >= worse.logprob) }
    }
    options.logprobs = 0
    #expect(
      WorkerHarness.loaded().generate(.text("Hello"), options).tokens.allSatisfy { $0.logprob != nil && $0.top.isEmpty }
    )
  }
}
