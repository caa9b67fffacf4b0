import Testing
import WorkerCore

/// What a request takes over from the one before.
@Suite struct WorkerReuseTests {
  @Test func aSecondTurnReadsOnlyWhatIsNew() throws {
    let harness = WorkerHarness.loaded()
    let first = harness.generate(.text("Once upon a time"))
    let prompt = "Once upon a time" + first.text + " And then"
    let second = harness.generate(.text(prompt))
    let timings = try #require(second.finished?.timings)
    // The last generated token never went through the model.
    #expect(timings.cachedCount == 16 + 15)
    #expect(timings.promptCount == prompt.utf8.count - 31)
    #expect(second.started?.cachedCount == 31)
    #expect(second.ids == WorkerHarness.loaded().generate(.text(prompt)).ids)
  }

  @Test func anEditedConversationKeepsItsCommonBeginning() throws {
    let harness = WorkerHarness.loaded()
    harness.generate(.text("The cat sat on the mat"))
    let edited = harness.generate(.text("The cat ran off"))
    #expect(edited.finished?.timings.cachedCount == 8)
    #expect(edited.ids == WorkerHarness.loaded().generate(.text("The cat ran off")).ids)
  }

  @Test func theSamePromptAgainReadsOneToken() {
    let harness = WorkerHarness.loaded()
    let first = harness.generate(.text("Again"))
    let second = harness.generate(.text("Again"))
    #expect(second.finished?.timings.promptCount == 1)
    #expect(second.ids == first.ids)
  }

  @Test func aCancelledReplyLeavesAUsableCache() {
    let harness = WorkerHarness.loaded()
    let id = harness.request()
    harness.worker.receive(.generate(id, GenerationCommand(input: .text("Hello there"), options: .greedy(100))))
    for _ in 0..<20 { _ = harness.step() }
    harness.worker.receive(.cancel(id))
    #expect(harness.generate(.text("Hello you")).ids == WorkerHarness.loaded().generate(.text("Hello you")).ids)
  }
}
