import Foundation
import InferenceCore
import Swiftlet
import Testing
import WorkerCore

extension Downloads {
  @Suite("Downloads from the hub")
  struct HubDownloadTests {
    private static let name = HubFixture.repository + ":Q4_K_M"
    private static let file = "tiny-Q4_K_M.gguf"

    private func digest(_ url: URL) throws -> String {
      var hash = SHA256()
      hash.update([UInt8](try Data(contentsOf: url)))
      return hash.hexadecimalDigest()
    }

    @Test("a file arrives whole, in the layout that the hub's clients share")
    func layout() async throws {
      let hub = try await HubFixture()
      let log = ProgressLog()
      let files = try await hub.downloader().fetch(Self.name) { log.append($0) }
      let facts = try await hub.facts()
      let expected = try #require(facts.files[Self.file])

      let root = hub.cacheFolder.appendingPathComponent("models--org--tiny-GGUF")
      #expect(files.map(\.path) == [root.appendingPathComponent("snapshots/\(HubFixture.commit)/\(Self.file)").path])
      #expect(try digest(files[0]) == expected.sha256)
      let link = try FileManager.default.destinationOfSymbolicLink(atPath: files[0].path)
      #expect(link == "../../blobs/\(expected.sha256)")
      #expect(try String(contentsOf: root.appendingPathComponent("refs/main"), encoding: .utf8) == HubFixture.commit)
      #expect(try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent("blobs").path).count == 1)
      #expect(facts.bytesSent == expected.size)

      let reports = log.all
      #expect(reports.last?.bytes == expected.size)
      #expect(reports.last?.totalBytes == expected.size)
      #expect(reports.last?.progress == 1)
      for (before, after) in zip(reports, reports.dropFirst()) {
        #expect(after.bytes >= before.bytes && after.progress >= before.progress)
        #expect(after.timeElapsed >= before.timeElapsed)
      }
    }

    @Test("what is cached is used without a request")
    func cached() async throws {
      let hub = try await HubFixture()
      _ = try await hub.downloader().fetch(Self.name)
      try await hub.set(faults: [:])
      let again = try await hub.downloader().fetch(Self.name)
      #expect(try await hub.facts().requests.isEmpty)
      let offline = try await hub.downloader(environment: ["HF_HUB_OFFLINE": "1"]).fetch(HubFixture.repository)
      #expect(again == offline)
    }

    @Test("split models arrive with all their parts, without a quantization Q4_K_M comes first")
    func parts() async throws {
      let hub = try await HubFixture(files: [
        "a/big-Q4_K_M-00001-of-00002.gguf": 3_000_000, "a/big-Q4_K_M-00002-of-00002.gguf": 2_000_000,
        "big-Q2_K.gguf": 1000, "README.md": 10,
      ])
      let log = ProgressLog()
      let files = try await hub.downloader().fetch(HubFixture.repository) { log.append($0) }
      #expect(files.map(\.lastPathComponent) == ["big-Q4_K_M-00001-of-00002.gguf", "big-Q4_K_M-00002-of-00002.gguf"])
      #expect(log.all.last?.totalBytes == 5_000_000)
      #expect(log.all.last?.bytes == 5_000_000)
      let facts = try await hub.facts()
      for file in files { #expect(try digest(file) == facts.files["a/" + file.lastPathComponent]?.sha256) }
    }

    @Test("a hub that lists its files only by the tree is understood")
    func tree() async throws {
      let hub = try await HubFixture(files: [Self.file: 1000], faults: ["noSiblings": true])
      #expect(try await hub.downloader().fetch(HubFixture.repository).count == 1)
    }

    @Test("the token goes to the hub and to no other host")
    func token() async throws {
      let hub = try await HubFixture(token: "hf_secret")
      _ = try await hub.downloader(environment: ["HF_TOKEN": "hf_secret"]).fetch(Self.name)
      #expect(try await hub.facts().storageTokens.isEmpty)
    }

    // MARK: - Things that go wrong

    @Test("a connection that is cut again and again costs only what was missing", arguments: [true, false])
    func cut(direct: Bool) async throws {
      let hub = try await HubFixture(direct: direct, faults: ["cutAt": 2_500_000, "cuts": 3])
      let files = try await hub.downloader().fetch(Self.name)
      let facts = try await hub.facts()
      #expect(try digest(files[0]) == facts.files[Self.file]?.sha256)
      #expect(facts.bytesSent == 10_000_000)
    }

    @Test("a download goes on where another process stopped")
    func resume() async throws {
      let hub = try await HubFixture()
      let hash = try #require(try await hub.facts().files[Self.file]).sha256
      // The first 6,291,456 bytes, as an interrupted process leaves them.
      let other = hub.folder.appendingPathComponent("other")
      let whole = try await hub.downloader(cache: other).fetch(Self.name)
      let cache = hub.downloader().cache
      let partial = cache.partial(hash, of: HubFixture.repository)
      try FileManager.default.createDirectory(
        at: partial.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(contentsOf: whole[0]).prefix(6 << 20).write(to: partial)
      #expect(cache.models().map(\.isComplete) == [false])

      try await hub.set(faults: [:])
      let log = ProgressLog()
      let files = try await hub.downloader().fetch(Self.name) { log.append($0) }
      #expect(try digest(files[0]) == hash)
      #expect(try await hub.facts().bytesSent == 10_000_000 - 6 << 20)
      #expect(log.all.contains { $0.bytes >= 6 << 20 && $0.bytes < 10_000_000 })
      #expect(!FileManager.default.fileExists(atPath: partial.path))
    }

    @Test("a damaged beginning from an earlier attempt is found and fetched anew")
    func damagedPartial() async throws {
      let hub = try await HubFixture()
      let hash = try #require(try await hub.facts().files[Self.file]).sha256
      let partial = hub.downloader().cache.partial(hash, of: HubFixture.repository)
      try FileManager.default.createDirectory(
        at: partial.deletingLastPathComponent(), withIntermediateDirectories: true)
      try (Data("GGUF".utf8) + Data(count: 3_999_996)).write(to: partial)
      let files = try await hub.downloader().fetch(Self.name)
      #expect(try digest(files[0]) == hash)
      #expect(try await hub.facts().bytesSent == 16_000_000)
    }

    @Test("a server without ranges gives one stream, and after a cut what is here is kept")
    func noRanges() async throws {
      let hub = try await HubFixture(faults: ["noRanges": true, "cutAt": 7_000_000, "cuts": 1])
      let files = try await hub.downloader().fetch(Self.name)
      let facts = try await hub.facts()
      #expect(try digest(files[0]) == facts.files[Self.file]?.sha256)
      #expect(facts.bytesSent == 17_000_000)
    }

    @Test("passing failures are tried again", arguments: [500, 503, 429])
    func serverErrors(status: Int) async throws {
      let hub = try await HubFixture(faults: ["serverErrors": 3, "errorStatus": status])
      #expect(try await hub.downloader().fetch(Self.name).count == 1)
    }

    @Test("failures that do not pass end in an error")
    func endlessServerErrors() async throws {
      let hub = try await HubFixture(faults: ["serverErrors": 1000])
      let error = try await downloadError { _ = try await hub.downloader().fetch(Self.name) }
      guard case .badAnswer = error else { throw error }
      #expect(error.message.contains("HTTP 500"))
    }

    @Test("an address in the storage that expires is asked for anew")
    func expiredLocation() async throws {
      let hub = try await HubFixture(faults: ["expireLocation": 1])
      #expect(try await hub.downloader().fetch(Self.name).count == 1)
    }

    @Test("a connection that falls silent is given up and made anew")
    func stalled() async throws {
      let hub = try await HubFixture(faults: ["stallAt": 3_000_000, "stalls": 2])
      var downloader = hub.downloader()
      downloader.configuration.idleTimeout = 1
      #expect(try await downloader.fetch(Self.name).count == 1)
      #expect(try await hub.facts().bytesSent == 10_000_000)
    }

    @Test("content that changes while it is downloaded is fetched anew, in its new form")
    func contentChange() async throws {
      let hub = try await HubFixture(faults: ["changeAt": 5_000_000, "changes": 1, "bytesPerSecond": 40_000_000])
      // The plan must not pin the old hash, as the hub's listing does.
      let plan = ModelPlan(
        name: "changing",
        hubFiles: [HubModelFile(repository: HubFixture.repository, revision: "main", path: Self.file)])
      let files = try await hub.downloader().fetch(plan)
      let facts = try await hub.facts()
      #expect(try digest(files[0]) == facts.files[Self.file]?.sha256)
      #expect(facts.bytesSent > 10_000_000)
    }

    @Test("wrong bytes are refused and deleted")
    func wrongBytes() async throws {
      let hub = try await HubFixture(faults: ["corruptAt": 3_000_000])
      let error = try await downloadError { _ = try await hub.downloader().fetch(Self.name) }
      guard case .integrity = error else { throw error }
      #expect(hub.downloader().cache.models().isEmpty)
    }

    @Test("a hash that is not the wanted one is refused before anything is downloaded")
    func wrongHash() async throws {
      let hub = try await HubFixture(faults: ["wrongHash": true])
      let error = try await downloadError { _ = try await hub.downloader().fetch(Self.name) }
      guard case .integrity = error else { throw error }
      #expect(try await hub.facts().bytesSent == 0)
    }

    @Test("gated and private repositories say what to do", arguments: [nil, "hf_wrong"])
    func unauthorized(token: String?) async throws {
      let hub = try await HubFixture(token: "hf_right")
      let environment = token.map { ["HF_TOKEN": $0] } ?? [:]
      let error = try await downloadError { _ = try await hub.downloader(environment: environment).fetch(Self.name) }
      guard case .accessDenied(_, 401, let hasToken, _) = error else { throw error }
      #expect(hasToken == (token != nil))
      #expect(error.message.contains("accept"))
    }

    @Test("403 is an access error")
    func forbidden() async throws {
      let hub = try await HubFixture(faults: ["forbid": true])
      let error = try await downloadError { _ = try await hub.downloader().fetch(Self.name) }
      guard case .accessDenied(_, 403, _, _) = error else { throw error }
    }

    @Test("an unknown repository and an unknown quantization are told apart")
    func unknown() async throws {
      let hub = try await HubFixture()
      let repository = try await downloadError { _ = try await hub.downloader().fetch("nobody/nothing") }
      guard case .notFound = repository else { throw repository }
      let quantization = try await downloadError { _ = try await hub.downloader().fetch("org/tiny-GGUF:Q9_X") }
      guard case .noSuchQuantization(_, "Q9_X", ["Q4_K_M"]) = quantization else { throw quantization }
    }

    @Test("without network the error says what is cached")
    func noNetwork() async throws {
      let hub = try await HubFixture()
      _ = try await hub.downloader().fetch(Self.name)
      for environment in [["HF_ENDPOINT": "http://127.0.0.1:1"], ["HF_HUB_OFFLINE": "1"]] {
        let downloader = hub.downloader(environment: environment)
        let error = try await downloadError { _ = try await downloader.fetch("other/model-GGUF") }
        guard case .noNetwork(_, _, _, let cached) = error else { throw error }
        #expect(cached == [Self.name])
        #expect(error.message.contains("other/model-GGUF") && error.message.contains(Self.name))
      }
    }
  }
}
