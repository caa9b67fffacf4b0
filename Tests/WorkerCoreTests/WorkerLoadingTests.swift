import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

@Suite struct WorkerLoadingTests {
  @Test func aLoadGoesThroughItsStepsToReady() throws {
    let harness = WorkerHarness()
    harness.worker.start()
    #expect(harness.states == [ModelState(availableModels: ModelCatalog.models)])
    let id = harness.load()

    let steps = harness.states.map(\.loadingStep).reduce(into: [LoadingStep]()) { steps, step in
      if steps.last != step { steps.append(step) }
    }
    #expect(steps == [.idle, .downloading, .compiling, .ready])
    let last = try #require(harness.states.last)
    #expect(last.currentModel == "tiny.gguf" && !last.isLoading && last.downloadProgress == 1 && last.error == nil)
    let info = try #require(
      harness.events.compactMap { if case .loaded(id, let info) = $0 { info } else { nil } }.first)
    #expect(info.architecture == "llama" && info.name == "Tiny" && info.hasChatTemplate)
    #expect(info.vocabularySize == TinyModel.vocabularySize)
    #expect(info.contextLength == 512 && info.trainedContextLength == 512)
    #expect(harness.released == 0)
  }

  @Test func buildingTheEngineTakesSeveralSlices() {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    #expect(harness.step() == false)
    harness.arrive(TinyModel().bytes(), for: harness.fetch!)
    #expect(harness.run() >= 4)
  }

  @Test func progressNeverGoesBackWhateverIsReported() {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    let fetch = harness.fetch!
    for (received, total) in [(0, 0), (10, 100), (50, 100), (20, 100), (60, 50), (100, 100)] as [(UInt64, UInt64)] {
      harness.clock += 1000
      harness.worker.fetchProgressed(fetch, received: received, total: total)
    }
    harness.arrive(TinyModel().bytes(), for: fetch)
    harness.run()
    let progress = harness.progress
    #expect(progress.count > 8)
    for (earlier, later) in zip(progress, progress.dropFirst()) {
      #expect(earlier.progress <= later.progress)
      #expect(earlier.bytes <= later.bytes && earlier.totalBytes <= later.totalBytes)
      #expect(earlier.step.rawValue <= later.step.rawValue)
      #expect(earlier.timeElapsed <= later.timeElapsed)
    }
    #expect(progress.allSatisfy { (0...1).contains($0.progress) && $0.bytes <= max($0.totalBytes, $0.bytes) })
    #expect(progress.last?.progress == 1 && progress.last?.step == .ready)
  }

  @Test func theTimeLeftFollowsTheRate() throws {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    for second in 0...4 {
      harness.worker.fetchProgressed(harness.fetch!, received: UInt64(second) * 10_000_000, total: 100_000_000)
      harness.clock += 1000
    }
    let last = try #require(harness.progress.last)
    #expect(last.bytes == 40_000_000)
    #expect(abs(try #require(last.remaining) - 6) < 0.01)
    #expect(last.text == "Downloading x: 40.0 MB of 100.0 MB")
  }

  @Test func progressEventsComeAtMostTenTimesASecond() {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    for _ in 0..<1000 {
      harness.clock += 1
      harness.worker.fetchProgressed(harness.fetch!, received: UInt64(harness.clock), total: 100_000)
    }
    #expect((9...12).contains(harness.progress.count))
  }

  @Test(arguments: [UInt64.max, UInt64.max - 1, UInt64.max / 2 + 1])
  func sizesThatNoMemoryHasAreRefusedInWords(total: UInt64) throws {
    let harness = WorkerHarness()
    harness.memoryLimit = 1 << 32
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    harness.worker.fetchProgressed(harness.fetch!, received: 1, total: total)
    let error = try #require(harness.reply(1).error)
    #expect(error.code == .notEnoughMemory && error.need == total && error.limit == 1 << 32)
    #expect(error.message.contains("GB of memory"))
  }

  @Test func aLoadWhileLoadingSwitches() throws {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "first")))
    let first = try #require(harness.fetch)
    harness.worker.receive(.load(2, LoadCommand(model: "second")))
    #expect(harness.reply(1).error?.code == .cancelled)
    #expect(harness.events.contains(.cancelFetch(first)))
    // What the first fetch still brings is given back and changes nothing.
    harness.arrive(TinyModel().bytes(), for: first)
    #expect(harness.released == 1)
    harness.worker.fetchFailed(first, WorkerError(.downloadFailed, "late"))
    #expect(harness.states.last?.currentModel == "second" && harness.states.last?.isLoading == true)
    harness.arrive(TinyModel().bytes(), for: try #require(harness.fetch))
    harness.run()
    #expect(harness.states.last?.loadingStep == .ready)
    #expect(harness.events.contains { if case .loaded(2, _) = $0 { true } else { false } })
  }

  @Test func aLoadWhileTheEngineIsBuiltSwitchesAndGivesTheBytesBack() {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "first")))
    harness.arrive(TinyModel().bytes(), for: harness.fetch!)
    #expect(harness.step())
    harness.worker.receive(.load(2, LoadCommand(model: "second")))
    #expect(harness.released == 1)
    #expect(harness.reply(1).error?.code == .cancelled)
    #expect(!harness.events.contains { if case .cancelFetch = $0 { true } else { false } })
  }

  @Test func theSameLoadTwiceIsDoneOnce() {
    let harness = WorkerHarness()
    let command = LoadCommand(model: "x", contextLength: 64)
    harness.worker.receive(.load(1, command))
    harness.worker.receive(.load(2, command))
    harness.arrive(TinyModel().bytes(), for: harness.fetch!)
    harness.run()
    harness.worker.receive(.load(3, command))
    let answers = harness.events.compactMap { if case .loaded(let id, let info) = $0 { (id, info) } else { nil } }
    #expect(answers.map(\.0) == [1, 2, 3])
    #expect(answers.allSatisfy { $0.1.contextLength == 64 })
    #expect(harness.released == 0)
  }

  @Test func anotherModelReplacesTheLoadedOne() {
    let harness = WorkerHarness()
    harness.load()
    harness.load(TinyModel(), LoadCommand(model: "other"))
    #expect(harness.released == 1)
    #expect(harness.states.last?.currentModel == "other")
  }

  @Test func unloadFreesTheModel() {
    let harness = WorkerHarness()
    harness.load()
    harness.worker.receive(.unload(50))
    #expect(harness.released == 1)
    #expect(harness.events.last == .unloaded(50))
    #expect(harness.states.last == ModelState(availableModels: ModelCatalog.models))
    #expect(harness.generate(.text("x")).error?.code == .noModel)
  }

  @Test func theEndOfTheWorkerFreesTheModel() {
    let harness = WorkerHarness()
    harness.load()
    harness.terminate()
    #expect(harness.released == 1)
  }

  @Test func theEndOfTheWorkerFreesAModelThatIsLoading() {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    harness.arrive(TinyModel().bytes(), for: harness.fetch!)
    #expect(harness.step())
    harness.terminate()
    #expect(harness.released == 1)
  }

  @Test func aCancelledLoadLeavesNothing() {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    harness.worker.receive(.generate(2, GenerationCommand(input: .text("a"))))
    harness.worker.receive(.cancelLoad)
    #expect(harness.reply(1).error?.code == .cancelled)
    #expect(harness.reply(2).finished?.reason == .aborted)
    #expect(harness.events.contains(.cancelFetch(harness.fetch!)))
    #expect(harness.states.last == ModelState(availableModels: ModelCatalog.models))
  }

  @Test func aFailedFetchIsTheStatesErrorUntilTheNextLoad() {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    let error = WorkerError(.offline, "No network.")
    harness.worker.fetchFailed(harness.fetch!, error)
    #expect(harness.reply(1).error == error)
    #expect(harness.states.last?.error == error && harness.states.last?.loadingStep == .error)
    harness.load()
    #expect(harness.states.last?.error == nil && harness.states.last?.loadingStep == .ready)
  }

  /// Whoever hears that a load has ended finds the state that goes with it.
  @Test func theStateChangesBeforeTheAnswer() throws {
    let harness = WorkerHarness()
    func stateBeforeAnswer(to id: RequestID) throws -> ModelState {
      let index = try #require(
        harness.events.firstIndex {
          switch $0 {
          case .failed(id, _), .loaded(id, _): true
          default: false
          }
        })
      let states = harness.events[..<index].compactMap { if case .state(let state) = $0 { state } else { nil } }
      return try #require(states.last)
    }
    harness.worker.receive(.load(10, LoadCommand(model: "a")))
    harness.worker.receive(.load(11, LoadCommand(model: "b")))
    #expect(try stateBeforeAnswer(to: 10).currentModel == "b")
    harness.worker.receive(.cancelLoad)
    #expect(try stateBeforeAnswer(to: 11).loadingStep == .idle)
    harness.worker.receive(.load(12, LoadCommand(model: "c")))
    harness.worker.fetchFailed(harness.fetch!, WorkerError(.offline, ""))
    #expect(try stateBeforeAnswer(to: 12).loadingStep == .error)
    harness.worker.receive(.load(13, LoadCommand(model: "d")))
    harness.worker.receive(.unload(14))
    #expect(try stateBeforeAnswer(to: 13).loadingStep == .idle)
    harness.load(TinyModel(), LoadCommand(model: "e"))
    let last = try #require(
      harness.events.compactMap { if case .loaded(let id, _) = $0 { id } else { nil } }.last)
    #expect(try stateBeforeAnswer(to: last).loadingStep == .ready)
  }

  @Test func oneOfTwoRequestsForALoadCanBeTakenBack() {
    let harness = WorkerHarness()
    for id in [20, 21] as [RequestID] { harness.worker.receive(.load(id, LoadCommand(model: "a"))) }
    harness.worker.receive(.cancel(20))
    #expect(harness.reply(20).error?.code == .cancelled && harness.states.last?.isLoading == true)
    harness.worker.receive(.cancel(21))
    #expect(harness.reply(21).error?.code == .cancelled && harness.states.last?.loadingStep == .idle)
  }

  @Test(arguments: [0, 4, 100, 5000, 200_000])
  func aTruncatedFileIsAnInvalidModel(length: Int) {
    let harness = WorkerHarness()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    harness.arrive(Array(TinyModel().bytes()[..<length]), for: harness.fetch!)
    harness.run()
    #expect(harness.reply(1).error?.code == .invalidModel)
    #expect(harness.states.last?.loadingStep == .error)
    #expect(harness.released == 1)
  }

  @Test func anUnknownArchitectureNamesTheKnownOnes() {
    let harness = WorkerHarness()
    var model = TinyModel()
    model.architecture = "mamba9"
    harness.load(model)
    let error = harness.reply(1).error
    #expect(error?.code == .unsupportedModel)
    #expect(error?.message.contains("mamba9") == true && error?.message.contains("llama") == true)
  }

  // MARK: Memory

  @Test func aHeaderThatDoesNotFitIsRefusedWithNeedAndLimit() throws {
    let harness = WorkerHarness()
    let bytes = TinyModel().bytes()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    let fetch = try #require(harness.fetch)
    let verdict = bytes.withUnsafeBytes {
      harness.worker.inspectHeader(fetch, prefix: $0, fileSize: UInt64(bytes.count), limit: 400_000)
    }
    #expect(verdict == .refused)
    let error = try #require(harness.reply(1).error)
    #expect(error.code == .notEnoughMemory && error.limit == 400_000)
    #expect(error.need > UInt64(bytes.count))
    #expect(error.message.contains("0.4 MB"))
    #expect(harness.events.contains(.cancelFetch(fetch)))
  }

  @Test func aHeaderIsInspectedAsSoonAsItIsThere() throws {
    let harness = WorkerHarness()
    let bytes = TinyModel().bytes()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    let fetch = try #require(harness.fetch)
    var length = 16
    var rounds = 0
    while true {
      let verdict = bytes[..<length].withUnsafeBytes {
        harness.worker.inspectHeader(fetch, prefix: $0, fileSize: UInt64(bytes.count))
      }
      guard case .needsMoreBytes(let wanted) = verdict else {
        #expect(verdict == .fits)
        break
      }
      #expect(wanted > UInt64(length))
      length = min(max(Int(wanted), length * 2), bytes.count)
      rounds += 1
    }
    #expect(rounds > 0 && length < bytes.count)
  }

  /// A model that lacks tensors of its architecture, and one whose architecture nobody knows.
  @Test(arguments: [("qwen3", WorkerError.Code.invalidModel), ("mamba", .unsupportedModel)])
  func whatCannotBeLoadedIsRefusedByItsHeader(architecture: String, code: WorkerError.Code) throws {
    var model = TinyModel()
    model.architecture = architecture
    let harness = WorkerHarness()
    let bytes = model.bytes()
    harness.worker.receive(.load(1, LoadCommand(model: "x")))
    let fetch = try #require(harness.fetch)
    let beginning = bytes[..<(bytes.count / 2)]
    let verdict = beginning.withUnsafeBytes {
      harness.worker.inspectHeader(fetch, prefix: $0, fileSize: UInt64(bytes.count))
    }
    #expect(verdict == .refused)
    #expect(harness.reply(1).error?.code == code)
    #expect(harness.events.contains(.cancelFetch(fetch)))
  }

  @Test func aPartThatIsAnotherOneIsRefusedByItsHeader() throws {
    let table: [(part: Int, parts: Int, verdict: HeaderVerdict)] = [
      (0, 0, .fits), (0, 1, .fits), (0, 2, .refused), (1, 2, .refused),
    ]
    for (part, parts, verdict) in table {
      let harness = WorkerHarness()
      let bytes = TinyModel().bytes()
      harness.worker.receive(.load(1, LoadCommand(model: "x")))
      let fetch = try #require(harness.fetch)
      let found = bytes.withUnsafeBytes {
        harness.worker.inspectHeader(fetch, prefix: $0, part: part, of: parts, fileSize: UInt64(bytes.count))
      }
      #expect(found == verdict)
      guard verdict == .refused else { continue }
      let error = try #require(harness.reply(1).error)
      #expect(error.code == .invalidModel && error.message.contains("part \(part + 1) of \(parts)"))
    }
  }

  @Test func aCatalogModelThatDoesNotFitIsNotEvenFetched() {
    let harness = WorkerHarness()
    harness.memoryLimit = 1_000_000_000
    harness.worker.receive(.load(1, LoadCommand(model: "genius")))
    #expect(harness.fetch == nil)
    #expect(harness.reply(1).error?.code == .notEnoughMemory)
    #expect(harness.states.last?.loadingStep == .error)
    #expect(harness.states.last?.currentModel == ModelCatalog.genius.id)
  }

  @Test func aDownloadLargerThanMemoryIsStoppedWhenItsSizeIsKnown() throws {
    let harness = WorkerHarness()
    harness.memoryLimit = 1_000_000_000
    harness.worker.receive(.load(1, LoadCommand(model: "org/repo")))
    let fetch = try #require(harness.fetch)
    harness.worker.fetchProgressed(fetch, received: 1, total: 2_000_000_000)
    #expect(harness.reply(1).error?.code == .notEnoughMemory)
    #expect(harness.events.contains(.cancelFetch(fetch)))
  }

  @Test func aFileThatDoesNotFitIsRefusedAlsoWithoutInspection() {
    let harness = WorkerHarness()
    harness.memoryLimit = 400_000
    harness.load()
    #expect(harness.reply(1).error?.code == .notEnoughMemory)
    #expect(harness.released == 1)
  }
}
