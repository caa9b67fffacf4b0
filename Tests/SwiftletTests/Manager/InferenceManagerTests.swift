import Foundation
import Swiftlet
import SwiftletTestSupport
import Testing

@Suite struct InferenceManagerTests {
  private static let greedy = GenerationOptions(maxTokens: 12, temperature: 0)
  /// A reply that goes on until someone stops it, or the context ends.
  private static let endless = GenerationOptions(temperature: 0)
  private static let large: TinyModel = {
    var model = TinyModel()
    model.contextLength = 65_536
    return model
  }()

  /// The code of a load's error; nil when it succeeded.
  private static func failure(_ manager: InferenceManager, _ model: String) async -> WorkerError.Code? {
    do throws(WorkerError) {
      try await manager.initialize(model)
      return nil
    } catch {
      return error.code
    }
  }

  @Test func aModelIsLoadedAndAnswers() async throws {
    let fixture = try ManagerFixture()
    let progress = Collected<LoadProgress>()
    let info = try await fixture.manager.initialize(fixture.model) { progress.append($0) }
    #expect(info.architecture == "llama" && info.contextLength == 512 && info.threads == 1)
    let reports = progress.values
    #expect(reports.last?.progress == 1 && reports.last?.step == .ready)
    for (earlier, later) in zip(reports, reports.dropFirst()) { #expect(earlier.progress <= later.progress) }

    var text = ""
    for try await piece in fixture.manager.generate([.user("Hello")], options: Self.greedy) { text += piece }
    #expect(text.utf8.count == 12)
    let reply = try await fixture.manager.generate(.chat(ChatInput(messages: [.user("Hello")])), options: Self.greedy)
      .finished
    #expect(reply.text == text)
    #expect(reply.finishReason == .length && reply.tokens.count == 12)
    #expect(reply.timings.promptCount == 1 && reply.timings.predictedCount == 12)
    await fixture.manager.terminate()
  }

  @Test func theRicherStreamHasTokensLogprobsAndTimings() async throws {
    let fixture = try ManagerFixture()
    try await fixture.manager.initialize(fixture.model)
    var options = Self.greedy
    options.logprobs = 3
    var kinds: [String] = []
    var tokens: [GeneratedToken] = []
    for try await event in fixture.manager.generate(.text("Hello"), options: options).events {
      switch event {
      case .started(let started):
        kinds.append("started")
        #expect(started.promptTokens.count == 5)
      case .prompt: kinds.append("prompt")
      case .text(let text):
        if kinds.last != "text" { kinds.append("text") }
        tokens += text.tokens
      case .finished(let finished):
        kinds.append("finished")
        #expect(finished.timings.predictedCount == 12 && finished.timings.firstTokenMilliseconds > 0)
      }
    }
    #expect(kinds == ["started", "text", "finished"])
    #expect(tokens.count == 12 && tokens.allSatisfy { $0.top.count == 3 && $0.logprob != nil })
    await fixture.manager.terminate()
  }

  @Test func severalThreadsGiveTheSameTokens() async throws {
    let fixture = try ManagerFixture()
    var replies: [[TokenID]] = []
    for threads in [1, 2, 3] {
      let info = try await fixture.manager.initialize(fixture.model, threads: threads)
      #expect(info.threads == threads)
      let reply = try await fixture.manager.generate(
        .text("Hello"), options: GenerationOptions(maxTokens: 64, temperature: 0)
      ).finished
      replies.append(reply.tokens.map(\.id))
    }
    #expect(replies[0] == replies[1] && replies[0] == replies[2])
    await fixture.manager.terminate()
  }

  // MARK: Stopping

  @Test func cancellingTheReaderStopsTheEngine() async throws {
    let fixture = try ManagerFixture(Self.large)
    try await fixture.manager.initialize(fixture.model, contextLength: 65_536)
    let manager = fixture.manager
    let reader = Task {
      var pieces = 0
      for try await _ in manager.generate("Go on", options: Self.endless) { pieces += 1 }
      return pieces
    }
    try await Task.sleep(for: .milliseconds(100))
    let cancelled = ContinuousClock.now
    reader.cancel()
    _ = try? await reader.value
    // Requests are serialized: this one runs when the other has ended.
    let next = try await manager.generate(.text("x"), options: GenerationOptions(maxTokens: 1, temperature: 0)).finished
    #expect(next.finishReason == .length)
    #expect(ContinuousClock.now - cancelled < .seconds(2))
    await manager.terminate()
  }

  @Test func aReplyWhoseReaderWasCancelledStillTellsItsEnd() async throws {
    let fixture = try ManagerFixture(Self.large)
    let manager = fixture.manager
    try await manager.initialize(fixture.model, contextLength: 65_536)
    let reply = manager.generate("Go on", options: Self.endless)
    let reader = Task {
      var text = ""
      for try await piece in reply { text += piece }
      return text
    }
    try await Task.sleep(for: .milliseconds(100))
    reader.cancel()
    let read = try await reader.value
    let whole = try await reply.finished
    #expect(whole.finishReason == .aborted && whole.timings.predictedCount > 0)
    #expect(!read.isEmpty && whole.text.hasPrefix(read))
    await manager.terminate()
  }

  @Test func abortingAReplyEndsNoOther() async throws {
    let fixture = try ManagerFixture(Self.large)
    let manager = fixture.manager
    try await manager.initialize(fixture.model, contextLength: 65_536)
    let replies = (0..<3).map { _ in manager.generate("Go on", options: Self.endless) }
    let last = manager.generate("Go on", options: Self.greedy)
    // The one that runs, one that waits, and one whose waiter is cancelled.
    replies[0].abort()
    replies[1].abort()
    let waiter = Task { try await replies[2].finished }
    waiter.cancel()
    #expect(try await waiter.value.finishReason == .aborted)
    for reply in replies { #expect(try await reply.finished.finishReason == .aborted) }
    #expect(try await last.finished.finishReason == .length)
    replies[0].abort()
    await manager.terminate()
  }

  @Test func aReplyTellsItsErrorToTheReaderAndToWhoeverWaits() async throws {
    let reply = try ManagerFixture().manager.generate("Hello")
    await #expect(throws: WorkerError.self) { for try await _ in reply {} }
    do throws(WorkerError) {
      _ = try await reply.finished
      Issue.record("there is no model")
    } catch {
      #expect(error.code == .noModel)
    }
  }

  @Test func leavingTheLoopStopsTheEngine() async throws {
    let fixture = try ManagerFixture(Self.large)
    try await fixture.manager.initialize(fixture.model, contextLength: 65_536)
    for try await _ in fixture.manager.generate("Go on", options: Self.endless) { break }
    let next = try await fixture.manager.generate(.text("x"), options: Self.greedy).finished
    #expect(next.finishReason == .length)
    await fixture.manager.terminate()
  }

  @Test func abortEndsTheStreamsWithoutError() async throws {
    let fixture = try ManagerFixture(Self.large)
    let manager = fixture.manager
    try await manager.initialize(fixture.model, contextLength: 65_536)
    let replies = (0..<2).map { _ in Task { try await manager.generate(.text("Go on"), options: Self.endless).finished }
    }
    try await Task.sleep(for: .milliseconds(100))
    manager.abort()
    let first = try await replies[0].value
    let second = try await replies[1].value
    #expect(first.finishReason == .aborted && second.finishReason == .aborted)
    // One was running, the other waiting.
    #expect(first.tokens.isEmpty != second.tokens.isEmpty)
    await manager.terminate()
  }

  @Test func requestsRunOneAfterTheOther() async throws {
    let fixture = try ManagerFixture()
    let manager = fixture.manager
    try await manager.initialize(fixture.model)
    let order = Collected<Int>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<4 {
        group.addTask {
          for try await event in manager.generate(.text("Request \(index)"), options: Self.greedy).events {
            switch event {
            case .started, .finished: order.append(index)
            default: break
            }
          }
        }
      }
      try await group.waitForAll()
    }
    let seen = order.values
    #expect(seen.count == 8)
    await manager.terminate()
  }

  // MARK: Loading

  @Test func anotherLoadTakesTheFirstOnesPlace() async throws {
    let file = try TinyModel().write()
    let (provider, cancelled) = ManagerFixture.slow(file)
    let fixture = try ManagerFixture(provider: provider)
    let manager = fixture.manager
    let first = Task { await Self.failure(manager, "slow") }
    #expect(await eventually { manager.modelState.downloadProgress > 0 })
    try await manager.initialize("fast")
    #expect(await first.value == .cancelled)
    for await _ in cancelled { break }
    #expect(manager.modelState.currentModel == "fast" && manager.modelState.loadingStep == .ready)
    await manager.terminate()
  }

  @Test func cancellingTheTaskCancelsTheLoad() async throws {
    let (provider, cancelled) = ManagerFixture.slow()
    let manager = try ManagerFixture(provider: provider).manager
    let load = Task { await Self.failure(manager, "slow") }
    #expect(await eventually { manager.modelState.downloadProgress > 0 })
    load.cancel()
    #expect(await load.value == .cancelled)
    for await _ in cancelled { break }
    #expect(await eventually { manager.modelState.loadingStep == .idle })
    await manager.terminate()
  }

  @Test func aTaskThatIsCancelledAlreadyLoadsNothing() async throws {
    let (provider, _) = ManagerFixture.slow()
    let manager = try ManagerFixture(provider: provider).manager
    let load = Task {
      while !Task.isCancelled { await Task.yield() }
      return await Self.failure(manager, "slow")
    }
    load.cancel()
    #expect(await load.value == .cancelled)
    #expect(await eventually { !manager.modelState.isLoading })
    await manager.terminate()
  }

  @Test func errorsKeepTheirCode() async throws {
    let fixture = try ManagerFixture(memoryLimit: 400_000)
    let manager = fixture.manager
    await #expect(throws: WorkerError.self) { try await manager.generate(.text("x")).finished }
    for (model, code) in [
      ("/nowhere/model.gguf", WorkerError.Code.modelNotFound), (fixture.model, .notEnoughMemory),
      ("genius", .notEnoughMemory),
    ] {
      #expect(await Self.failure(manager, model) == code)
      #expect(manager.modelState.error?.code == code)
    }
    await manager.terminate()
  }

  @Test func aModelThatCannotRunIsRefusedWhileItArrives() async throws {
    var unknown = TinyModel()
    unknown.architecture = "mamba9"
    unknown.embedding = 256
    let file = try unknown.write()
    let size = UInt64(try #require(try file.resourceValues(forKeys: [.fileSizeKey]).fileSize))
    #expect(size > 2 << 20)
    let (cancelled, signal) = AsyncStream.makeStream(of: Void.self)
    let provider = ModelProvider { _, progress in
      // The first 2 MB are there, the rest never comes.
      progress(ModelProvider.Report(received: 2 << 20, total: size, beginning: file))
      do {
        try await Task.sleep(for: .seconds(60))
      } catch {
        signal.yield()
        throw error
      }
      return [file]
    }
    let manager = try ManagerFixture(provider: provider).manager
    #expect(await Self.failure(manager, "org/unknown") == .unsupportedModel)
    #expect(manager.modelState.error?.message.contains("mamba9") == true)
    for await _ in cancelled { break }
    await manager.terminate()
  }

  @Test func aModelWithAMissingPartIsNotFound() async throws {
    let missing = FileManager.default.temporaryDirectory.appending(path: "x-00001-of-00002.gguf")
    let manager = try ManagerFixture().manager
    #expect(await Self.failure(manager, missing.path) == .modelNotFound)
    await manager.terminate()
  }

  // MARK: Tokens

  @Test func tokensTextAndTemplates() async throws {
    let fixture = try ManagerFixture()
    let manager = fixture.manager
    await #expect(throws: WorkerError.self) { try await manager.tokenize("a") }
    try await manager.initialize(fixture.model)
    #expect(try await manager.tokenize("ab") == [97, 98])
    #expect(try await manager.detokenize([97, 98]) == "ab")
    #expect(
      try await manager.applyTemplate(ChatInput(messages: [.user("a")]))
        == "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n")
    await manager.terminate()
  }

  // MARK: Ending

  @Test func terminateAnswersWhatWaitsAndALaterLoadStartsAnew() async throws {
    let fixture = try ManagerFixture(Self.large)
    let manager = fixture.manager
    try await manager.initialize(fixture.model, contextLength: 65_536)
    let reply = Task { try await manager.generate(.text("Go on"), options: Self.endless).finished }
    try await Task.sleep(for: .milliseconds(50))
    await manager.terminate()
    do {
      _ = try await reply.value
      Issue.record("the reply ended by itself")
    } catch {
      #expect((error as? WorkerError)?.code == .terminated)
    }
    #expect(manager.modelState == ModelState(availableModels: ModelCatalog.models))
    await manager.terminate()
    try await manager.initialize(fixture.model)
    #expect(manager.modelState.loadingStep == .ready)
    await manager.terminate()
  }

  @Test func aManagerThatIsForgottenEndsItsThread() async throws {
    weak var forgotten: InferenceManager?
    do {
      let fixture = try ManagerFixture()
      try await fixture.manager.initialize(fixture.model)
      forgotten = fixture.manager
      #expect(forgotten != nil)
    }
    #expect(await eventually { forgotten == nil })
  }

  #if os(Linux)
    @Test func terminateGivesAllMemoryBack() async {
      // In a process of its own: other tests need memory too.
      await #expect(processExitsWith: .success) {
        func resident() throws -> Int {
          let status = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
          return try #require(status.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 4096
        }
        // 19 MB of weights; of the cache the pages that tokens were written to.
        var model = TinyModel()
        model.contextLength = 8192
        model.embedding = 512
        let fixture = try ManagerFixture(model)
        let manager = fixture.manager
        // What the library itself takes the first time.
        try await manager.initialize(fixture.model, contextLength: 64)
        await manager.terminate()

        let before = try resident()
        try await manager.initialize(fixture.model, contextLength: 8192)
        let prompt = String(repeating: "long ", count: 100)
        _ = try await manager.generate(.text(prompt), options: GenerationOptions(maxTokens: 1, temperature: 0)).finished
        let loaded = try resident()
        await manager.terminate()
        let after = try resident()
        try #require(loaded - before > 18_000_000)
        try #require(after - before < (loaded - before) / 4)
      }
    }
  #endif
}
