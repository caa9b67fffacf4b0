import InferenceCore
import WorkerCore

/// What `swiftlet show` prints.
struct ModelSummary: Encodable {
  struct FormatCount: Encodable {
    let format: String
    let tensors: Int
    let bytes: Int
  }

  struct Memory: Encodable {
    let context: Int
    let weights: Int64
    let cache: Int64
    let scratch: Int64
    let total: Int64
  }

  let name: String
  let architecture: String
  let paths: [String]
  let fileBytes: Int
  let version: UInt32
  let parameters: Int
  let contextLength: Int?
  let hasChatTemplate: Bool
  /// How conversations are written when there is none.
  let defaultTemplate: String?
  /// What may make answers worse than they should be.
  let warning: String?
  let formats: [FormatCount]
  /// Why it cannot be loaded, if it cannot.
  let unsupported: String?
  let memory: Memory?
  let metadata: [String: MetadataOutput]
  private let order: [String]

  enum CodingKeys: String, CodingKey {
    case name, architecture, paths, version, parameters, formats, warning, unsupported, memory, metadata
    case fileBytes = "file_bytes"
    case contextLength = "context_length"
    case hasChatTemplate = "has_chat_template"
    case defaultTemplate = "default_template"
  }

  init(_ file: GGUFFile, _ local: LocalModel, context: Int?) throws {
    func text(_ key: GGUFKey) throws -> String? {
      try file.string(key).map { String(decoding: $0, as: UTF8.self) }
    }
    name = try text("general.name") ?? ""
    architecture = try text("general.architecture") ?? ""
    paths = local.paths
    fileBytes = local.byteCount
    version = file.version
    parameters = file.tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    let trained = try file.uint(GGUFKey(prefix: Array(architecture.utf8), ".context_length")).map { Int(clamping: $0) }
    contextLength = trained
    hasChatTemplate = file.value("tokenizer.chat_template") != nil
    let tokenizer = try? Tokenizer(file)
    warning = tokenizer?.warning(of: file)
    defaultTemplate = hasChatTemplate ? nil : tokenizer.map { "\(DefaultTemplate.of($0).template.name)" }
    formats = Self.formats(file)
    let memoryContext = context ?? min(trained ?? 4096, 4096)
    do {
      let cost = try LanguageModel.memoryCost(of: file, contextLength: memoryContext)
      memory = Memory(
        context: memoryContext, weights: cost.weights, cache: cost.cache, scratch: cost.scratch, total: cost.total)
      unsupported = nil
    } catch {
      memory = nil
      unsupported = SwiftletCommand.message(for: error)
    }
    let entries = file.metadata.map { (String(decoding: $0.key, as: UTF8.self), MetadataOutput($0.value)) }
    metadata = Dictionary(entries, uniquingKeysWith: { first, _ in first })
    order = entries.map(\.0)
  }

  private static func formats(_ file: GGUFFile) -> [FormatCount] {
    var counts: [String: (tensors: Int, bytes: Int)] = [:]
    for tensor in file.tensors {
      counts[tensor.format.name.description, default: (0, 0)].tensors += 1
      counts[tensor.format.name.description, default: (0, 0)].bytes += Int(tensor.byteCount)
    }
    for tensor in file.unsupportedTensors {
      counts["format \(tensor.formatNumber), not supported", default: (0, 0)].tensors += 1
    }
    return counts.map { FormatCount(format: $0.key, tensors: $0.value.tensors, bytes: $0.value.bytes) }
      .sorted { ($0.bytes, $0.format) > ($1.bytes, $1.format) }
  }

  /// For people.
  var text: String {
    var facts = [
      ["name", name], ["architecture", architecture],
      ["file", "\(paths[0])" + (paths.count > 1 ? " and \(paths.count - 1) more parts" : "")],
      ["size", "\(Format.bytes(fileBytes)), GGUF version \(version)"],
      ["parameters", String(parameters)], ["trained context", contextLength.map { "\($0) tokens" } ?? "not given"],
      ["chat template", hasChatTemplate ? "yes" : "none" + (defaultTemplate.map { "; \($0) is used" } ?? "")],
    ]
    if let warning { facts.append(["warning", warning]) }
    if let memory {
      facts.append([
        "memory at \(memory.context) tokens",
        "\(Format.bytes(memory.total)): weights \(Format.bytes(memory.weights)), "
          + "cache \(Format.bytes(memory.cache)), scratch \(Format.bytes(memory.scratch))",
      ])
    }
    if let unsupported { facts.append(["cannot be loaded", unsupported]) }
    let tensors = formats.map { [$0.format, "\($0.tensors) tensors", Format.bytes($0.bytes)] }
    let entries = order.map { [$0, metadata[$0]?.shown ?? ""] }
    return Format.table(facts) + "\n" + Format.table(tensors, rightAligned: [1, 2]) + "\n" + Format.table(entries)
  }
}
