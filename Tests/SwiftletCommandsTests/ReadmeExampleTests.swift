import Foundation
import Swiftlet
import Testing

// README example begins
func answer(_ question: String) async throws -> String {
  let manager = InferenceManager.shared
  try await manager.initialize("quick") { print($0.text) }
  var reply = ""
  for try await text in manager.generate([.user(question)], options: .init(maxTokens: 32, temperature: 0)) {
    reply += text
  }
  return reply
}
// README example ends

@Suite struct ReadmeExampleTests {
  @Test func theReadmeShowsTheCodeThatIsCompiledHere() throws {
    let here = URL(fileURLWithPath: #filePath)
    let source = try String(contentsOf: here, encoding: .utf8)
    let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
    let begin = try #require(source.range(of: "// README example begins\n"))
    let end = try #require(source.range(of: "// README example ends"))
    #expect(readme.contains("```swift\nimport Swiftlet\n\n" + source[begin.upperBound..<end.lowerBound] + "```"))
  }

  // The example loads the Quick model, from the network the first time: only where a run says that it may.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["SWIFTLET_TEST_NETWORK"] != nil))
  func theReadmesExampleAnswers() async throws {
    #expect(try await answer("Hi").contains("Hello"))
    await InferenceManager.shared.terminate()
  }
}
