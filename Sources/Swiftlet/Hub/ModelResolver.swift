import Foundation
import WorkerCore

/// Finds out what a model's name means.
public struct ModelResolver: Sendable {
  public let configuration: HubConfiguration
  public let cache: HubCache
  package var retry = RetryPolicy()

  public init(configuration: HubConfiguration = HubConfiguration()) {
    self.configuration = configuration
    cache = HubCache(directory: configuration.cacheDirectory)
  }

  /// Resolves a tier, a catalog id, a path or `org/repo[:QUANT]`.
  ///
  /// Only a repository that is not cached needs the network, to list its files.
  /// - Throws: ``DownloadError``, `CancellationError`.
  public func resolve(_ name: String) async throws -> ModelPlan {
    switch try ModelReference(name) {
    case .path(let path): try resolve(path: path)
    case .catalog(let model): resolve(model)
    case .repository(let repository, let quantization):
      try await resolve(repository: repository, quantization: quantization)
    }
  }

  /// Resolves what is on this machine, and never asks the network; nil when the model would have to be fetched.
  public func resolveLocally(_ name: String) throws(DownloadError) -> ModelPlan? {
    switch try ModelReference(name) {
    case .path(let path): return try resolve(path: path)
    case .catalog(let model):
      let plan = resolve(model)
      return plan.localFiles == nil ? nil : plan
    case .repository(let repository, let quantization):
      return cached(repository: repository, quantization: quantization, anyQuantization: true)
    }
  }

  // MARK: - Path

  private func resolve(path: String) throws(DownloadError) -> ModelPlan {
    var url = URL(fileURLWithPath: path)
    if let names = try? FileManager.default.contentsOfDirectory(atPath: path) {
      let models = ModelFileName.models(in: names)
      guard models.count <= 1 else { throw .severalModels(path: path, models: models.map { $0[0] }) }
      guard let model = models.first else { throw .noSuchFile(path: path) }
      url.appendPathComponent(model[0])
    }
    var files = [url]
    if let part = ModelFileName.part(url.lastPathComponent) {
      files = part.siblings.map { url.deletingLastPathComponent().appendingPathComponent($0) }
      let missing = files.filter { FileSystem.size($0) == nil }.map(\.lastPathComponent)
      guard missing.isEmpty else { throw .missingParts(path: path, missing: missing) }
    }
    guard FileSystem.size(url) != nil else { throw .noSuchFile(path: path) }
    return ModelPlan(name: path, localFiles: files)
  }

  // MARK: - Catalog

  private func resolve(_ model: CatalogModel) -> ModelPlan {
    var plan = ModelPlan(name: model.id, catalogModel: model)
    for source in model.sources {
      switch source {
      case .hub(let repository, let revision, let file):
        // Without a hash the hub's word on the size counts more than the catalog's.
        let size = model.sha256 == nil ? nil : model.fileSize
        plan.hubFiles = [
          HubModelFile(repository: repository, revision: revision, path: file, size: size, sha256: model.sha256)
        ]
      case .pythonPackage(let name, let version, let member):
        plan.package = ModelPlan.Package(name: name, version: version, member: member)
      }
    }
    plan.localFiles = plan.hubFiles.first.flatMap(cache.find).map { [$0] }
    return plan
  }

  // MARK: - Repository

  private func resolve(repository: String, quantization: String?) async throws -> ModelPlan {
    if let plan = cached(repository: repository, quantization: quantization, anyQuantization: false) { return plan }
    do {
      let name = quantization.map { "\(repository):\($0)" } ?? repository
      if configuration.isOffline {
        throw DownloadError.noNetwork(model: name, reason: "HF_HUB_OFFLINE is set", isOffline: true, cached: [])
      }
      let transport = HTTPTransport()
      defer { transport.close() }
      let client = HubClient(configuration: configuration, transport: transport, retry: retry)
      return try plan(repository: repository, quantization: quantization, listing: await client.listing(of: repository))
    } catch DownloadError.noNetwork(let model, let reason, let isOffline, _) {
      if let plan = cached(repository: repository, quantization: quantization, anyQuantization: true) { return plan }
      throw DownloadError.noNetwork(
        model: model, reason: reason, isOffline: isOffline, cached: cache.names())
    }
  }

  private func plan(repository: String, quantization: String?, listing: HubListing) throws(DownloadError) -> ModelPlan {
    let models = ModelFileName.models(in: listing.files.map(\.path))
    guard let chosen = ModelFileName.choose(quantization, among: models) else {
      let available = models.map { ModelFileName.quantization($0[0]) ?? $0[0] }
      throw .noSuchQuantization(repository: repository, wanted: quantization, available: available)
    }
    let files = chosen.map { path in
      let entry = listing.files.first { $0.path == path }
      let hash = entry?.sha256?.lowercased()
      return HubModelFile(
        repository: repository, revision: "main", path: path, size: entry?.size,
        sha256: hash.flatMap { $0.isSHA256 ? $0 : nil })
    }
    var plan = ModelPlan(name: Self.name(repository, chosen), hubFiles: files)
    let found = files.compactMap(cache.find)
    plan.localFiles = found.count == files.count ? found : nil
    return plan
  }

  /// - Parameter anyQuantization: Whether, when no quantization is wanted, one that is not the hub's first choice will do.
  private func cached(repository: String, quantization: String?, anyQuantization: Bool) -> ModelPlan? {
    for commit in cache.commits(of: repository) {
      let models = ModelFileName.models(in: cache.files(of: repository, commit: commit))
      guard let chosen = ModelFileName.choose(quantization ?? (anyQuantization ? nil : "Q4_K_M"), among: models) else {
        continue
      }
      let files = chosen.map { HubModelFile(repository: repository, revision: commit, path: $0) }
      return ModelPlan(
        name: Self.name(repository, chosen), localFiles: files.map { cache.snapshot(commit, $0) }, hubFiles: files)
    }
    return nil
  }

  private static func name(_ repository: String, _ files: [String]) -> String {
    "\(repository):\(ModelFileName.quantization(files[0]) ?? files[0])"
  }
}
