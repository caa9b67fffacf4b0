import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Texts that become vectors.
@Suite struct WorkerEmbeddingTests {
  /// Whose tokens see each other, and whose first one stands for the text.
  private static let bidirectional: TinyModel = {
    var model = TinyModel()
    (model.isBidirectional, model.pooling) = (true, 2)
    return model
  }()

  /// A decoder whose last token stands for the text.
  private static let decoder: TinyModel = {
    var model = TinyModel()
    model.pooling = 3
    return model
  }()

  private func vectors(_ harness: WorkerHarness, _ id: RequestID) -> [EmbeddedEvent] {
    harness.events.compactMap { if case .embedded(id, let event) = $0 { event } else { nil } }
  }

  private func embed(_ harness: WorkerHarness, _ command: EmbedCommand) -> [EmbeddedEvent] {
    let id = harness.request()
    harness.worker.receive(.embed(id, command))
    harness.run()
    return vectors(harness, id)
  }

  @Test(arguments: [bidirectional, decoder])
  func eachTextHasItsVector(_ model: TinyModel) {
    let harness = WorkerHarness.loaded(model)
    let texts = ["one", String(repeating: "two ", count: 100), "three"]
    let made = embed(harness, EmbedCommand(texts: texts))
    #expect(made.map(\.index) == [0, 1, 2] && made.map(\.tokenCount) == texts.map(\.utf8.count))
    for (text, event) in zip(texts, made) {
      #expect(event.vector.count == model.embedding)
      #expect(abs(event.vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
      // Whoever comes before changes nothing.
      #expect(embed(harness, EmbedCommand(texts: [text])).first?.vector == event.vector)
    }
    #expect(made[0].vector != made[2].vector)
    let raw = embed(harness, EmbedCommand(texts: ["one"], normalizes: false))
    #expect(raw.first?.vector != made[0].vector)
  }

  @Test func theFirstTokenSeesTheLast() {
    let texts = ["a", "b"].map { String(repeating: "x", count: 500) + $0 }
    var loaded = WorkerHarness.loaded(Self.bidirectional)
    var made = embed(loaded, EmbedCommand(texts: texts)).map(\.vector)
    #expect(made.count == 2 && made.first != made.last)
    // A decoder's does not, nor does the last one of a text that goes on see what follows.
    loaded = WorkerHarness.loaded(Self.decoder)
    made = embed(loaded, EmbedCommand(texts: texts, pooling: .cls)).map(\.vector)
    #expect(made.count == 2 && made.first == made.last)
  }

  @Test func theInstructionSetChangesNoBit() throws {
    try puttingKernelsBack {
      let texts = ["one", String(repeating: "two ", count: 100)]
      var expected: [[Float]]?
      for name in InstructionSet.available {
        try #require(InstructionSet.select(name))
        let found = embed(WorkerHarness.loaded(Self.bidirectional), EmbedCommand(texts: texts)).map(\.vector)
        #expect(found == expected ?? found && found.count == 2)
        expected = found
      }
    }
  }

  @Test func whatIsTooLongIsRefusedOrCut() throws {
    let harness = WorkerHarness.loaded(Self.bidirectional)
    let (long, short) = (String(repeating: "x", count: 520), String(repeating: "x", count: 512))
    #expect(embed(harness, EmbedCommand(texts: [long])).isEmpty)
    guard case .failed(_, let error)? = harness.events.last else { return #expect(Bool(false)) }
    #expect(error.code == .contextOverflow && error.need == 520 && error.limit == 512)
    let made = embed(harness, EmbedCommand(texts: [long, short], truncates: true))
    #expect(made.count == 2 && made.first?.vector == made.last?.vector && made.first?.tokenCount == 512)
  }

  @Test(arguments: [
    (TinyModel(), EmbedCommand(texts: ["a"]), WorkerError.Code.invalidRequest),
    (TinyModel(), EmbedCommand(texts: ["a"], pooling: .rank), .invalidRequest),
    (bidirectional, EmbedCommand(texts: []), .invalidRequest),
    (bidirectional, EmbedCommand(texts: [""]), .invalidRequest),
    (bidirectional, EmbedCommand(texts: ["a"], query: "b"), .invalidRequest),
  ])
  func whatCannotBeDoneIsSaid(_ model: TinyModel, _ command: EmbedCommand, _ code: WorkerError.Code) {
    let harness = WorkerHarness.loaded(model)
    #expect(embed(harness, command).isEmpty)
    guard case .failed(_, let error)? = harness.events.last else { return #expect(Bool(false)) }
    #expect(error.code == code)
    // The next one is not disturbed.
    #expect(embed(harness, EmbedCommand(texts: ["a"], pooling: .mean)).count == 1)
  }

  @Test(arguments: [bidirectional, decoder])
  func aModelOfVectorsDoesNotChat(_ model: TinyModel) {
    let harness = WorkerHarness.loaded(model)
    let error = harness.generate(.text("Hello")).error
    #expect(
      error?.code == .unsupportedModel && error?.message.contains("Tiny (llama) turns texts into vectors") == true)
  }

  @Test func requestsTakeTheirTurns() {
    let harness = WorkerHarness.loaded()
    let (first, second, third) = (harness.request(), harness.request(), harness.request())
    harness.worker.receive(.generate(first, GenerationCommand(input: .text("Hello"), options: .greedy(8))))
    harness.worker.receive(.embed(second, EmbedCommand(texts: ["a", "b"], pooling: .mean)))
    harness.worker.receive(.generate(third, GenerationCommand(input: .text("Hello"), options: .greedy(8))))
    harness.run()
    let order = harness.events.compactMap { event -> RequestID? in
      switch event {
      case .started(let id, _), .embedded(let id, _), .finished(let id, _): id
      default: nil
      }
    }
    #expect(order == [first, first, second, second, third, third])
    #expect(harness.reply(first).ids == harness.reply(third).ids)
  }

  @Test func cancelLandsBetweenTwoSlices() {
    let harness = WorkerHarness.loaded(Self.bidirectional)
    harness.tick = 1000
    let (first, second) = (harness.request(), harness.request())
    let text = String(repeating: "x", count: 500)
    harness.worker.receive(.embed(first, EmbedCommand(texts: [text, text])))
    harness.worker.receive(.embed(second, EmbedCommand(texts: ["a"])))
    // It begins, is encoded, and goes through one layer.
    for _ in 0..<3 { #expect(harness.step()) }
    harness.worker.receive(.cancel(first))
    guard case .failed(first, let error)? = harness.events.last else { return #expect(Bool(false)) }
    #expect(error.code == .cancelled)
    harness.run()
    #expect(vectors(harness, first).isEmpty && vectors(harness, second).count == 1)
  }
}
