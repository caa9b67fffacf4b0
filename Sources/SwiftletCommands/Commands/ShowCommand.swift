import ArgumentParser
import InferenceCore

/// `swiftlet show`: what is in a model's file, without loading it.
struct ShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show what a model's file says about it, and the memory it needs.")

  @Argument(help: ModelArgument.help)
  var model: String

  @Option(name: .shortAndLong, help: "Tokens of context to compute the memory for.")
  var context: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let context, !(1...(1 << 24)).contains(context) {
      throw ValidationError("--context: expected a number of tokens from 1 to 16777216, found \(context).")
    }
  }

  func run() async throws {
    let local = try LocalModel(model)
    let summary = try local.read { try ModelSummary($0, local, context: context) }
    if json { return try JSONOutput.print(summary) }
    Terminal.write(TerminalText.harmless(summary.text))
  }
}
