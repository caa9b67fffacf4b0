import ArgumentParser
import InferenceCore
import Swiftlet
import WorkerCore

/// `swiftlet bench`: how fast a model is here.
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure how fast a model reads and writes on this machine.",
    discussion: "Every repetition reads another prompt, so that nothing comes from the cache.")

  @Argument(help: ModelArgument.help)
  var model: String

  @Option(help: "Tokens of the prompt to read.")
  var promptTokens = 512

  @Option(help: "Tokens to write after it.")
  var generateTokens = 64

  @Option(help: "Threads to compute with; one for each core unless given.")
  var threads: Int?

  @Option(help: "How often to measure.")
  var `repeat` = 5

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value) in [
      ("--prompt-tokens", promptTokens), ("--generate-tokens", generateTokens), ("--repeat", `repeat`),
    ] where !(1...1_000_000).contains(value) {
      throw ValidationError("\(name): expected a number above 0, found \(value).")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: expected a number from 1 to 256, found \(threads).")
    }
  }

  func run() async throws {
    let engine = InferenceManager()
    var arguments = LoadArguments()
    arguments.context = promptTokens + generateTokens
    arguments.threads = threads
    let info = try await engine.load(model, arguments)
    guard info.contextLength >= promptTokens + generateTokens else {
      throw CommandError(
        "The model takes \(info.contextLength) tokens; --prompt-tokens and --generate-tokens ask for "
          + "\(promptTokens + generateTokens).")
    }
    var prefill: [Double] = []
    var decode: [Double] = []
    var random = BenchTokens(vocabularySize: info.vocabularySize)
    var options = GenerationOptions(maxTokens: generateTokens, temperature: 0)
    options.ignoresEndOfGeneration = true
    for _ in 0..<`repeat` {
      let prompt = random.next(promptTokens)
      let timings = try await engine.reply(to: .tokens(prompt), options: options).timings
      prefill.append(timings.promptTokensPerSecond)
      decode.append(timings.predictedTokensPerSecond)
    }
    await engine.terminate()
    let output = BenchOutput(
      model: model, threads: info.threads, promptTokens: promptTokens, generateTokens: generateTokens,
      prefill: Spread(prefill), decode: Spread(decode), peakBytes: ProcessMemory.peak,
      loadMilliseconds: info.loadMilliseconds)
    if json { return try JSONOutput.print(output) }
    Terminal.write(output.table)
  }
}

/// Prompts that no cache has seen: the same ones on every run.
struct BenchTokens {
  private let vocabularySize: Int
  private var state: UInt64 = 1

  init(vocabularySize: Int) {
    self.vocabularySize = max(vocabularySize, 1)
  }

  mutating func next(_ count: Int) -> [TokenID] {
    (0..<count).map { _ in
      // Knuth's MMIX generator; its high bits are the random ones.
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return TokenID((state >> 33) % UInt64(vocabularySize))
    }
  }
}

/// The middle and the ends of some measurements.
struct Spread: Encodable {
  let median: Double
  let min: Double
  let max: Double

  init(_ values: [Double]) {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    median =
      sorted.isEmpty ? 0 : sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    min = sorted.first ?? 0
    max = sorted.last ?? 0
  }
}

/// What `swiftlet bench` found.
struct BenchOutput: Encodable {
  let model: String
  let threads: Int
  let promptTokens: Int
  let generateTokens: Int
  let prefill: Spread
  let decode: Spread
  let peakBytes: Int
  let loadMilliseconds: Double

  enum CodingKeys: String, CodingKey {
    case model, threads
    case promptTokens = "prompt_tokens"
    case generateTokens = "generate_tokens"
    case prefill = "prefill_tokens_per_second"
    case decode = "decode_tokens_per_second"
    case peakBytes = "peak_rss_bytes"
    case loadMilliseconds = "load_ms"
  }

  /// For people.
  var table: String {
    func row(_ name: String, _ spread: Spread) -> [String] {
      [name, Format.decimal(spread.median), Format.decimal(spread.min), Format.decimal(spread.max)]
    }
    let rows = [
      ["tokens/s", "median", "min", "max"], row("prefill (\(promptTokens) tokens)", prefill),
      row("decode (\(generateTokens) tokens)", decode),
    ]
    return Format.table(rows, rightAligned: [1, 2, 3])
      + "\(threads) threads, loaded in \(Format.decimal(loadMilliseconds)) ms, "
      + "\(Format.bytes(peakBytes)) of memory at most\n"
  }
}
