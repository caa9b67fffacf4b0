import Foundation
import Swiftlet
import Testing

extension Downloads {
  /// Cancelling, memory, disks, locks: what a download does to the machine that it runs on.
  @Suite("Downloads and the machine")
  struct DownloadLimitsTests {
    private static let name = HubFixture.repository + ":Q4_K_M"

    @Test("cancelling stops at once and keeps what came")
    func cancelRanges() async {
      // In a process of its own: nothing else there takes time.
      await #expect(processExitsWith: .success) { try await cancelAndResume(faults: [:]) }
    }

    @Test("cancelling one stream stops at once and keeps what came")
    func cancelStream() async {
      await #expect(processExitsWith: .success) { try await cancelAndResume(faults: ["noRanges": true]) }
    }

    @Test("cancelling is prompt even while a fast server sends one stream")
    func cancelFastStream() async {
      await #expect(processExitsWith: .success) {
        let hub = try await HubFixture(files: ["tiny-Q4_K_M.gguf": 1 << 30], faults: ["noRanges": true])
        let log = ProgressLog()
        let downloader = hub.downloader()
        let task = Task { try await downloader.fetch(HubFixture.repository) { log.append($0) } }
        while (log.all.last?.bytes ?? 0) < 20_000_000 { try await Task.sleep(for: .milliseconds(5)) }
        let start = ContinuousClock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ContinuousClock.now - start < .milliseconds(500))
        #expect(downloader.cache.models().reduce(0) { $0 + $1.size } < 1 << 30)
      }
    }

    @Test("a download that was cancelled before it began does not begin")
    func cancelledBefore() async throws {
      let hub = try await HubFixture()
      let downloader = hub.downloader()
      let task = Task {
        try? await Task.sleep(for: .seconds(60))
        return try await downloader.fetch(Self.name)
      }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      #expect(try await hub.facts().bytesSent == 0)
    }

    @Test("memory stays flat while 1 GB arrives as fast as it can")
    func memoryWithRanges() async {
      // In a process of its own: other tests need memory too.
      await #expect(processExitsWith: .success) {
        try await fetchGigabyte(faults: [:])
      }
    }

    @Test("memory stays flat while 1 GB arrives in one stream")
    func memoryWithoutRanges() async {
      await #expect(processExitsWith: .success) {
        try await fetchGigabyte(faults: ["noRanges": true])
      }
    }

    @Test("a disk without room is named before the download, a disk that fills up stops it")
    func diskFull() async throws {
      let hub = try await HubFixture(faults: ["bytesPerSecond": 20_000_000])
      let disk = hub.folder.appendingPathComponent("disk")
      try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
      guard try run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk.path]) == 0 else {
        print("SKIPPED: no small disk can be mounted here, so a full disk cannot be tried")
        return
      }
      defer { _ = try? run(["umount", disk.path]) }
      let filler = disk.appendingPathComponent("filler")
      let downloader = hub.downloader(cache: disk.appendingPathComponent("cache"))

      try Data(count: 4 << 20).write(to: filler)
      let early = try await downloadError { _ = try await downloader.fetch(Self.name) }
      guard case .diskFull(_, 10_000_000, let free) = early, free < 9 << 20 else { throw early }
      #expect(try await hub.facts().bytesSent == 0)
      try FileManager.default.removeItem(at: filler)

      let late = try await downloadError {
        _ = try await downloader.fetch(Self.name) { progress in
          // Somebody else fills the disk meanwhile.
          if progress.bytes > 1_000_000 { try? Data(count: 6 << 20).write(to: filler) }
        }
      }
      guard case .diskFull = late else { throw late }
      #expect(late.message.contains("swiftlet rm"))

      try FileManager.default.removeItem(at: filler)
      #expect(try await downloader.fetch(Self.name).count == 1)
    }

    @Test("a cache that cannot be written is named")
    func notWritable() async throws {
      let hub = try await HubFixture()
      // The superuser may write everywhere; nobody can write into a file as if it were a folder.
      let obstacle = hub.folder.appendingPathComponent("obstacle")
      try Data("x".utf8).write(to: obstacle)
      let downloader = hub.downloader(cache: obstacle.appendingPathComponent("cache"))
      let error = try await downloadError { _ = try await downloader.fetch(Self.name) }
      guard case .notWritable(obstacle.path, _) = error else { throw error }
      #expect(error.message.contains("HF_HUB_CACHE"))
    }

    @Test("of two downloads of one model, the second waits and then finds it")
    func twoAtOnce() async throws {
      let hub = try await HubFixture(faults: ["bytesPerSecond": 8_000_000])
      let log = ProgressLog()
      let first = hub.downloader()
      let second = hub.downloader()
      async let a = first.fetch(Self.name) { log.append($0) }
      async let b = second.fetch(Self.name) { log.append($0) }
      #expect(try await a == b)
      #expect(try await hub.facts().bytesSent == 10_000_000)
      #expect(log.all.contains { $0.text.contains("Waiting for another process") })
    }

    @Test("a model that is being fetched is not removed under it")
    func busy() async throws {
      let hub = try await HubFixture()
      let cache = hub.downloader().cache
      let partial = cache.partial("abc", of: HubFixture.repository)
      try FileManager.default.createDirectory(
        at: partial.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data("GGUF".utf8).write(to: partial)
      let lock = try FileLock(tryLocking: cache.lock("abc", of: HubFixture.repository))
      #expect(lock != nil)
      #expect(throws: DownloadError.busy(model: HubFixture.repository)) { try cache.remove(HubFixture.repository) }
      withExtendedLifetime(lock) {}
    }
  }
}

/// Cancels a download under way, then completes it.
private func cancelAndResume(faults: [String: any Sendable]) async throws {
  let hub = try await HubFixture(
    files: ["tiny-Q4_K_M.gguf": 50_000_000], faults: faults.merging(["bytesPerSecond": 5_000_000]) { $1 })
  let downloader = hub.downloader()
  func kept() -> UInt64 { downloader.cache.models().filter { !$0.isComplete }.reduce(0) { $0 + $1.size } }
  let log = ProgressLog()
  let task = Task { try await downloader.fetch(HubFixture.repository) { log.append($0) } }
  while (log.all.last?.bytes ?? 0) < 2_000_000 { try await Task.sleep(for: .milliseconds(20)) }

  let start = ContinuousClock.now
  task.cancel()
  await #expect(throws: CancellationError.self) { try await task.value }
  #expect(ContinuousClock.now - start < .milliseconds(500))
  let before = kept()
  #expect(before >= 2_000_000)
  let reports = log.all.count
  try await Task.sleep(for: .milliseconds(400))
  #expect(kept() == before)
  #expect(log.all.count == reports)

  // What is kept is good: the rest completes it.
  try await hub.set(faults: [:])
  _ = try await downloader.fetch(HubFixture.repository)
  #expect(try await hub.facts().bytesSent == 50_000_000 - before)
}

/// Fetches 1 GB and checks how much memory that took at its peak.
private func fetchGigabyte(faults: [String: any Sendable]) async throws {
  let hub = try await HubFixture(files: ["tiny-Q4_K_M.gguf": 1 << 30], faults: faults)
  let before = peakMemory()
  #expect(before > 0)
  let start = ContinuousClock.now
  _ = try await hub.downloader(rangeSize: 4 << 20).fetch(HubFixture.repository)
  let growth = peakMemory() - before
  print("1 GB in \(ContinuousClock.now - start), peak memory grew by \(growth >> 20) MB")
  #expect(growth < 100 << 20)
}

/// The most memory that this process ever held, in bytes.
private func peakMemory() -> Int {
  #if os(Linux)
    // `getrusage` also counts what the process was forked from.
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
    return (Int(line.filter(\.isNumber)) ?? 0) * 1024
  #else
    var usage = rusage()
    getrusage(RUSAGE_SELF, &usage)
    return usage.ru_maxrss
  #endif
}

private func run(_ arguments: [String]) throws -> Int32 {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  process.standardError = FileHandle.nullDevice
  try process.run()
  process.waitUntilExit()
  return process.terminationStatus
}
