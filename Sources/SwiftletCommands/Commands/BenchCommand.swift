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

  @Option(help: "Tokens already read before the prompt, once for all measurements.")
  var after = 0

  @Option(help: "Threads to compute with; one for each core unless given.")
  var threads: Int?

  @Option(help: "How often to measure.")
  var `repeat` = 5

  @Option(
    help: """
      What to read and write: random tokens, a text that goes on with its own repetition, or the same with the text's \
      tokens in place of the model's choices.
      """)
  var scenario = Scenario.random

  @Flag(
    inversion: .prefixedNo,
    help:
      "Verify several tokens at once where the text repeats itself; on unless given where the scenario is a repetition."
  )
  var speculate: Bool?

  @Option(help: "Instructions to compute with: avx512vnni, avx2, sse2, neon; the machine's best unless given.")
  var instructionSet: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Measure once for each line on standard input, and print one line of JSON for each.")
  var paced = false

  /// What the prompts are.
  enum Scenario: String, CaseIterable, ExpressibleByArgument {
    case random, `repeat`
    case forcedRepeat = "forced-repeat"
  }

  func validate() throws {
    for (name, value) in [
      ("--prompt-tokens", promptTokens), ("--generate-tokens", generateTokens), ("--repeat", `repeat`),
    ] where !(1...1_000_000).contains(value) {
      throw ValidationError("\(name): expected a number above 0, found \(value).")
    }
    guard (0...1_000_000).contains(after) else {
      throw ValidationError("--after: expected a number from 0 to 1000000, found \(after).")
    }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads: expected a number from 1 to 256, found \(threads).")
    }
  }

  func run() async throws {
    if let instructionSet, !InstructionSet.select(instructionSet) {
      let available = InstructionSet.available.joined(separator: ", ")
      throw CommandError("--instruction-set: this machine has \(available), found \(instructionSet).")
    }
    let engine = InferenceManager()
    var arguments = LoadArguments()
    // The text of a repetition has about 500 tokens, in a vocabulary that was not made for it some more.
    let needed = after + (scenario != .random ? 1024 : promptTokens) + generateTokens
    arguments.context = needed
    arguments.threads = threads
    let info = try await engine.load(model, arguments)
    guard info.contextLength >= needed else {
      throw CommandError(
        "The model takes \(info.contextLength) tokens; --after, --prompt-tokens and --generate-tokens ask for "
          + "\(needed) together.")
    }
    var random = BenchTokens(vocabularySize: info.vocabularySize)
    let before = random.next(after)
    var options = GenerationOptions(maxTokens: generateTokens, temperature: 0)
    options.ignoresEndOfGeneration = true
    options.speculation = speculate ?? (scenario != .random)
    let text = scenario != .random ? try await engine.tokenize(RepetitionText.prompt()) : nil
    if !before.isEmpty {
      _ = try await engine.generate(.tokens(before), options: GenerationOptions(maxTokens: 1, temperature: 0)).finished
    }
    var measured: [Timings] = []
    func output() -> BenchOutput {
      BenchOutput(
        model: model, threads: info.threads, instructionSet: InstructionSet.current, after: after,
        promptTokens: text.map { $0.count + 1 } ?? promptTokens, generateTokens: generateTokens,
        prefill: Spread(measured.map(\.promptTokensPerSecond)),
        decode: Spread(measured.map(\.predictedTokensPerSecond)),
        draftCount: measured.reduce(0) { $0 + $1.draftCount },
        draftAcceptedCount: measured.reduce(0) { $0 + $1.draftAcceptedCount }, peakBytes: ProcessMemory.peak,
        loadMilliseconds: info.loadMilliseconds)
    }
    while paced ? readLine() != nil : measured.count < `repeat` {
      // A random token before the text, for nothing shall come from the cache.
      let prompt = text.map { random.next(1) + $0 } ?? random.next(promptTokens)
      let timings =
        scenario == .forcedRepeat
        ? try LocalModel(model).read {
          try RepetitionText.forced(
            $0, threads: info.threads, generateTokens: generateTokens, speculates: options.speculation)
        } : try await engine.generate(.tokens(before + prompt), options: options).finished.timings
      measured = paced ? [timings] : measured + [timings]
      if paced { try JSONOutput.print(output(), pretty: false) }
    }
    await engine.terminate()
    if paced { return }
    if json { return try JSONOutput.print(output()) }
    Terminal.write(output().table)
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
  let instructionSet: String
  let after: Int
  let promptTokens: Int
  let generateTokens: Int
  let prefill: Spread
  let decode: Spread
  /// Tokens that were guessed and verified in all measurements, and those of them that were right.
  let draftCount: Int
  let draftAcceptedCount: Int
  let peakBytes: Int
  let loadMilliseconds: Double

  enum CodingKeys: String, CodingKey {
    case model, threads, after
    case instructionSet = "instruction_set"
    case promptTokens = "prompt_tokens"
    case generateTokens = "generate_tokens"
    case prefill = "prefill_tokens_per_second"
    case decode = "decode_tokens_per_second"
    case draftCount = "draft_n"
    case draftAcceptedCount = "draft_n_accepted"
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
      + (draftCount > 0 ? "\(draftAcceptedCount) of \(draftCount) drafted tokens were right\n" : "")
      + "\(threads) threads, \(instructionSet), loaded in \(Format.decimal(loadMilliseconds)) ms, "
      + "\(Format.bytes(peakBytes)) of memory at most\n"
  }
}
