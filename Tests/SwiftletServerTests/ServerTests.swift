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

  @Test func aSlowClientDoesNotFillMemory() async throws {
    let fixture = try ServerFixture()
    let size = 400 << 20
    let file = fixture.folder.appendingPathComponent("model.gguf")
    let handle = try FileHandle(forWritingTo: file)
    try handle.truncate(atOffset: UInt64(size))  // a sparse file costs no disk
    try handle.close()
    try await fixture.withServer { port in
      let before = try residentBytes()
      let descriptor = try RawClient.connect(port: port)
      defer { close(descriptor) }
      let request = "GET /models/Tiny.gguf HTTP/1.1\r\nHost: x\r\n\r\n"
      _ = Array(request.utf8).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      try await Task.sleep(for: .seconds(1))
      #expect(try residentBytes() - before < 64 << 20, "the file was read ahead of a client that takes nothing")
    }
  }

  /// Memory of this process, in bytes; 0 where the system does not say it in this way.
  private func residentBytes() throws -> Int {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    return (Int(text.split(separator: " ")[1]) ?? 0) * 4096
  }
}
