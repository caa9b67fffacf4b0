import ArgumentParser
import Foundation
import Swiftlet

/// `swiftlet search`: looks models up on the hub.
struct SearchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "search", abstract: "Find models on the hub that run here.",
    discussion: """
      Shows the most downloaded repositories in the GGUF format whose names have all words, with the size of each file, the \
      memory that it takes with its context, and whether it runs and fits here. Of each repository its list of files is asked \
      for and the first 64 KB of one file; nothing is downloaded. What is shown in front is a name for pull, run and chat. \
      HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to the hub's own tools.
      """)

  @Argument(help: "Words that the name has.")
  var words: [String]

  @Option(help: "Most repositories to show, from 1 to 50.")
  var limit = 8

  @Option(name: .shortAndLong, help: "Tokens of context that the memory is reckoned for.")
  var context = 4096

  @Flag(help: "Print one JSON array.")
  var json = false

  mutating func validate() throws {
    let count = words.joined(separator: " ").count
    guard (1...HubSearch.mostCharacters).contains(count) else {
      throw ValidationError("Expected 1 to \(HubSearch.mostCharacters) characters to search for, found \(count).")
    }
    guard (1...50).contains(limit) else { throw ValidationError("Expected --limit from 1 to 50, found \(limit).") }
    guard context > 0 else { throw ValidationError("Expected a --context above 0, found \(context).") }
  }

  func run() async throws {
    var search = HubSearch()
    search.contextLength = context
    let found = try await search.models(words.joined(separator: " "), limit: limit)
    if json { return try JSONOutput.print(found.map(FoundModelOutput.init)) }
    guard !found.isEmpty else {
      Terminal.writeError("The hub has no model in the GGUF format whose name has \(words.joined(separator: " ")).\n")
      throw SilentExit(code: 1)
    }
    Terminal.write(found.map { FoundModelOutput($0).text }.joined(separator: "\n"))
  }
}

/// What `swiftlet search` prints of a repository.
struct FoundModelOutput: Encodable {
  struct File: Encodable {
    let name: String
    let path: String
    let quantization: String?
    let parts: Int
    let bytes: UInt64?
    let memory: UInt64?
    let fits: Bool?
    let runs: Bool?

    enum CodingKeys: String, CodingKey {
      case name, path, quantization, parts, bytes, fits, runs
      case memory = "memory_bytes"
    }
  }

  let name: String
  let downloads: Int
  let license: String?
  let gated: Bool
  let architecture: String?
  let contextLength: Int?
  let parameters: UInt64?
  /// What keeps all its files from being used here.
  let problem: String?
  let files: [File]

  enum CodingKeys: String, CodingKey {
    case name, downloads, license, gated, architecture, parameters, problem, files
    case contextLength = "context_length"
  }

  init(_ model: FoundModel) {
    name = model.name
    (downloads, license, gated) = (model.downloads, model.license, model.isGated)
    (architecture, contextLength, parameters) = (model.architecture, model.contextLength, model.parameters)
    problem =
      model.foreign ?? (model.runs == false ? "The architecture \(model.architecture ?? "") does not run here." : nil)
    files = model.files.map {
      File(
        name: $0.name, path: $0.path, quantization: $0.quantization, parts: $0.parts, bytes: $0.size,
        memory: $0.memory, fits: $0.fits, runs: $0.runs ? model.runs : false)
    }
  }

  /// For people.
  var text: String {
    let facts = [
      architecture, parameters.map { "\(Format.quantity($0)) weights" },
      contextLength.map { "\(Format.count($0)) tokens" },
      license, "\(Format.quantity(UInt64(clamping: downloads))) downloads",
      gated ? "asks for an agreement on its page" : nil,
    ]
    var lines = "\(name): " + facts.compactMap { $0 }.joined(separator: ", ") + "\n"
    if let problem { lines += "  \(problem)\n" }
    if files.isEmpty { lines += "  Its files are not listed.\n" }
    let rows = files.map { file in
      let size = file.bytes.map { Format.bytes($0) } ?? "size not told"
      let memory = file.memory.map { Format.bytes($0) } ?? ""
      return ["  " + file.name, size + (file.parts > 1 ? " in \(file.parts) files" : ""), memory, Self.verdict(file)]
    }
    guard !rows.isEmpty else { return lines }
    return lines + Format.table([["  NAME", "SIZE", "MEMORY", "HERE"]] + rows, rightAligned: [1, 2])
  }

  private static func verdict(_ file: File) -> String {
    switch (file.runs, file.fits) {
    case (false, _): "does not run"
    case (_, false): "does not fit"
    case (true, true): "runs"
    default: "shows when it loads"
    }
  }
}
