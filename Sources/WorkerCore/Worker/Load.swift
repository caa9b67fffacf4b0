import InferenceCore

/// A load that is under way.
struct Load {
  let command: LoadCommand
  let entry: CatalogModel?
  let fetch: FetchID
  /// Who asked; several requests for the same load share it.
  var requests: [RequestID]
  var tracker: LoadTracker
  /// The graphics card that is to compute; nil for the processor.
  var card: GraphicsCard?
  /// Why it is not to, where it might have.
  var deviceNote = ""
  /// Whether replies wait for it, whoever else does.
  var goesOnAlone = false
  /// Whether the shell was asked for the card and has not answered.
  var isOpeningDevice = false
  /// What passes by on its way to the card.
  var stream: ModelStream?
  /// Whether the shell was asked for the bytes and has not answered.
  var isFetching = false
  /// Set once the bytes are there.
  var bytes: ModelBytes?
  /// By the host's clock, when the bytes came.
  var arrival = 0.0
  var stage = Stage.parse

  /// What the next slice of work does; what is done already.
  enum Stage {
    case parse
    case tokenizer(GGUFFile)
    case model(GGUFFile, Tokenizer, PromptFormat)
    case context(GGUFFile, Tokenizer, PromptFormat, LanguageModel)
    /// A graphics card compiles its kernels.
    case kernels(GGUFFile, Tokenizer, PromptFormat, GPUExecutor)
    /// It is tried.
    case trial(GGUFFile, Tokenizer, PromptFormat, GPUExecutor, DeviceTrial)
  }

  /// What people call the model: the catalog's name, or what the command said.
  var displayName: String { entry?.name ?? command.model }
}

/// Turns reports about a load into progress that never goes back.
struct LoadTracker {
  /// How much of the bar the bytes take; the rest is for building the engine.
  static let fetchShare = 0.95
  /// Milliseconds between two progress events while bytes arrive.
  static let interval = 100.0

  private let start: Double
  private let name: String
  private var lastReport: Double?
  private var rate = TransferRate()
  private(set) var progress: LoadProgress

  init(name: String, now: Double) {
    start = now
    self.name = name
    progress = LoadProgress(
      progress: 0, bytes: 0, totalBytes: 0, timeElapsed: 0, remaining: nil, step: .downloading,
      text: "Looking for \(name)")
  }

  /// Takes a report about bytes; true when it is time to tell people.
  mutating func received(_ bytes: UInt64, of total: UInt64, text: String?, now: Double) -> Bool {
    progress.bytes = max(progress.bytes, bytes)
    progress.totalBytes = max(progress.totalBytes, total, progress.bytes)
    let fraction = progress.totalBytes > 0 ? Double(progress.bytes) / Double(progress.totalBytes) : 0
    progress.progress = max(progress.progress, fraction * Self.fetchShare)
    progress.timeElapsed = max(0, now - start) / 1000
    rate.note(progress.bytes, at: now / 1000)
    progress.remaining = rate.seconds(for: progress.totalBytes - progress.bytes)
    progress.text = text ?? "Downloading \(name): \(byteText(progress.bytes)) of \(byteText(progress.totalBytes))"
    if let lastReport, now - lastReport < Self.interval, progress.bytes < progress.totalBytes { return false }
    lastReport = now
    return true
  }

  /// All bytes are there.
  mutating func arrived(_ bytes: UInt64, now: Double) {
    progress.bytes = max(progress.bytes, bytes)
    progress.totalBytes = max(progress.totalBytes, progress.bytes)
    built(0, now: now)
  }

  /// A part of the engine is built; `fraction` of all of them.
  mutating func built(_ fraction: Double, _ detail: String? = nil, now: Double) {
    progress.step = .compiling
    progress.remaining = nil
    progress.progress = max(progress.progress, Self.fetchShare + (1 - Self.fetchShare) * fraction)
    progress.timeElapsed = max(0, now - start) / 1000
    progress.text = "Preparing \(name)" + (detail.map { ": \($0)" } ?? "")
  }

  /// The model is ready.
  mutating func ready(now: Double) {
    built(1, now: now)
    progress.step = .ready
    progress.text = "\(name) is ready"
  }
}

/// A size for people: `98.4 MB`, `2.0 GB` (decimal units, as file sizes are usually given).
func byteText(_ bytes: UInt64) -> String {
  let tenthsOfMegabyte = bytes / 100_000 + (bytes % 100_000 + 50_000) / 100_000
  if tenthsOfMegabyte < 10_000 { return "\(tenthsOfMegabyte / 10).\(tenthsOfMegabyte % 10) MB" }
  let tenths = bytes / 100_000_000 + (bytes % 100_000_000 + 50_000_000) / 100_000_000
  return "\(tenths / 10).\(tenths % 10) GB"
}
