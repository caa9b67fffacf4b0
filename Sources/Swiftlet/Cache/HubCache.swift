import Foundation

/// The folder of downloaded models, laid out as the hub's own clients lay it out and shared with them.
///
///     models--org--repo/blobs/<etag>               the content, named by its SHA-256
///     models--org--repo/blobs/<etag>.incomplete    a download that goes on where it stopped
///     models--org--repo/blobs/<etag>.package       work in progress of the Python package source
///     models--org--repo/refs/main                  the commit that the branch stood for
///     models--org--repo/snapshots/<commit>/<file>  a relative link to the blob
///     .locks/models--org--repo/<etag>.lock         held while the blob is being fetched
public struct HubCache: Sendable, Equatable {
  public let directory: URL

  public init(directory: URL) {
    self.directory = directory
  }

  /// The folder of one repository.
  package func folder(of repository: String) -> URL {
    directory.appendingPathComponent(Self.folderName(of: repository), isDirectory: true)
  }

  package func blob(_ etag: String, of repository: String) -> URL {
    folder(of: repository).appendingPathComponent("blobs/\(etag)")
  }

  package func partial(_ etag: String, of repository: String) -> URL {
    folder(of: repository).appendingPathComponent("blobs/\(etag).incomplete")
  }

  package func packageFolder(_ etag: String, of repository: String) -> URL {
    folder(of: repository).appendingPathComponent("blobs/\(etag).package", isDirectory: true)
  }

  package func lock(_ etag: String, of repository: String) -> URL {
    locks(of: repository).appendingPathComponent("\(etag).lock")
  }

  func locks(of repository: String) -> URL {
    directory.appendingPathComponent(".locks/\(Self.folderName(of: repository))", isDirectory: true)
  }

  static func folderName(of repository: String) -> String {
    "models--" + repository.replacingOccurrences(of: "/", with: "--")
  }

  /// The repository of a `models--org--repo` folder, or nil for folders of another kind.
  static func repository(ofFolder name: String) -> String? {
    let parts = name.components(separatedBy: "--")
    guard parts.count >= 2, parts[0] == "models" else { return nil }
    return parts.dropFirst().joined(separator: "/")
  }

  /// The commits of which files are cached; the one that `refs/main` names first, then the newest.
  func commits(of repository: String) -> [String] {
    let folder = folder(of: repository)
    let snapshots = folder.appendingPathComponent("snapshots")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: snapshots.path)) ?? []
    let main = commit(of: "main", in: repository)
    let dated = names.map { ($0, Self.modified(snapshots.appendingPathComponent($0))) }
    return dated.sorted { ($0.0 == main ? 1 : 0, $0.1, $0.0) > ($1.0 == main ? 1 : 0, $1.1, $1.0) }.map(\.0)
  }

  /// The commit that a branch stood for when it was last asked.
  func commit(of revision: String, in repository: String) -> String? {
    let url = folder(of: repository).appendingPathComponent("refs/\(revision)")
    guard revision.isSafeRelativePath, let text = try? String(contentsOf: url, encoding: .utf8) else { return nil }
    let commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
    return commit.isPlainName ? commit : nil
  }

  /// The cached file, whole and of the right size, or nil.
  ///
  /// Looked for are the blob of the wanted hash, the wanted revision, and — since a model by the same name in another
  /// commit is better than none — every other snapshot, unless a hash is wanted.
  package func find(_ file: HubModelFile) -> URL? {
    func isRight(_ url: URL) -> Bool {
      guard let size = FileSystem.size(url), size > 0 else { return false }
      return file.size == nil || file.size == size
    }
    if let hash = file.sha256 {
      let blob = blob(hash, of: file.repository)
      if isRight(blob) { return snapshotFile(linkingTo: hash, file) ?? blob }
    }
    var candidates = commits(of: file.repository)
    if let wanted = commit(of: file.revision, in: file.repository) ?? candidates.first(where: { $0 == file.revision }) {
      candidates.insert(wanted, at: 0)
    }
    for commit in candidates {
      let url = snapshot(commit, file)
      guard isRight(url) else { continue }
      // A link tells the hash; a plain file (systems without links) is trusted by its size.
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: url.path)
      let name = target.map { ($0 as NSString).lastPathComponent }
      if let hash = file.sha256, let name, name.isSHA256, name != hash { continue }
      return url
    }
    return nil
  }

  /// Makes a blob visible under its file name, and remembers what commit the branch stood for.
  ///
  /// - Returns: The path by which the model is opened.
  @discardableResult
  func publish(_ file: HubModelFile, etag: String, commit: String?) throws(DownloadError) -> URL {
    let commit = commit ?? (file.revision.isPlainName ? file.revision : "main")
    let url = snapshot(commit, file)
    let depth = file.path.split(separator: "/").count - 1
    let up = String(repeating: "../", count: depth + 2)
    try FileSystem.link(url, to: "\(up)blobs/\(etag)")
    // A pinned commit does not say what `main` is; but where nothing else is known, it lets clients that ask for the
    // branch find the file without network.
    let branch = commit == file.revision ? "main" : file.revision
    let reference = folder(of: file.repository).appendingPathComponent("refs/\(branch)")
    let isKnown = FileManager.default.fileExists(atPath: reference.path)
    if commit != file.revision || !isKnown, branch.isSafeRelativePath {
      try FileSystem.write(commit, to: reference)
    }
    return url
  }

  func snapshot(_ commit: String, _ file: HubModelFile) -> URL {
    folder(of: file.repository).appendingPathComponent("snapshots/\(commit)/\(file.path)")
  }

  private func snapshotFile(linkingTo hash: String, _ file: HubModelFile) -> URL? {
    commits(of: file.repository).lazy.map { snapshot($0, file) }.first { url in
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: url.path)
      return target.map { ($0 as NSString).lastPathComponent } == hash
    }
  }

  static func modified(_ url: URL) -> Date {
    let attributes = try? FileManager.default.attributesOfItem(atPath: url.path)
    return attributes?[.modificationDate] as? Date ?? .distantPast
  }
}
