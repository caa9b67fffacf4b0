import Foundation
import Swiftlet
import SwiftletTestSupport

/// A manager whose models are tiny files made for one test.
final class ManagerFixture: Sendable {
  let manager: InferenceManager
  let model: String
  private let directory: URL

  /// Where conversations are kept.
  var kept: URL { directory.appending(path: "conversations") }

  /// - Parameter keptBytes: most bytes of what is kept of conversations.
  init(
    _ model: TinyModel = TinyModel(), memoryLimit: UInt64 = 0, provider: ModelProvider = .hub(),
    keptBytes: UInt64 = 1 << 20
  ) throws {
    let file = try model.write()
    self.model = file.path
    directory = file.deletingLastPathComponent()
    manager = InferenceManager(
      configuration: InferenceManager.Configuration(
        provider: provider, threads: 1, memoryLimit: memoryLimit,
        conversations: ConversationCache(
          directory: directory.appending(path: "conversations"), byteLimit: keptBytes)))
  }

  deinit {
    try? FileManager.default.removeItem(at: directory)
  }

  /// A provider that waits between reports, and can be told to fail or to bring a file.
  static func slow(_ file: URL? = nil) -> (provider: ModelProvider, cancelled: AsyncStream<Void>) {
    let (cancelled, signal) = AsyncStream.makeStream(of: Void.self)
    let provider = ModelProvider { request, progress in
      if let file, !request.model.hasPrefix("slow") { return [file] }
      do {
        for step in 1...10_000 {
          progress(ModelProvider.Report(received: UInt64(step), total: 10_000))
          try await Task.sleep(for: .milliseconds(20))
        }
      } catch {
        signal.yield()
        throw error
      }
      return []
    }
    return (provider, cancelled)
  }
}

/// Values collected from several threads.
final class Collected<Value: Sendable>: @unchecked Sendable {
  // Safe to share: only touched with the lock held.
  private let lock = NSLock()
  private var stored: [Value] = []

  func append(_ value: Value) {
    lock.lock()
    defer { lock.unlock() }
    stored.append(value)
  }

  var values: [Value] {
    lock.lock()
    defer { lock.unlock() }
    return stored
  }
}

/// Waits until something is true; false if it does not become true within ten seconds.
func eventually(isolation: isolated (any Actor)? = #isolation, _ isTrue: () -> Bool) async -> Bool {
  for _ in 0..<1000 {
    if isTrue() { return true }
    try? await Task.sleep(for: .milliseconds(10))
  }
  return false
}
