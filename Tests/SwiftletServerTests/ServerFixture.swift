import Foundation
import SwiftletServer

/// A folder with a small site and a model file, and a server over it for the time of a test.
struct ServerFixture {
  let folder: URL
  let model = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
  let modelHash = String(repeating: "ab", count: 32)

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("swiftlet-server-\(UUID().uuidString)")
    let site = folder.appendingPathComponent("site")
    try FileManager.default.createDirectory(
      at: site.appendingPathComponent("docs/deep"), withIntermediateDirectories: true)
    try write("<!doctype html>home", to: "site/index.html")
    try write("<!doctype html>docs", to: "site/docs/index.html")
    try write("export const a = 1;\n", to: "site/app.js")
    try write("brotli bytes", to: "site/app.js.br")
    try write("gzip bytes", to: "site/app.js.gz")
    try write("\0asm", to: "site/swiftlet.wasm")
    try write("{}", to: "site/manifest.webmanifest")
    try write("", to: "site/empty.txt")
    try write("0123456789", to: "site/ten.bin")
    try write("hidden", to: "site/.env")
    try write("with space", to: "site/a b.txt")
    try write("secret", to: "secret.txt")
    try FileManager.default.createSymbolicLink(
      at: site.appendingPathComponent("link.txt"), withDestinationURL: folder.appendingPathComponent("secret.txt"))
    try model.write(to: folder.appendingPathComponent("model.gguf"))
  }

  func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(path))
  }

  var options: SwiftletServer.Options {
    var options = SwiftletServer.Options()
    options.port = 0
    options.site = folder.appendingPathComponent("site").path
    let served = ServedModel(
      id: "tiny", name: "Tiny", file: "Tiny.gguf", size: model.count, sha256: modelHash,
      path: folder.appendingPathComponent("model.gguf").path)
    options.models = { [served] }
    return options
  }

  /// Runs the server while the body runs, with the port it took.
  func withServer(_ body: (Int) async throws -> Void) async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let (addresses, continuation) = AsyncStream.makeStream(of: String.self)
    var options = options
    options.onReady = { continuation.yield($0) }
    let server = SwiftletServer(options: options)
    let running = Task {
      defer { continuation.finish() }
      try await server.run(signals: [])
    }
    defer { running.cancel() }
    var port: Int?
    for await address in addresses {
      port = URL(string: address)?.port
      break
    }
    guard let port else {
      try await running.value
      return
    }
    try await body(port)
  }
}
