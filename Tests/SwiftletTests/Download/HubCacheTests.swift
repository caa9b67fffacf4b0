import Foundation
import Swiftlet
import Testing

@Suite("The cache of models")
struct HubCacheTests {
  private static let hash = String(repeating: "b", count: 64)

  /// A cache as the hub's own Python client leaves it.
  private func withCache(_ body: (HubCache) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-cache-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    let repository = root.appendingPathComponent("models--org--repo-GGUF")
    for path in ["blobs", "refs", "snapshots/c1/sub", "snapshots/c2"] {
      try FileManager.default.createDirectory(
        at: repository.appendingPathComponent(path), withIntermediateDirectories: true)
    }
    func link(_ path: String, _ target: String) throws {
      try FileManager.default.createSymbolicLink(
        atPath: repository.appendingPathComponent(path).path, withDestinationPath: target)
    }
    try Data(count: 100).write(to: repository.appendingPathComponent("blobs/\(Self.hash)"))
    try Data(count: 50).write(to: repository.appendingPathComponent("blobs/other"))
    try Data("GGUF123".utf8).write(to: repository.appendingPathComponent("blobs/cc.incomplete"))
    try Data("torch".utf8).write(to: repository.appendingPathComponent("blobs/dd.incomplete"))
    try link("snapshots/c1/m-Q4_K_M.gguf", "../../blobs/\(Self.hash)")
    try link("snapshots/c2/m-Q4_K_M.gguf", "../../blobs/\(Self.hash)")
    try link("snapshots/c1/sub/m-Q8_0.gguf", "../../../blobs/other")
    try link("snapshots/c1/broken-Q2_K.gguf", "../../blobs/none")
    try Data("c1".utf8).write(to: repository.appendingPathComponent("refs/main"))
    for path in ["models--a--no-models/blobs", "datasets--a--b/blobs", "version.txt"] {
      try FileManager.default.createDirectory(at: root.appendingPathComponent(path), withIntermediateDirectories: true)
    }
    try body(HubCache(directory: root))
  }

  private func file(_ path: String, size: UInt64? = nil, sha256: String? = nil, revision: String = "main")
    -> HubModelFile
  {
    HubModelFile(repository: "org/repo-GGUF", revision: revision, path: path, size: size, sha256: sha256)
  }

  @Test("lists whole models once, and interrupted downloads")
  func list() throws {
    try withCache { cache in
      let models = cache.models()
      #expect(models.map(\.name) == ["org/repo-GGUF", "org/repo-GGUF:Q4_K_M", "org/repo-GGUF:Q8_0"])
      #expect(models.map(\.size) == [7, 100, 50])
      #expect(models.map(\.isComplete) == [false, true, true])
    }
  }

  @Test("finds files that other tools fetched")
  func find() throws {
    try withCache { cache in
      #expect(cache.find(file("m-Q4_K_M.gguf"))?.path.hasSuffix("snapshots/c1/m-Q4_K_M.gguf") == true)
      #expect(cache.find(file("m-Q4_K_M.gguf", revision: "c2"))?.path.hasSuffix("c2/m-Q4_K_M.gguf") == true)
      #expect(cache.find(file("m-Q4_K_M.gguf", size: 100, sha256: Self.hash)) != nil)
      #expect(cache.find(file("m-Q4_K_M.gguf", size: 99)) == nil)
      // The same content under another name.
      #expect(cache.find(file("renamed.gguf", size: 100, sha256: Self.hash))?.lastPathComponent == Self.hash)
      // Other content under the same name.
      #expect(cache.find(file("m-Q4_K_M.gguf", sha256: String(repeating: "d", count: 64))) == nil)
      #expect(cache.find(file("broken-Q2_K.gguf")) == nil)
      #expect(cache.find(file("sub/m-Q8_0.gguf", revision: "unknown")) != nil)
    }
  }

  @Test("resolves cached repositories without network")
  func resolve() throws {
    try withCache { cache in
      let resolver = ModelResolver(
        configuration: HubConfiguration(environment: ["HF_HUB_CACHE": cache.directory.path, "HOME": "/"]))
      let plans = try ["", ":q8_0", ":Q6_K"].map { try resolver.resolveLocally("org/repo-GGUF" + $0) }
      #expect(plans.map { $0?.name } == ["org/repo-GGUF:Q4_K_M", "org/repo-GGUF:Q8_0", nil])
      #expect(plans[1]?.localFiles?.map(\.lastPathComponent) == ["m-Q8_0.gguf"])
      let quick = try resolver.resolveLocally("quick")
      #expect(quick == nil)
    }
  }

  @Test("removes one model with its links, then the rest, then the empty folder")
  func remove() throws {
    try withCache { cache in
      let folder = cache.folder(of: "org/repo-GGUF")
      #expect(throws: DownloadError.self) { try cache.remove("org/repo-GGUF:Q6_K") }
      #expect(try cache.remove("org/repo-GGUF:q4_k_m").map(\.size) == [100])
      #expect(!FileManager.default.fileExists(atPath: cache.blob(Self.hash, of: "org/repo-GGUF").path))
      let links = try FileManager.default.subpathsOfDirectory(atPath: folder.appendingPathComponent("snapshots").path)
      #expect(!links.contains { $0.hasSuffix("m-Q4_K_M.gguf") })
      #expect(cache.models().count == 2)
      #expect(try cache.remove("org/repo-GGUF").count == 1)
      #expect(try cache.remove("org/repo-GGUF:Q8_0").count == 1)
      #expect(cache.models().isEmpty)
      // Somebody else's download is not ours to remove.
      #expect(FileManager.default.fileExists(atPath: folder.path))
      try FileManager.default.removeItem(at: folder.appendingPathComponent("blobs/dd.incomplete"))
      try Data("GGUF".utf8).write(to: cache.partial("cc", of: "org/repo-GGUF"))
      #expect(try cache.remove("org/repo-GGUF").count == 1)
      #expect(!FileManager.default.fileExists(atPath: folder.path))
    }
  }

  @Test("an unknown name says what is cached")
  func removeUnknown() throws {
    try withCache { cache in
      let error = #expect(throws: DownloadError.self) { try cache.remove("smart") }
      #expect(error?.message.contains("org/repo-GGUF:Q8_0") == true)
    }
  }
}

@Suite("Progress")
struct ProgressMeterTests {
  @Test("never goes back, whatever it is told, and estimates the time left")
  func monotone() async throws {
    let log = ProgressLog()
    let meter = ProgressMeter { log.append($0) }
    meter.describe("Downloading")
    meter.update(bytes: 500, total: 1000, counts: false)
    try await Task.sleep(for: .milliseconds(150))
    // Started anew from the beginning.
    meter.update(bytes: 100, total: 1000, counts: false)
    try await Task.sleep(for: .milliseconds(600))
    meter.update(bytes: 600, total: 1000)
    meter.update(bytes: 1000, total: 1000)
    let reports = log.all
    #expect(reports.map(\.bytes) == [0, 500, 600, 1000])
    #expect(reports.map(\.progress) == [0, 0.5, 0.6, 1])
    // 500 bytes took 0.6 s or longer, and 400 are to go.
    let remaining = try #require(reports[2].remaining)
    #expect(remaining >= 0.4)
    #expect(reports[2].text.hasPrefix("Downloading: 600 bytes of 1 kB, "))
    #expect(reports[2].text.hasSuffix(" left"))
  }
}
