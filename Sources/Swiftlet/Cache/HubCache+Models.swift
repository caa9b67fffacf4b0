import Foundation
import WorkerCore

extension HubCache {
  /// The models in the cache, interrupted downloads included, sorted by name.
  ///
  /// Repositories without GGUF files, which other tools share the cache for, do not appear.
  public func models() -> [CachedModel] {
    repositories().flatMap { models(of: $0) }.sorted {
      ($0.name, $0.isComplete ? 0 : 1) < ($1.name, $1.isComplete ? 0 : 1)
    }
  }

  /// Names of the models that are whole.
  func names() -> [String] {
    models().filter(\.isComplete).map(\.name)
  }

  /// Removes a model, or an interrupted download, from the disk.
  ///
  /// - Parameter name: A tier, a catalog id, `org/repo:QUANT`, or `org/repo` for all models of a repository.
  /// - Returns: What was removed.
  /// - Throws: ``DownloadError``: `notCached`, `busy` while a process is fetching it, `notWritable`.
  @discardableResult
  public func remove(_ name: String) throws(DownloadError) -> [CachedModel] {
    let all = models()
    let id = ModelCatalog.find(name)?.id
    let wanted = name.lowercased()
    var found = all.filter { $0.name == id || $0.name.lowercased() == wanted }
    if found.isEmpty { found = all.filter { $0.repository.lowercased() == wanted } }
    guard !found.isEmpty else { throw .notCached(name: name, cached: all.map(\.name)) }
    for model in found { try remove(model) }
    return found
  }

  // MARK: - Reading

  /// Paths of the files of one commit that are whole, GGUF files only.
  func files(of repository: String, commit: String) -> [String] {
    let root = folder(of: repository).appendingPathComponent("snapshots/\(commit)")
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: root.path)) ?? []
    return paths.filter { path in
      path.lowercased().hasSuffix(".gguf") && (FileSystem.size(root.appendingPathComponent(path)) ?? 0) > 0
    }
  }

  private func repositories() -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names.compactMap(Self.repository(ofFolder:))
  }

  private func models(of repository: String) -> [CachedModel] {
    var found: [CachedModel] = []
    var seen: Set<[String]> = []
    for commit in commits(of: repository) {
      for parts in ModelFileName.models(in: files(of: repository, commit: commit)) {
        let files = parts.map { snapshot(commit, HubModelFile(repository: repository, revision: commit, path: $0)) }
        // Two commits with the same content share their blobs.
        guard seen.insert(files.map { $0.resolvingSymlinksInPath().path }).inserted else { continue }
        found.append(
          CachedModel(
            name: name(of: parts[0], in: repository), repository: repository, files: files,
            size: files.reduce(0) { $0 + (FileSystem.size($1) ?? 0) }, isComplete: true,
            modified: files.map { Self.modified($0.resolvingSymlinksInPath()) }.max() ?? .distantPast))
      }
    }
    return found + incompleteModels(of: repository)
  }

  private func incompleteModels(of repository: String) -> [CachedModel] {
    let blobs = folder(of: repository).appendingPathComponent("blobs")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: blobs.path)) ?? []
    var byETag: [String: [URL]] = [:]
    for name in names {
      let url = blobs.appendingPathComponent(name)
      if url.pathExtension == "incomplete" || url.pathExtension == "package" {
        byETag[url.deletingPathExtension().lastPathComponent, default: []].append(url)
      }
    }
    return byETag.compactMap { etag, files in
      let known = ModelCatalog.models.first { $0.sha256 == etag }
      guard known != nil || files.contains(where: Self.isGGUF) else { return nil }
      return CachedModel(
        name: known?.id ?? repository, repository: repository, files: files.sorted { $0.path < $1.path },
        size: files.reduce(0) { $0 + Self.diskSize($1) }, isComplete: false,
        modified: files.map(Self.modified).max() ?? .distantPast)
    }
  }

  private func name(of path: String, in repository: String) -> String {
    for model in ModelCatalog.models {
      for case .hub(repository, _, path) in model.sources { return model.id }
    }
    return "\(repository):\(ModelFileName.quantization(path) ?? path)"
  }

  /// Whether a file begins as a GGUF file does; other tools keep their own downloads here.
  private static func isGGUF(_ url: URL) -> Bool {
    guard let file = try? FileHandle(forReadingFrom: url) else { return false }
    defer { try? file.close() }
    return (try? file.read(upToCount: 4)) == Data("GGUF".utf8)
  }

  /// Bytes of a file, or of all files in a folder.
  static func diskSize(_ url: URL) -> UInt64 {
    if let size = FileSystem.size(url) { return size }
    let paths = (try? FileManager.default.subpathsOfDirectory(atPath: url.path)) ?? []
    return paths.reduce(0) { $0 + (FileSystem.size(url.appendingPathComponent($1)) ?? 0) }
  }

  // MARK: - Removing

  private func remove(_ model: CachedModel) throws(DownloadError) {
    let repository = model.repository
    let etags = Set(
      model.files.map { url in
        model.isComplete
          ? url.resolvingSymlinksInPath().lastPathComponent : url.deletingPathExtension().lastPathComponent
      })
    var locks: [FileLock] = []
    for etag in etags where etag.isPlainName {
      guard let lock = try FileLock(tryLocking: lock(etag, of: repository)) else { throw .busy(model: model.name) }
      locks.append(lock)
    }
    if model.isComplete {
      // Links first: what is left after a crash in between is a blob that the next download finds.
      try removeLinks(to: etags, in: repository)
      for etag in etags { try FileSystem.remove(blob(etag, of: repository)) }
      for file in model.files { try FileSystem.remove(file) }
    } else {
      for file in model.files { try FileSystem.remove(file) }
    }
    try removeIfEmpty(repository)
  }

  private func removeLinks(to etags: Set<String>, in repository: String) throws(DownloadError) {
    let root = folder(of: repository).appendingPathComponent("snapshots")
    for path in (try? FileManager.default.subpathsOfDirectory(atPath: root.path)) ?? [] {
      let url = root.appendingPathComponent(path)
      guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: url.path) else { continue }
      if etags.contains((target as NSString).lastPathComponent) { try FileSystem.remove(url) }
    }
  }

  /// Removes a repository's folder when no file of anybody's is left in it.
  private func removeIfEmpty(_ repository: String) throws(DownloadError) {
    let folder = folder(of: repository)
    for place in ["blobs", "snapshots"] {
      let root = folder.appendingPathComponent(place)
      let paths = (try? FileManager.default.subpathsOfDirectory(atPath: root.path)) ?? []
      for path in paths {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(
          atPath: root.appendingPathComponent(path).path, isDirectory: &isDirectory)
        if exists, !isDirectory.boolValue { return }
      }
    }
    try FileSystem.remove(folder)
    try FileSystem.remove(locks(of: repository))
  }
}
