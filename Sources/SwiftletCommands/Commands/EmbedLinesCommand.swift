import ArgumentParser
import InferenceCore
import Swiftlet
import WorkerCore

/// `swiftlet embed`: lines on standard input, a vector for each on standard output.
struct EmbedLinesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "embed", abstract: "Turn lines of text into vectors, or rank them.",
    discussion: """
      Each line of standard input is a text. For each, one line of JSON is printed as soon as it is there: its number from 0,
      its tokens, and its embedding, of length 1 so that the product of two is their cosine. With --query and a model that
      ranks, a score takes the embedding's place: the larger, the better the text answers the query.

      Models for chat do not say how a text's vector is made of its tokens'; with them, --pooling is needed.
      """)

  @Argument(help: ModelArgument.help)
  var model: String

  @Option(help: "How a text's vector is made of its tokens': mean, cls or last. By default what the model says.")
  var pooling: Pooling?

  @Flag(help: "Leave vectors as long as the model makes them.")
  var raw = false

  @Flag(help: "Cut off the end of a text that is longer than the context, instead of an error.")
  var truncate = false

  @Option(help: "What the lines may answer; for a model that ranks.")
  var query: String?

  @OptionGroup var load: LoadArguments

  private struct Output: Encodable {
    let index: Int
    let tokens: Int
    let embedding: [Float]?
    let score: Float?
  }

  func run() async throws {
    let engine = InferenceManager()
    _ = try await engine.load(model, load)
    var index = 0
    while let line = readLine() {
      let command = EmbedCommand(
        texts: [line], query: query ?? "", pooling: pooling, normalizes: !raw, truncates: truncate)
      let made = try await engine.embed(command)
      for text in made {
        let (embedding, score) = query == nil ? (text.vector, nil) : (nil, text.vector.first)
        try JSONOutput.print(
          Output(index: index, tokens: text.tokenCount, embedding: embedding, score: score), pretty: false)
      }
      index += 1
    }
    await engine.terminate()
  }
}

extension Pooling: ExpressibleByArgument {
  public init?(argument: String) {
    var argument = argument
    guard let found = argument.withUTF8({ Pooling(name: UnsafeRawBufferPointer($0)) }) else { return nil }
    self = found
  }
}
