import SwiftletCommands
import Testing
import WorkerCore

@Suite struct ChatInputTests {
  @Test(arguments: [
    ("Hello", ChatInputCommand.message("Hello")),
    ("  keeps blanks ", .message("  keeps blanks ")),
    ("/ not a command", .message("/ not a command")),
    ("//comment", .message("//comment")),
    ("/help", .help), (" /clear ", .clear), ("/regenerate", .regenerate), ("/stats", .stats), ("/quit", .quit),
    ("/save", .save(nil)), ("/save my chat.json", .save("my chat.json")),
    ("/set", .showSettings),
    ("/set temperature 0.2", .set(.temperature(0.2))),
    ("/set temperature default", .set(.temperature(nil))),
    ("/set top-k 40", .set(.topK(40))),
    ("/set seed 7", .set(.seed(7))),
    ("/set system Answer  in French.", .set(.system("Answer  in French."))),
    ("/nonsense", .unknown("/nonsense")),
  ])
  func linesAreReadAsMessagesOrCommands(line: String, expected: ChatInputCommand) {
    #expect(ChatInputCommand(line) == expected)
  }

  @Test(arguments: [
    "/set temperature hot", "/set temperature -1", "/set temperature inf", "/set top-p 1.5", "/set top-k -2",
    "/set max-tokens 0", "/set seed -1", "/set flavour vanilla",
  ])
  func wrongSettingsSayWhatWasExpected(line: String) throws {
    guard case .invalid(let message) = ChatInputCommand(line) else {
      Issue.record("\(line) was taken")
      return
    }
    #expect(message.contains("expected") || message.contains("there are"))
  }

  @Test func settingsReachTheOptions() {
    var options = GenerationOptions()
    ChatSetting.temperature(0.5).apply(to: &options)
    ChatSetting.maxTokens(9).apply(to: &options)
    #expect(options.temperature == 0.5)
    #expect(options.maxTokens == 9)
  }

  @Test(arguments: [
    (["plain"], LineEditor.Input.line("plain")),
    (["\"\"\"", "a", "", "b", "\"\"\""], .line("a\n\nb")),
    (["\"\"\"one", "two\"\"\""], .line("one\ntwo")),
    (["\"\"\"all on one\"\"\""], .line("all on one")),
    (["\"\"\"", "left open"], .line("left open")),
    ([], .endOfInput),
  ])
  func fencesHoldMessagesOfManyLines(lines: [String], expected: LineEditor.Input) {
    var rest = lines[...]
    let input = MessageReader.read { _ in rest.popFirst().map(LineEditor.Input.line) ?? .endOfInput }
    #expect(input == expected)
  }

  @Test func anInterruptDropsAMessageOfManyLines() {
    var inputs: [LineEditor.Input] = [.line("\"\"\""), .line("a"), .interrupted(wasEmpty: true)]
    #expect(MessageReader.read { _ in inputs.removeFirst() } == .interrupted(wasEmpty: false))
  }
}
