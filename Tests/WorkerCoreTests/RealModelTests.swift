import Foundation
import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// The Quick model's file, if `SWIFTLET_TEST_MODELS` names a directory with `smollm2.gguf`.
enum QuickModel {
  static let file: URL? = {
    guard let directory = ProcessInfo.processInfo.environment["SWIFTLET_TEST_MODELS"] else {
      print("SKIPPED: tests of the worker with the Quick model, since SWIFTLET_TEST_MODELS is not set")
      return nil
    }
    return URL(filePath: directory).appending(path: "smollm2.gguf")
  }()
}

/// The worker with SmolLM2-135M-Instruct, the Quick model.
@Suite(.serialized, .enabled(if: QuickModel.file != nil)) struct RealModelTests {
  /// A worker with the Quick model, mapped.
  private func loaded(_ file: URL? = QuickModel.file, threads: UInt32 = 2) throws -> WorkerHarness {
    let harness = WorkerHarness()
    let data = try Data(contentsOf: try #require(file), options: .alwaysMapped)
    harness.worker.receive(.load(1, LoadCommand(model: "quick", threads: threads)))
    try data.withUnsafeBytes { bytes in
      // `data` is kept by the closure; its bytes do not move.
      harness.worker.modelArrived(
        try #require(harness.fetch), ModelBytes(parts: [bytes]) { withExtendedLifetime(data) {} })
    }
    harness.run()
    #expect(harness.states.last?.loadingStep == .ready)
    return harness
  }

  @Test func theCatalogsMemoryNeedIsTheEnginesOwn() throws {
    let harness = try loaded()
    let info = try #require(
      harness.events.compactMap { if case .loaded(_, let info) = $0 { info } else { nil } }.first)
    #expect(info.model == ModelCatalog.quick.id && info.parameters == ModelCatalog.quick.parameters)
    let need = Double(ModelCatalog.quick.memoryNeed(contextLength: info.contextLength))
    let real = Double(info.weightBytes + info.workingBytes)
    #expect(abs(need / real - 1) < 0.1, "the catalog says \(need) bytes, the engine \(real)")
  }

  @Test func aSecondTurnReadsOnlyItsNewTokensAndAnswersAsAFreshRunDoes() throws {
    let harness = try loaded()
    var messages: [ChatMessage] = [.user("Name three colors.")]
    let first = harness.generate(.chat(ChatInput(messages: messages)), .greedy(32))
    let firstCount = try #require(first.started).promptTokens.count
    messages += [.assistant(first.text), .user("And three animals?")]
    let second = harness.generate(.chat(ChatInput(messages: messages)), .greedy(32))
    let timings = try #require(second.finished?.timings)
    // All of the first turn is there, but for its last token and how its text is cut into tokens.
    #expect(timings.cachedCount >= firstCount)
    #expect(timings.promptCount < 60)
    #expect(timings.cachedCount + timings.promptCount == second.started?.promptTokens.count)
    let fresh = try loaded().generate(.chat(ChatInput(messages: messages)), .greedy(32))
    #expect(second.ids == fresh.ids)
    #expect(fresh.finished?.timings.cachedCount == 0)
  }

  @Test(arguments: ["smollm2.gguf", "gemma3.gguf"])
  func speculationDoesNotChangeABit(name: String) throws {
    let file = try #require(QuickModel.file).deletingLastPathComponent().appending(path: name)
    let harness = try loaded(file)
    let sentence = "The keeper wrote every delivery into a book, with the weather and the ships that passed. "
    let prompt = GenerationInput.text(sentence + sentence + "The keeper wrote every")
    let sampled = GenerationOptions(
      maxTokens: 96, temperature: 0.6, repeatPenalty: 1.05, presencePenalty: 0.1, seed: 4, logprobs: 2,
      ignoresEndOfGeneration: true)
    let greedy = GenerationOptions(maxTokens: 96, temperature: 0, logprobs: 5, ignoresEndOfGeneration: true)
    for options in [greedy, sampled] {
      let drafted = harness.generate(prompt, options)
      var without = options
      without.speculation = false
      let plain = harness.generate(prompt, without)
      #expect(drafted.tokens == plain.tokens && drafted.text == plain.text)
      #expect(drafted.tokens.count == 96)
      let timings = try #require(drafted.finished?.timings)
      print("\(name): \(timings.draftAcceptedCount) of \(timings.draftCount) drafted tokens accepted")
      #expect(timings.draftCount > 0)
      #expect(plain.finished?.timings.draftCount == 0)
    }
  }

  @Test func cancelTakesNoLongerThanASlice() throws {
    let harness = try loaded()
    let clock = ContinuousClock()
    var slices: [Duration] = []
    harness.worker.receive(
      .generate(
        9, GenerationCommand(input: .text(String(repeating: "A long story. ", count: 100)), options: .greedy(30))))
    while true {
      let start = clock.now
      guard harness.step() else { break }
      slices.append(clock.now - start)
    }
    // A chunk of the prompt is the longest slice; what is asked for while it runs waits at most that long.
    let longest = try #require(slices.max())
    print("longest slice \(longest), median of a token \(slices.sorted()[slices.count / 2])")
    #expect(longest < .seconds(5))
  }
}
