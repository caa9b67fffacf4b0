import ArgumentParser
import WorkerCore

/// The options of every command that generates text. What is not given takes the model's recommendation.
package struct GenerationArguments: ParsableArguments {
  @Option(name: .shortAndLong, help: "Randomness; 0 always takes the likeliest token.")
  var temperature: Float?

  @Option(help: "Choose among the K likeliest tokens; 0 for all.")
  var topK: Int?

  @Option(help: "Choose among the likeliest tokens that together have this probability.")
  var topP: Float?

  @Option(help: "Choose among tokens at least this likely, relative to the likeliest.")
  var minP: Float?

  @Option(help: "Choose among tokens of typical information (locally typical sampling).")
  var typicalP: Float?

  @Option(help: "Weigh tokens down that occurred lately; 1 does nothing.")
  var repeatPenalty: Float?

  @Option(help: "How many recent tokens the penalties look at.")
  var repeatLastN: Int?

  @Option(help: "Weigh tokens down by how often they occurred.")
  var frequencyPenalty: Float?

  @Option(help: "Weigh tokens down that occurred at all.")
  var presencePenalty: Float?

  @Option(name: [.customShort("n"), .long], help: "Most tokens to generate.")
  var maxTokens: Int?

  @Option(help: "Same seed, same text.")
  var seed: UInt64?

  @Option(parsing: .singleValue, help: "Text that ends the reply; may be given several times.")
  var stop: [String] = []

  @Flag(
    inversion: .prefixedNo, help: "Verify several tokens at once where the text repeats itself; the text is the same.")
  var speculate = true

  package init() {}

  package func validate() throws {
    try check("--temperature", temperature, isValid: { $0 >= 0 }, "a number not below 0")
    try check("--top-k", topK, isValid: { $0 >= 0 }, "a number not below 0")
    try check("--top-p", topP, isValid: { (0...1).contains($0) }, "a number from 0 to 1")
    try check("--min-p", minP, isValid: { (0...1).contains($0) }, "a number from 0 to 1")
    try check("--typical-p", typicalP, isValid: { (0...1).contains($0) }, "a number from 0 to 1")
    try check("--repeat-penalty", repeatPenalty, isValid: { $0 > 0 && $0.isFinite }, "a number above 0")
    try check("--repeat-last-n", repeatLastN, isValid: { $0 >= -1 }, "a number of tokens, or -1 for all")
    try check("--max-tokens", maxTokens, isValid: { $0 >= 0 }, "a number not below 0")
    if stop.contains("") { throw ValidationError("--stop: expected text, found nothing.") }
  }

  private func check<Value>(
    _ name: String, _ value: Value?, isValid: (Value) -> Bool, _ expected: String
  ) throws {
    guard let value, !isValid(value) else { return }
    throw ValidationError("\(name): expected \(expected), found \(value).")
  }

  /// The options as the engine takes them.
  package var options: GenerationOptions {
    GenerationOptions(
      maxTokens: maxTokens, temperature: temperature, topK: topK, topP: topP, minP: minP, typicalP: typicalP,
      repeatPenalty: repeatPenalty, repeatLastN: repeatLastN, frequencyPenalty: frequencyPenalty,
      presencePenalty: presencePenalty, seed: seed, stop: stop,
      speculation: speculate)
  }
}

/// The options of every command that loads a model.
package struct LoadArguments: ParsableArguments {
  @Option(name: .shortAndLong, help: "Tokens of context; bounded by what the model was trained for.")
  var context: Int?

  @Option(help: "Threads to compute with; one for each core unless given.")
  var threads: Int?

  package init() {}

  package func validate() throws {
    if let context, !(1...(1 << 24)).contains(context) {
      throw ValidationError("--context: expected a number of tokens from 1 to 16777216, found \(context).")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: expected a number from 1 to 256, found \(threads).")
    }
  }
}
