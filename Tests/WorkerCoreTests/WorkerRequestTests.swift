import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Requests other than replies, and impossible ones.
@Suite struct WorkerRequestTests {
  @Test func tokensAndTextGoBothWays() {
    let harness = WorkerHarness.loaded()
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
    let harness = WorkerHarness.loaded()
    harness.worker.receive(.generate(50, GenerationCommand(input: .text("Hello"), options: .greedy(50))))
    _ = harness.step()
    _ = harness.step()
    harness.worker.receive(.tokenize(51, TokenizeCommand(text: "a")))
    #expect(harness.events.last == .tokens(51, [97]))
  }

  @Test func aLongTextIsTokenizedInSlicesThatCanBeCancelledBetween() {
    let harness = WorkerHarness.loaded()
    let text = String(repeating: "a", count: 300_000)
    harness.worker.receive(.tokenize(50, TokenizeCommand(text: text)))
    harness.worker.receive(.tokenize(51, TokenizeCommand(text: text)))
    harness.worker.receive(.tokenize(52, TokenizeCommand(text: "a")))
    harness.worker.receive(.detokenize(53, [98]))
    #expect(harness.events.last == .rendered(53, "b"))
    #expect(harness.step() && harness.step())
    harness.worker.receive(.cancel(50))
    #expect(harness.reply(50).error?.code == .cancelled)
    var slices = 0
    while harness.step() { slices += 1 }
    #expect(slices > 4 && harness.events.last == .tokens(52, [97]))
    #expect(harness.events.contains(.tokens(51, [TokenID](repeating: 97, count: 300_000))))
    harness.worker.receive(.tokenize(54, TokenizeCommand(text: text)))
    harness.worker.receive(.unload(55))
    #expect(harness.reply(54).error?.code == .cancelled)
    harness.run()
  }

  @Test func aTextTooLongToTokenizeIsRefused() {
    let harness = WorkerHarness.loaded()
    harness.worker.receive(.tokenize(50, TokenizeCommand(text: String(repeating: "a", count: 4 << 20 | 1))))
    #expect(harness.reply(50).error?.code == .invalidRequest)
    #expect(!harness.step())
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
    let harness = WorkerHarness.loaded()
    harness.worker.receive(.generate(50, command))
    harness.run()
    #expect(harness.reply(50).error?.code == .invalidRequest)
    #expect(harness.generate(.text("a")).finished?.reason == .length)
  }
}
