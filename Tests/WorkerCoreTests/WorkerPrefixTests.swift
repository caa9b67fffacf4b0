import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Keys and values that are kept of conversations: the same replies, sooner, and never wrong ones.
@Suite struct WorkerPrefixTests {
  private static let question = GenerationInput.text(String(repeating: "a question of some length ", count: 9))
  private static let answer: [TokenID] = {
    let harness = WorkerHarness()
    harness.load()
    return harness.generate(question).ids
  }()
  private static let promptCount = 9 * 26

  /// What a first visit leaves of the conversation "c".
  private static let kept: [UInt8] = {
    let harness = loaded()
    harness.generate(question, conversation: "c")
    return harness.files["c"] ?? []
  }()

  private static func loaded(_ model: TinyModel = TinyModel(), file: [UInt8]? = nil) -> WorkerHarness {
    let harness = WorkerHarness(keepsPrefixes: true)
    harness.files["c"] = file
    harness.load(model)
    return harness
  }

  @Test func aLaterVisitReadsBackWhatIsKept() throws {
    let first = Self.loaded()
    let reply = first.generate(Self.question, conversation: "c")
    #expect(reply.finished?.timings.restoredCount == 0)
    let blockSize = 16 + 32 * 2 * 2 * 32 * 2
    #expect(first.files["c"]?.count == (Self.promptCount + 15) / 32 * blockSize)

    let second = Self.loaded(file: first.files["c"])
    let again = second.generate(Self.question, conversation: "c")
    let timings = try #require(again.finished?.timings)
    #expect(timings.restoredCount == 224 && timings.cachedCount == 224 && timings.promptCount == 10)
    #expect(again.ids == reply.ids)
    #expect(again.started?.cachedCount == 0)
    let progress = second.events.compactMap { if case .prompt(_, let p) = $0 { p } else { nil } }
    #expect(progress == [PromptProgress(done: 224, total: Self.promptCount)])
    #expect(second.files == first.files)
  }

  @Test func aConversationThatGoesOnOnlyAppends() throws {
    let harness = Self.loaded(file: Self.kept)
    guard case .text(let text) = Self.question else { return }
    harness.generate(.text(text + text), conversation: "c")
    let file = try #require(harness.files["c"])
    #expect(file.count == 15 * 8208 && Array(file[..<Self.kept.count]) == Self.kept)
    #expect(harness.generate(.text(text + text), conversation: "c").finished?.timings.restoredCount == 0)
    let later = Self.loaded(file: file)
    #expect(later.generate(.text(text + text), conversation: "c").finished?.timings.restoredCount == 448)
  }

  @Test func onlyTheCommonPrefixIsUsed() throws {
    guard case .text(let text) = Self.question else { return }
    var changed = Array(text.utf8)
    changed[100] = UInt8(ascii: "!")
    let prompt = GenerationInput.text(String(decoding: changed, as: UTF8.self))
    let fresh = WorkerHarness()
    fresh.load()
    let harness = Self.loaded(file: Self.kept)
    let reply = harness.generate(prompt, conversation: "c")
    #expect(reply.finished?.timings.restoredCount == 96)
    #expect(reply.ids == fresh.generate(prompt).ids)
    // Of the same length, but for the other words.
    #expect(harness.files["c"]?.count == Self.kept.count && harness.files["c"] != Self.kept)
  }

  @Test func theCacheInMemoryComesFirst() {
    let harness = Self.loaded(file: Self.kept)
    harness.generate(Self.question)
    let before = harness.bytesRead
    let reply = harness.generate(Self.question, conversation: "c")
    #expect(reply.finished?.timings.restoredCount == 0 && reply.started?.cachedCount == Self.promptCount - 1)
    // Names of blocks only.
    #expect(harness.bytesRead - before < 200)
    #expect(harness.files["c"] == Self.kept)
  }

  @Test func nothingIsKeptOfRequestsWithoutAConversation() {
    let harness = Self.loaded()
    harness.generate(Self.question)
    #expect(harness.files.isEmpty)
    #expect(!harness.events.contains { if case .openPrefix = $0 { true } else { false } })
  }

  // MARK: Hostile files

  @Test func anotherModelsFileIsIgnored() {
    var other = TinyModel()
    other.seed = 2
    let fresh = WorkerHarness()
    fresh.load(other)
    let harness = Self.loaded(other, file: Self.kept)
    let reply = harness.generate(Self.question, conversation: "c")
    #expect(reply.finished?.timings.restoredCount == 0)
    #expect(reply.ids == fresh.generate(Self.question).ids)
    #expect(harness.files["c"]?.isEmpty == false && harness.files["c"] != Self.kept)
  }

  @Test func brokenFilesNeverChangeAToken() throws {
    var generator = SplitMix(state: 5)
    for round in 0..<60 {
      var file = Self.kept
      switch round % 4 {
      case 0: file[Int(generator.next() % UInt64(file.count))] ^= UInt8(1 << generator.next() % 8)
      case 1: file.removeLast(Int(generator.next() % UInt64(file.count)) + 1)
      case 2: file = (0..<Int(generator.next() % 30_000)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      default: file.removeFirst(Int(generator.next() % UInt64(file.count)))
      }
      let harness = Self.loaded(file: file)
      let reply = harness.generate(Self.question, conversation: "c")
      #expect(reply.ids == Self.answer, "round \(round)")
      #expect(try #require(reply.finished?.timings.restoredCount) <= 224)
      // What was broken is right again.
      #expect(harness.files["c"] == Self.kept, "round \(round)")
    }
  }

  @Test func aBlockWithARightNameAndWrongNumbersIsNotTaken() throws {
    var file = Self.kept
    file[3 * 8208 + 4000] ^= 1
    let harness = Self.loaded(file: file)
    let reply = harness.generate(Self.question, conversation: "c")
    #expect(reply.finished?.timings.restoredCount == 96)
    #expect(reply.ids == Self.answer && harness.files["c"] == Self.kept)
  }

  // MARK: The shell

  @Test func aFileThatCannotBeOpenedCostsNothingElse() {
    let harness = Self.loaded()
    harness.opensPrefixes = false
    #expect(harness.generate(Self.question, conversation: "c").ids == Self.answer)
    #expect(harness.files.isEmpty)
  }

  @Test func aReplyWaitsForTheFileWithoutSpinningAndCanBeCancelled() {
    let harness = Self.loaded(file: Self.kept)
    let id = harness.request()
    harness.worker.receive(
      .generate(id, GenerationCommand(input: Self.question, options: .greedy(16), conversation: "c")))
    #expect(harness.worker.step() == .again)
    #expect(harness.worker.step() == .waiting)
    #expect(harness.worker.step() == .waiting)
    harness.worker.receive(.cancel(id))
    #expect(harness.reply(id).finished?.reason == .aborted)
    #expect(harness.generate(Self.question, conversation: "c").ids == Self.answer)
  }

  @Test func aFullDiskKeepsWholeBlocks() {
    let harness = Self.loaded()
    harness.room = 3 * 8208 + 100
    harness.generate(Self.question, conversation: "c")
    #expect(harness.files["c"] == Array(Self.kept[..<(3 * 8208)]))
    let limited = Self.loaded()
    limited.prefixLimit = 2 * 8208
    limited.generate(Self.question, conversation: "c")
    #expect(limited.files["c"] == Array(Self.kept[..<(2 * 8208)]))
  }

  @Test func aRequestComesBeforeWhatIsStillToBeKept() throws {
    let harness = Self.loaded()
    harness.tick = 30  // each slice keeps one block
    let id = harness.request()
    harness.worker.receive(
      .generate(id, GenerationCommand(input: Self.question, options: .greedy(16), conversation: "c")))
    while harness.reply(id).finished == nil || (harness.files["c"]?.count ?? 0) < 8208 {
      _ = harness.step()
      _ = harness.servePrefixes()
    }
    let keptSoFar = try #require(harness.files["c"]?.count)
    #expect(keptSoFar < Self.kept.count)
    let next = harness.request()
    harness.worker.receive(.generate(next, GenerationCommand(input: Self.question, options: .greedy(16))))
    _ = harness.step()
    #expect(harness.reply(next).started != nil)
    harness.run()
    #expect(harness.files["c"]?.count == keptSoFar, "another conversation's tokens are not kept under this name")
  }

  @Test func whatIsForgottenIsDeletedAndNotWrittenAgain() {
    let harness = Self.loaded()
    harness.tick = 30
    let id = harness.request()
    harness.worker.receive(
      .generate(id, GenerationCommand(input: Self.question, options: .greedy(16), conversation: "c")))
    while harness.reply(id).finished == nil { _ = harness.step() || harness.servePrefixes() }
    harness.files["d"] = [1]
    harness.worker.receive(.forget("c"))
    harness.run()
    #expect(harness.files == ["d": [1]])
    harness.worker.receive(.forget(""))
    harness.run()
    #expect(harness.files.isEmpty)
  }

  @Test func wrongKernelsTakeEverythingThatIsKeptWithThem() {
    let harness = Self.loaded(file: Self.kept)
    var checks = 0
    harness.kernelsPass = { _ in
      checks += 1
      return checks != 1
    }
    puttingKernelsBack { _ = harness.generate(Self.question, .greedy(40), conversation: "d") }
    #expect(harness.files["c"] == nil)
  }
}
