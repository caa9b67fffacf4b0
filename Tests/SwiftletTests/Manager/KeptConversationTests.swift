import Foundation
import Swiftlet
import SwiftletTestSupport
import Testing
import WorkerCore

@Suite struct KeptConversationTests {
  private static let input = GenerationInput.text(String(repeating: "what was said before ", count: 15))
  private static let options = GenerationOptions(maxTokens: 8, temperature: 0)
  private static let blockSize: UInt64 = 16 + 32 * 2 * 2 * 32 * 2

  private func files(_ fixture: ManagerFixture) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: fixture.kept.path)) ?? []
  }

  @Test func aWorkerThatStartsAnewReadsBackWhatIsKept() async throws {
    let fixture = try ManagerFixture()
    try await fixture.manager.initialize(fixture.model)
    let first = try await fixture.manager.generate(Self.input, options: Self.options, conversation: "a/../b").finished
    await fixture.manager.terminate()
    let file = try #require(files(fixture).first)
    let attributes = try FileManager.default.attributesOfItem(atPath: fixture.kept.appending(path: file).path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    #expect(attributes[.size] as? UInt64 == 10 * Self.blockSize)
    let folder = try FileManager.default.attributesOfItem(atPath: fixture.kept.path)
    #expect(folder[.posixPermissions] as? Int == 0o700)

    try await fixture.manager.initialize(fixture.model)
    let again = try await fixture.manager.generate(Self.input, options: Self.options, conversation: "a/../b").finished
    #expect(first.timings.restoredCount == 0 && again.timings.restoredCount == 288)
    #expect(again.tokens == first.tokens)
    fixture.manager.forget(conversation: "a/../b")
    await fixture.manager.terminate()
    #expect(files(fixture).isEmpty)
  }

  @Test func theOldestGoWhenAllTogetherAreTooLarge() async throws {
    let fixture = try ManagerFixture(keptBytes: 25 * Self.blockSize)
    for name in ["a", "b", "c"] {
      try await fixture.manager.initialize(fixture.model)
      _ = try await fixture.manager.generate(Self.input, options: Self.options, conversation: name).finished
      await fixture.manager.terminate()
    }
    #expect(files(fixture).count == 2)
    try await fixture.manager.initialize(fixture.model)
    let last = try await fixture.manager.generate(Self.input, options: Self.options, conversation: "c").finished
    #expect(last.timings.restoredCount == 288)
    await fixture.manager.terminate()
  }

  @Test func aLinkInPlaceOfAFileIsNotFollowed() async throws {
    let fixture = try ManagerFixture()
    try await fixture.manager.initialize(fixture.model)
    _ = try await fixture.manager.generate(Self.input, options: Self.options, conversation: "a").finished
    await fixture.manager.terminate()
    let file = fixture.kept.appending(path: try #require(files(fixture).first))
    let victim = fixture.kept.deletingLastPathComponent().appending(path: "victim")
    try Data("precious".utf8).write(to: victim)
    try FileManager.default.removeItem(at: file)
    try FileManager.default.createSymbolicLink(at: file, withDestinationURL: victim)
    try await fixture.manager.initialize(fixture.model)
    let reply = try await fixture.manager.generate(Self.input, options: Self.options, conversation: "a").finished
    #expect(reply.timings.restoredCount == 0 && reply.finishReason == .length)
    await fixture.manager.terminate()
    #expect(try Data(contentsOf: victim) == Data("precious".utf8))
  }
}
