import Foundation
import SwiftletServer
import Testing

@Suite struct ServerTests {
  @Test func healthAndModelListAreJSON() async throws {
    struct List: Decodable {
      struct Model: Decodable { let id, file: String, size: Int, sha256: String, path: String? }
      let models: [Model]
    }
    let fixture = try ServerFixture()
    try await fixture.withServer { port in
      let health = try await RawClient.get("/health", port: port)
      #expect(health.status == 200 && health.text == #"{"status":"ok"}"#)
      let list = try await RawClient.get("/models/index.json", port: port)
      let models = try JSONDecoder().decode(List.self, from: list.body).models
      #expect(models.map(\.file) == ["Tiny.gguf"] && models[0].size == fixture.model.count)
      #expect(models[0].path == nil, "where a file lies is no one's business")
    }
  }

  @Test func aPortInUseIsAClearError() async throws {
    let fixture = try ServerFixture()
    try await fixture.withServer { port in
      var options = fixture.options
      options.port = port
      let error = await #expect(throws: ServerError.self) {
        try await SwiftletServer(options: options).run(signals: [])
      }
      #expect(error?.message.contains("\(port)") == true && error?.message.contains("--port") == true)
    }
  }

  @Test func aSiteWithoutAPageAndAnImpossiblePortAreClearErrors() async throws {
    var options = SwiftletServer.Options()
    options.site = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    let noSite = await #expect(throws: ServerError.self) { try await SwiftletServer(options: options).run(signals: []) }
    #expect(noSite?.message.contains("make web") == true)
    options.port = 70_000
    let noPort = await #expect(throws: ServerError.self) { try await SwiftletServer(options: options).run(signals: []) }
    #expect(noPort?.message.contains("65535") == true)
  }

  @Test func listensOnLoopbackUnlessTold() {
    #expect(SwiftletServer.Options().host == "127.0.0.1" && SwiftletServer.Options().port == 8080)
  }
}
