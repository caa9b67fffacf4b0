import ArgumentParser
import Swiftlet
import SwiftletServer
import WorkerCore

/// `swiftlet serve`: the chat page and the local models, over HTTP.
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve the chat page and the local models over HTTP.",
    discussion: "Listens on this machine only, unless --host says otherwise. Ctrl-C ends it.")

  @Option(help: "Address to listen on; 0.0.0.0 opens the server to other machines.")
  var host = "127.0.0.1"

  @Option(name: .shortAndLong, help: "Port to listen on; 0 takes any free one.")
  var port = 8080

  @Option(help: ArgumentHelp("Directory with the built page.", valueName: "directory"))
  var web: String?

  func validate() throws {
    guard (0...65535).contains(port) else {
      throw ValidationError("--port: expected a number from 0 to 65535, found \(port).")
    }
  }

  func run() async throws {
    var options = SwiftletServer.Options()
    options.host = host
    options.port = port
    options.site = web
    options.models = { Self.models(in: HubCache(directory: HubConfiguration().cacheDirectory)) }
    let isOpen = !["127.0.0.1", "::1", "localhost"].contains(host)
    options.onReady = { address in
      Terminal.write("Swiftlet is at \(address)\n")
      guard isOpen, let port = address.dropLast().split(separator: ":").last else { return }
      Terminal.write(
        """
        Over plain HTTP, browsers on other machines give it one thread and keep no models. To have both there:
        ssh -L 8080:localhost:\(port) THIS-MACHINE, then http://localhost:8080; or a server with HTTPS before it.

        """)
    }
    try await SwiftletServer(options: options).run()
  }

  /// The models of the catalog that are whole in the cache: what pages may load from here instead of the hub.
  private static func models(in cache: HubCache) -> [ServedModel] {
    cache.models().compactMap { cached in
      guard cached.isComplete, cached.files.count == 1, let entry = ModelCatalog.find(cached.name) else { return nil }
      return ServedModel(
        id: entry.id, name: entry.name, file: entry.file, size: Int(clamping: cached.size), sha256: entry.sha256,
        path: cached.files[0].path)
    }
  }
}
