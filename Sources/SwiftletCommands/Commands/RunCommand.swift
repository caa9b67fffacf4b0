import ArgumentParser
import Foundation
import Swiftlet
import WorkerCore

/// `swiftlet run`: one prompt, one reply.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Answer one prompt and exit.",
    discussion: """
      Without --prompt, or with --prompt -, the prompt is read from standard input. Ctrl-C ends the reply early.
      """)

  @Argument(help: ModelArgument.help)
  var model: String

  @Option(name: .shortAndLong, help: "What to answer; - reads standard input.")
  var prompt: String?

  @Option(help: "System message before the prompt.")
  var system: String?

  @Flag(help: "Continue the prompt as plain text, without the chat template.")
  var raw = false

  @OptionGroup var beside: TemplateArguments
  @OptionGroup var load: LoadArguments
  @OptionGroup var generation: GenerationArguments

  @Option(help: "Log-probabilities of each token and the N likeliest beside it (with --json).")
  var logprobs: Int?

  @Flag(help: "Print one JSON object instead of the text.")
  var json = false

  func validate() throws {
    if let logprobs, !(0...100).contains(logprobs) {
      throw ValidationError("--logprobs: expected a number from 0 to 100, found \(logprobs).")
    }
    if raw, system != nil { throw ValidationError("--system needs the chat template, which --raw skips.") }
    if raw, !beside.isEmpty {
      throw ValidationError("--tools, --documents and --variables need the chat template, which --raw skips.")
    }
  }

  func run() async throws {
    let text = try promptText()
    let chat = try beside.chat((system.map { [ChatMessage.system($0)] } ?? []) + [.user(text)])
    let engine = InferenceManager()
    let info = try await engine.load(model, load)
    var options = generation.options
    options.logprobs = logprobs
    let input: GenerationInput = raw ? .text(text) : .chat(chat)
    let running = engine.generate(input, options: options)
    let reply = try await Interrupts.handle {
      running.abort()
    } during: {
      if !json { try await ReplyPrinter().show(running) }
      return try await running.finished
    }
    if json {
      try JSONOutput.print(
        ReplyOutput(
          model: model, reply: reply, withLogprobs: logprobs != nil, loadMilliseconds: info.loadMilliseconds))
    }
    await engine.terminate()
    if reply.finishReason == .aborted { throw SilentExit(code: Interrupts.exitCode) }
  }

  private func promptText() throws -> String {
    if let prompt, prompt != "-" { return prompt }
    if prompt == nil, Terminal.inputIsTerminal {
      throw ValidationError("Expected --prompt TEXT, or a prompt on standard input.")
    }
    let bytes = try TextFile.readStandardInput()
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandError("The prompt on standard input is not UTF-8 text.")
    }
    return text
  }
}
