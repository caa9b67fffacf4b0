import Foundation
import InferenceCore

/// Looks models up on the hub: what there is, how large it is, whether it runs and fits here.
public struct HubSearch: Sendable {
  public let configuration: HubConfiguration
  /// Tokens of context that the memory is reckoned for; no more than a model was trained for.
  public var contextLength = 4096
  /// Bytes of memory that a model may take.
  public var memoryLimit = Machine.memoryLimit
  package var retry = RetryPolicy()

  /// Longest text that is searched for, in characters.
  public static let mostCharacters = 200

  public init(configuration: HubConfiguration = HubConfiguration()) {
    self.configuration = configuration
  }

  /// The most downloaded repositories in the GGUF format whose names have all words.
  ///
  /// Of each its list of files is asked for, and the first 64 KB of one file.
  /// - Throws: ``DownloadError``, `CancellationError`.
  public func models(_ words: String, limit: Int = 8) async throws -> [FoundModel] {
    let host = configuration.endpoint.host() ?? "the hub"
    if configuration.isOffline {
      throw DownloadError.cannotSearch(host: host, reason: "HF_HUB_OFFLINE is set", isOffline: true)
    }
    let transport = HTTPTransport()
    defer { transport.close() }
    let client = HubClient(configuration: configuration, transport: transport, retry: retry)
    do {
      let found = try await client.repositories(matching: words, limit: limit)
      return try await withThrowingTaskGroup(of: (Int, FoundModel).self) { group in
        for (index, model) in found.enumerated() {
          group.addTask { (index, try await described(model, client)) }
        }
        return try await group.reduce(into: found) { $0[$1.0] = $1.1 }
      }
    } catch DownloadError.noNetwork(_, let reason, _, _) {
      throw DownloadError.cannotSearch(host: host, reason: reason, isOffline: false)
    }
  }

  /// Adds a repository's files, and what the header of one says.
  private func described(_ found: FoundModel, _ client: HubClient) async throws -> FoundModel {
    var found = found
    let listing: HubListing
    do {
      listing = try await client.listing(of: found.name)
    } catch DownloadError.accessDenied, DownloadError.notFound {
      return found
    }
    let models = ModelFileName.models(in: listing.files.map(\.path))
    var working: UInt64?
    if !found.isGated, let path = ModelFileName.choose(nil, among: models)?[0],
      let beginning = try await client.beginning(
        of: HubModelFile(repository: found.name, revision: listing.commit ?? "main", path: path))
    {
      working = beginning.withUnsafeBytes { read($0, into: &found) }
    }
    let sizes = Dictionary(listing.files.map { ($0.path, $0.size) }, uniquingKeysWith: { first, _ in first })
    found.files = models.map { paths in
      let known = paths.compactMap { sizes[$0] ?? nil }
      let size = known.count == paths.count ? known.reduce(0, +) : nil
      let quantization = ModelFileName.quantization(paths[0])
      let isPlain = quantization.map { ModelFileName.choose($0, among: models) == paths } ?? false
      let memory = size.map { $0 + (working ?? Self.usualWorking) }
      return FoundFile(
        name: "\(found.name):\(isPlain ? quantization! : paths[0])", path: paths[0], quantization: quantization,
        parts: paths.count, size: size, memory: memory, fits: memory.map { $0 <= memoryLimit },
        runs: FoundFile.runs(quantization))
    }
    .sorted { ($0.size ?? 0, $0.path) < ($1.size ?? 0, $1.path) }
    return found
  }

  /// Bytes beside the weights where no header tells.
  private static let usualWorking: UInt64 = 40_000_000

  /// - Returns: Bytes of memory beside the weights; nil when the header does not tell.
  private func read(_ beginning: UnsafeRawBufferPointer, into found: inout FoundModel) -> UInt64? {
    guard let file = try? GGUFFile.parseBeginning(beginning) else { return nil }
    found.foreign = ForeignFile.reason(file)
    if let name = try? file.string("general.architecture") {
      found.architecture = String(decoding: name, as: UTF8.self).safePrefix
    }
    guard let trained = try? Hyperparameters(file).contextLength,
      let cost = try? LanguageModel.memoryCost(of: file, contextLength: min(max(1, contextLength), trained))
    else { return nil }
    found.contextLength = trained
    return UInt64(cost.working)
  }
}

extension HubClient {
  /// The most downloaded repositories with GGUF files that match, without their files.
  func repositories(matching words: String, limit: Int) async throws -> [FoundModel] {
    struct Entry: Decodable {
      struct Header: Decodable {
        var architecture: String?
        var contextLength: Int?
        var total: UInt64?

        enum CodingKeys: String, CodingKey {
          case architecture, total
          case contextLength = "context_length"
        }
      }
      var id: String
      var downloads: Int?
      var gated: Gated?
      var tags: [String]?
      var gguf: Header?
    }
    /// False, or the way in which access is granted.
    struct Gated: Decodable {
      let isGated: Bool

      init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        isGated = try (try? value.decode(Bool.self)) ?? !value.decode(String.self).isEmpty
      }
    }
    var components = URLComponents()
    components.queryItems =
      [("search", words), ("filter", "gguf"), ("sort", "downloads"), ("limit", String(limit))].map(URLQueryItem.init)
      + ["downloads", "gated", "tags", "gguf"].map { URLQueryItem(name: "expand[]", value: $0) }
    let query = (components.percentEncodedQuery ?? "").replacingOccurrences(of: "+", with: "%2B")
    let entries: [Entry] = try await json("\(base)/api/models?\(query)", repository: words)
    return entries.filter { $0.id.isRepositoryName }.prefix(limit).map { entry in
      let license = entry.tags?.first { $0.hasPrefix("license:") }?.dropFirst("license:".count)
      return FoundModel(
        name: entry.id, downloads: entry.downloads ?? 0, license: license.map { String($0).safePrefix },
        isGated: entry.gated?.isGated ?? false, architecture: entry.gguf?.architecture?.safePrefix,
        contextLength: entry.gguf?.contextLength, parameters: entry.gguf?.total, foreign: nil, files: [])
    }
  }
}

extension String {
  /// Text of others: short, and without control characters.
  fileprivate var safePrefix: String {
    let shown = unicodeScalars.filter { ![.control, .format].contains($0.properties.generalCategory) }
    return String(String.UnicodeScalarView(shown.prefix(80)))
  }

  /// Whether this is `org/repo`.
  fileprivate var isRepositoryName: Bool {
    let parts = split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy { String($0).isPlainName }
  }
}
