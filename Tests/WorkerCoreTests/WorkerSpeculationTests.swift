import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// A reply is the same with and without speculation, to the last bit and in every event.
@Suite struct WorkerSpeculationTests {
  /// A reply and what the next one finds in the cache.
  struct Outcome: Equatable {
    var text: String
    var tokens: [GeneratedToken]
    var reason: FinishReason?
    var predictedCount: Int?
    var cachedAfter: Int?
  }

  private let prompt = GenerationInput.text("one two three one two three one two")

  private func outcome(
    _ options: GenerationOptions, speculates: Bool, context: Int = 512
  ) -> (outcome: Outcome, timings: Timings) {
    let harness = WorkerHarness()
    var model = TinyModel()
    model.contextLength = context
    harness.load(model)
    var options = options
    options.speculation = speculates
    let reply = harness.generate(prompt, options)
    let all = (reply.started?.promptTokens ?? []) + reply.ids
    let next = harness.generate(.tokens(Array(all.prefix(context))), .greedy(1))
    return (
      Outcome(
        text: reply.text, tokens: reply.tokens, reason: reply.finished?.reason,
        predictedCount: reply.finished?.timings.predictedCount, cachedAfter: next.finished?.timings.cachedCount),
      reply.finished?.timings ?? Timings()
    )
  }

  /// Greedy with a bias to few letters falls into loops, so that there are drafts.
  private static func looping(_ change: (inout GenerationOptions) -> Void = { _ in }) -> GenerationOptions {
    var options = GenerationOptions.greedy(120)
    options.logitBias = "abc".utf8.map { .init(token: TokenID($0), bias: 20) }
    change(&options)
    return options
  }

  static let requests: [GenerationOptions] = [
    looping(), .greedy(200),
    looping {
      $0.temperature = 0.5
      $0.seed = 3
    },
    looping {
      $0.temperature = 0.8
      $0.seed = 5
      $0.repeatPenalty = 1.2
      $0.frequencyPenalty = 0.1
      $0.presencePenalty = 0.2
      $0.repeatLastN = 16
    },
    looping { $0.logprobs = 0 }, looping { $0.logprobs = 5 }, looping { $0.maxTokens = 1 },
    looping { $0.maxTokens = 2 }, looping { $0.maxTokens = 37 }, looping { $0.maxTokens = nil },
  ]

  @Test(arguments: requests)
  func aReplyIsTheSameWithout(options: GenerationOptions) {
    #expect(outcome(options, speculates: true).outcome == outcome(options, speculates: false).outcome)
  }

  @Test func draftsAreMadeAndCounted() {
    let (_, timings) = outcome(Self.looping(), speculates: true)
    #expect(timings.draftAcceptedCount > 20)
    #expect(timings.draftCount >= timings.draftAcceptedCount)
    #expect(timings.draftAcceptedCount < timings.predictedCount)
    let plain = outcome(Self.looping(), speculates: false).timings
    #expect(plain.draftCount == 0 && plain.draftAcceptedCount == 0)
  }

  @Test(arguments: [40, 41, 57, 64])
  func theContextsEndIsTheSame(context: Int) {
    let options = Self.looping { $0.maxTokens = nil }
    let drafted = outcome(options, speculates: true, context: context).outcome
    #expect(drafted == outcome(options, speculates: false, context: context).outcome)
    #expect(drafted.reason == .length)
  }

  /// Wherever in a draft the reply ends.
  @Test(arguments: 1...12)
  func stopStringsEndItAtTheSamePlace(length: Int) {
    let free = outcome(Self.looping(), speculates: false).outcome.text
    let options = Self.looping { $0.stop = [String(free.dropFirst(60).prefix(length))] }
    let drafted = outcome(options, speculates: true).outcome
    #expect(drafted == outcome(options, speculates: false).outcome)
    #expect(drafted.reason == .stop)
  }

  @Test func aCancelledReplyIsABeginningOfTheWholeOne() {
    let whole = outcome(Self.looping(), speculates: false).outcome
    for steps in [3, 10, 15] {
      let harness = WorkerHarness()
      harness.load()
      let id = harness.request()
      harness.worker.receive(.generate(id, GenerationCommand(input: prompt, options: Self.looping())))
      for _ in 0..<steps { _ = harness.step() }
      harness.worker.receive(.cancel(id))
      let reply = harness.reply(id)
      #expect(reply.finished?.reason == .aborted)
      #expect(reply.tokens == Array(whole.tokens.prefix(reply.tokens.count)))
      #expect(reply.finished?.timings.predictedCount == reply.tokens.count)
      #expect(whole.text.hasPrefix(reply.text))
      // What was drafted and not taken left no trace.
      #expect(harness.generate(prompt, Self.looping()).tokens == whole.tokens)
    }
  }
}
