import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Requests that wait for one another, are cancelled or come at the wrong time.
@Suite struct WorkerQueueTests {
  @Test func cancelLandsBetweenTwoTokens() throws {
    let harness = WorkerHarness.loaded()
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello"), options: .greedy(1000))))
    for _ in 0..<10 { #expect(harness.step()) }
    harness.worker.receive(.cancel(id))
    // The reply has ended with the command; no further token is made.
    let reply = harness.reply(id)
    #expect(reply.finished?.reason == .aborted)
    // One slice begins the request, one reads the prompt and makes the first token.
    #expect(reply.ids.count == 9)
    #expect(reply.finished?.timings.predictedCount == 9)
    #expect(harness.step() == false)
    #expect(harness.reply(id) == reply)
    // The model is there for the next request.
    #expect(harness.generate(.text("Hello")).finished?.reason == .length)
  }

  @Test func cancelLandsBetweenTwoChunksOfThePrompt() throws {
    let harness = WorkerHarness.loaded()
    let id = harness.request()
    let prompt = String(repeating: "x", count: 500)
    harness.worker.receive(.generate(id, GenerationCommand(input: .text(prompt), options: .greedy(10))))
    for _ in 0..<3 { #expect(harness.step()) }
    harness.worker.receive(.cancel(id))
    let reply = harness.reply(id)
    #expect(reply.finished?.reason == .aborted && reply.ids.isEmpty)
    #expect(reply.finished?.timings.promptCount == ExecutionLimits.mostRows)
  }

  @Test func requestsRunOneAfterTheOther() {
    let harness = WorkerHarness.loaded()
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
    let harness = WorkerHarness.loaded()
    let (first, second, third) = (harness.request(), harness.request(), harness.request())
    for id in [first, second, third] {
      harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello"), options: .greedy(8))))
    }
    #expect(harness.step())
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
    let harness = WorkerHarness.loaded()
    let (first, second) = (harness.request(), harness.request())
    for id in [first, second] {
      harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello"), options: .greedy(80))))
    }
    for _ in 0..<5 { _ = harness.step() }
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
}
