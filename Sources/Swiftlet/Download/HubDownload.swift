import Foundation
import WorkerCore

/// One file's way from the hub into the cache: lock, resume, transfer, verify, publish.
struct HubDownload: Sendable {
  let client: HubClient
  let cache: HubCache
  let settings: TransferSettings
  let file: HubModelFile
  let facts: HubFileFacts
  /// The model's name for people.
  let title: String
  let meter: ProgressMeter
  /// Bytes of the model's parts before this one.
  let base: UInt64
  /// Bytes of all parts.
  let total: UInt64

  /// Fetches the file, unless it has come meanwhile, and gives its path in the cache.
  func run() async throws -> URL {
    var facts = facts
    for attempt in 1... {
      do {
        return try await run(facts)
      } catch is ContentChanged {
        guard attempt < 3 else {
          throw DownloadError.badAnswer(
            url: facts.location.host() ?? "", detail: "\(file.path) changes faster than it can be downloaded")
        }
        facts = try await client.facts(about: file)
        try facts.check(against: file, from: client.configuration.endpoint.host() ?? "the hub")
      }
    }
    throw CancellationError()
  }

  private func run(_ facts: HubFileFacts) async throws -> URL {
    let partialURL = cache.partial(facts.etag, of: file.repository)
    let lock = try await FileLock.acquire(cache.lock(facts.etag, of: file.repository)) {
      meter.describe("Waiting for another process that is fetching \(title)")
      meter.update(bytes: base + (FileSystem.size(partialURL) ?? 0), total: total, counts: false)
    }
    defer { withExtendedLifetime(lock) {} }
    let blob = cache.blob(facts.etag, of: file.repository)
    if FileSystem.size(blob) == facts.size {
      meter.update(bytes: base + facts.size, total: total, counts: false)
      return try cache.publish(file, etag: facts.etag, commit: facts.commit)
    }

    let partial = try PartialFile(partialURL)
    try checkSpace(facts, have: FileSystem.size(partialURL) ?? 0)
    if FileSystem.size(partialURL) ?? 0 > 0 {
      meter.describe("Checking what is already here of \(title)")
      try await partial.adoptPrefix(limit: facts.size) { meter.update(bytes: base + $0, total: total, counts: false) }
    }
    let resumed = partial.committed
    let host = client.configuration.endpoint.host() ?? "the hub"
    meter.describe("Downloading \(title) from \(host)")
    do {
      try await transfer(facts, into: partial)
    } catch let changed as ContentChanged {
      try partial.reset()
      throw changed
    }
    if try verify(partial, facts, mayBeStale: resumed > 0) {
      // The old part was bad: once more, from the beginning.
      try partial.reset()
      try await transfer(facts, into: partial)
      _ = try verify(partial, facts, mayBeStale: false)
    }
    try partial.install(as: blob)
    return try cache.publish(file, etag: facts.etag, commit: facts.commit)
  }

  private func transfer(_ facts: HubFileFacts, into partial: PartialFile) async throws {
    meter.update(bytes: base + partial.committed, total: total, counts: false)
    let (meter, base, total) = (meter, base, total)
    let transfer = FileTransfer(client: client, file: file, facts: facts, partial: partial, settings: settings) {
      meter.update(bytes: base + $0, total: total)
    }
    do {
      try await transfer.run()
    } catch let error as URLError {
      throw HubClient.typed(error, model: title, url: facts.location.host() ?? "")
    }
  }

  /// - Returns: Whether the content is wrong, but only perhaps by the fault of an earlier attempt.
  private func verify(_ partial: PartialFile, _ facts: HubFileFacts, mayBeStale: Bool) throws -> Bool {
    let found = partial.digest()
    let isWhole = partial.committed == facts.size
    let expected = file.sha256 ?? facts.sha256
    if isWhole, expected == nil || expected == found { return false }
    if mayBeStale { return true }
    try FileSystem.remove(partial.url)
    throw DownloadError.integrity(
      file: "\(file.repository)/\(file.path)",
      expected: "\(facts.size) bytes" + (expected.map { " with SHA-256 \($0)" } ?? ""),
      found: "\(partial.committed) bytes with SHA-256 \(found)")
  }

  private func checkSpace(_ facts: HubFileFacts, have: UInt64) throws(DownloadError) {
    let needed = facts.size - min(have, facts.size)
    let path = cache.directory.path
    if let free = FileSystem.freeBytes(at: path), free < needed {
      throw .diskFull(path: path, needed: needed, available: free)
    }
  }
}
