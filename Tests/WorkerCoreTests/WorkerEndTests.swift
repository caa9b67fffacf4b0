import SwiftletTestSupport
import Testing
import WorkerCore

/// What ends a reply.
@Suite struct WorkerEndTests {
  @Test func aStopStringEndsTheReplyAndIsNotPartOfIt() throws {
    let free = WorkerHarness.loaded().generate(.text("Hello"), .greedy(40))
    let characters = Array(free.text)
    let stop = String(characters[10..<14])
    let cut = try #require(free.text.range(of: stop))
    var options = GenerationOptions.greedy(40)
    options.stop = ["", "never in it", stop]
    let reply = WorkerHarness.loaded().generate(.text("Hello"), options)
    #expect(reply.text == String(free.text[..<cut.lowerBound]))
    #expect(reply.finished?.reason == .stop)
    #expect(reply.ids == Array(free.ids[..<(reply.text.utf8.count + 4)]))
  }

  @Test func noPieceEverHoldsTheBeginningOfAStopString() throws {
    let free = WorkerHarness.loaded().generate(.text("Hello"), .greedy(40))
    let stop = String(Array(free.text)[20..<26])
    var options = GenerationOptions.greedy(40)
    options.stop = [stop]
    let harness = WorkerHarness.loaded()
    harness.tick = 100  // every token is an event of its own
    let reply = harness.generate(.text("Hello"), options)
    #expect(reply.pieces > 15)
    #expect(free.text.hasPrefix(reply.text) && !(reply.text + "|").contains(stop))
  }

  @Test func theModelsEndTokenEndsTheReply() {
    var options = GenerationOptions.greedy(40)
    options.logitBias = [.init(token: TinyModel.endOfTurn, bias: 10_000)]
    let reply = WorkerHarness.loaded().generate(.text("Hello"), options)
    #expect(reply.finished?.reason == .stop)
    #expect(reply.text.isEmpty && reply.ids == [TinyModel.endOfTurn])
    options.ignoresEndOfGeneration = true
    let ignoring = WorkerHarness.loaded().generate(.text("Hello"), options)
    #expect(ignoring.finished?.reason == .length && ignoring.ids.count == 40)
  }

  @Test func aStopTokenEndsTheReply() {
    let free = WorkerHarness.loaded().generate(.text("Hello"), .greedy(40))
    let stop = free.ids[5]
    var options = GenerationOptions.greedy(40)
    options.stopTokens = [stop]
    let reply = WorkerHarness.loaded().generate(.text("Hello"), options)
    #expect(reply.finished?.reason == .stop)
    #expect(reply.ids == Array(free.ids[...free.ids.firstIndex(of: stop)!]))
    #expect(reply.ids.dropLast().map { UInt8($0) } == Array(reply.text.utf8))
  }

  @Test func theContextsEndEndsTheReply() {
    var model = TinyModel()
    model.contextLength = 64
    let reply = WorkerHarness.loaded(model).generate(
      .text(String(repeating: "a", count: 60)), GenerationOptions(temperature: 0))
    #expect(reply.finished?.reason == .length)
    #expect(reply.ids.count == 5)
  }

  @Test func noTokensAreARequestToo() {
    let reply = WorkerHarness.loaded().generate(.text("Hello"), .greedy(0))
    #expect(reply.finished?.reason == .length && reply.ids.isEmpty)
    #expect(reply.finished?.timings.promptCount == 5)
  }
}
