import ArgumentParser
import Foundation
import InferenceCore

/// `swiftlet perplexity`: how well a model foresees a text.
struct PerplexityCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity", abstract: "Measure how well a model foresees a text; lower is better.",
    discussion: "Computed as llama.cpp's tool does: chunks of --context tokens, of each the second half scored.")

  @Argument(help: ModelArgument.help)
  var model: String

  @Option(name: .shortAndLong, help: "Text file to score; - is standard input.")
  var file: String

  @Option(name: .shortAndLong, help: "Tokens of one chunk.")
  var context = 512

  @Option(help: "Threads to compute with; one for each core unless given.")
  var threads: Int?

  @Option(help: "Log-probabilities of each scored token and the N likeliest beside it (with --json).")
  var logprobs: Int?

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Output: Encodable {
    let model: String
    let file: String
    let context: Int
    let chunks: Int
    let scoredTokens: Int
    let perplexity: Double
    let standardError: Double
    let tokens: [TokenID]?
    let places: [Perplexity.Place]?

    enum CodingKeys: String, CodingKey {
      case model, file, context, chunks, perplexity, tokens, places
      case scoredTokens = "scored_tokens"
      case standardError = "standard_error"
    }
  }

  func validate() throws {
    guard (2...65536).contains(context) else {
      throw ValidationError("--context: expected a number of tokens from 2 to 65536, found \(context).")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: expected a number from 1 to 256, found \(threads).")
    }
    if let logprobs, !(0...1000).contains(logprobs) {
      throw ValidationError("--logprobs: expected a number from 0 to 1000, found \(logprobs).")
    }
  }

  func run() async throws {
    var text = try TextFile.read(file)
    // As llama.cpp reads its prompt files.
    if text.last == 0x0A { text.removeLast() }
    let result = try LocalModel(model).read { try score(text, $0) }
    if json {
      return try JSONOutput.print(
        Output(
          model: model, file: file, context: context, chunks: result.chunkCount, scoredTokens: result.scoredCount,
          perplexity: result.value, standardError: result.standardError,
          tokens: logprobs == nil ? nil : result.tokens, places: logprobs == nil ? nil : result.places))
    }
    let figures = String(format: "%.4f ± %.4f", result.value, result.standardError)
    Terminal.write("perplexity \(figures) over \(result.chunkCount) chunks of \(context) tokens\n")
  }

  private func score(_ text: [UInt8], _ file: GGUFFile) throws -> Perplexity {
    let tokenizer = try Tokenizer(file)
    warn(tokenizer.warning)
    let languageModel = try LanguageModel(file: file)
    let team = try ThreadTeam(count: threads ?? ProcessInfo.processInfo.activeProcessorCount)
    let tokens = tokenizer.encode(text, addSpecial: true, parseSpecial: false)
    var perplexity = Perplexity(topCount: json ? logprobs : nil)
    defer { if Terminal.errorIsTerminal { Terminal.writeError("\r\u{1B}[K") } }
    try perplexity.score(
      tokens, chunkLength: context, tokenizer: tokenizer, model: languageModel, team: team
    ) { state, chunks in
      guard Terminal.errorIsTerminal else { return }
      let sofar = String(format: "%.4f", state.value)
      Terminal.writeError("\r\u{1B}[Kchunk \(state.chunkCount) of \(chunks), perplexity so far \(sofar)")
    }
    return perplexity
  }
}
