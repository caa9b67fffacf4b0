import Foundation
import Swiftlet
import Testing
import WorkerCore

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Everything that downloads runs one after the other: much of it measures time, and each test has a server.
@Suite("Downloads", .serialized)
struct Downloads {}

/// The test hub (`Tests/Fixtures/hub_server.py`) with a cache folder of its own. Both are gone when it is let go of.
final class HubFixture: @unchecked Sendable {
  // Safe to share: nothing is changed after `init`; `Process` and the pipe are only used in `deinit`.
  private let process = Process()
  private let input = Pipe()
  let port: Int
  let folder: URL

  static let repository = "org/tiny-GGUF"
  static let commit = "0123456789abcdef0123456789abcdef01234567"

  /// What the server counted since the last change of its faults.
  struct Facts: Decodable {
    struct Request: Decodable {
      var method: String
      var path: String
      var range: String?
    }
    struct File: Decodable {
      var size: UInt64
      var sha256: String
    }
    var requests: [Request]
    var bytesSent: UInt64
    var storageTokens: [String]
    var files: [String: File]
  }

  /// - Parameters:
  ///   - files: Sizes by name.
  ///   - direct: Whether the hub gives the bytes out itself, instead of redirecting to its storage on another port.
  init(
    files: [String: Int] = ["tiny-Q4_K_M.gguf": 10_000_000], token: String? = nil, direct: Bool = false,
    faults: [String: any Sendable] = [:]
  ) async throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-hub-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    var configuration: [String: Any] = [
      "repository": Self.repository, "commit": Self.commit, "direct": direct, "faults": faults,
      "files": Dictionary(
        uniqueKeysWithValues: files.enumerated().map { ($1.key, ["size": $1.value, "seed": $0]) }),
    ]
    configuration["token"] = token
    let path = folder.appendingPathComponent("server.json")
    try JSONSerialization.data(withJSONObject: configuration).write(to: path)

    let script = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/hub_server.py")
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", script.path, path.path]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    // On a thread of its own: the concurrency pool is no place to wait.
    let line = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var line = Data()
        while line.last != UInt8(ascii: "\n"),
          let byte = try? output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty
        {
          line += byte
        }
        continuation.resume(returning: String(decoding: line, as: UTF8.self))
      }
    }
    port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)), "the test hub did not start")
  }

  deinit {
    // The server ends with its standard input.
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  var cacheFolder: URL { folder.appendingPathComponent("cache") }

  /// A downloader with a cache of its own, short delays and ranges of 1 MB.
  func downloader(
    cache: URL? = nil, environment: [String: String] = [:], rangeSize: UInt64 = 1 << 20
  ) -> ModelDownloader {
    let basics = [
      "HF_ENDPOINT": "http://127.0.0.1:\(port)", "HF_HUB_CACHE": (cache ?? cacheFolder).path, "HOME": folder.path,
    ]
    var downloader = ModelDownloader(
      configuration: HubConfiguration(environment: basics.merging(environment) { $1 }))
    downloader.retry.firstDelay = 0.02
    downloader.settings.rangeSize = rangeSize
    return downloader
  }

  func facts() async throws -> Facts {
    let url = try #require(URL(string: "http://127.0.0.1:\(port)/control"))
    let (data, _) = try await URLSession.shared.data(from: url)
    return try JSONDecoder().decode(Facts.self, from: data)
  }

  /// Replaces the faults, and starts to count anew.
  func set(faults: [String: any Sendable]) async throws {
    var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)/control")))
    request.httpMethod = "POST"
    request.httpBody = try JSONSerialization.data(withJSONObject: ["faults": faults])
    _ = try await URLSession.shared.data(for: request)
  }
}

/// Collects progress.
final class ProgressLog: @unchecked Sendable {
  // Safe to share: `reports` is only touched with the lock held.
  private let lock = NSLock()
  private var reports: [LoadProgress] = []

  func append(_ progress: LoadProgress) {
    lock.withLock { reports.append(progress) }
  }

  var all: [LoadProgress] { lock.withLock { reports } }
}

/// Runs a body and gives its error; fails the test when it throws none, or one of another type.
func downloadError(_ body: () async throws -> Void) async throws -> DownloadError {
  do {
    try await body()
  } catch let error as DownloadError {
    return error
  }
  throw UnexpectedSuccess()
}

struct UnexpectedSuccess: Error {}
