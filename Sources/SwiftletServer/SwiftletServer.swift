import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

/// What `swiftlet serve` runs: the page, the models of the local cache, and the health check, over HTTP.
public struct SwiftletServer: Sendable {
  /// Where and what to serve.
  public struct Options: Sendable {
    /// Address to listen on. Loopback, unless the user opens it to others.
    public var host = "127.0.0.1"
    /// Port to listen on; 0 takes any free one.
    public var port = 8080
    /// Directory with the built page (`Web/dist`); nil looks beside the executable and in the source checkout.
    public var site: String?
    /// The model files that pages may load; asked whenever a client asks.
    public var models: @Sendable () -> [ServedModel] = { [] }
    /// Called once with the address, e.g. `http://127.0.0.1:8080/`, when connections are accepted.
    public var onReady: (@Sendable (String) -> Void)?

    public init() {}
  }

  public let options: Options

  /// A server with these options; nothing is opened before ``run()``.
  public init(options: Options = Options()) {
    self.options = options
  }

  /// Serves until SIGINT or SIGTERM, or until the task is cancelled; then lets open requests finish, for a few seconds.
  ///
  /// - Throws: ``ServerError`` when the address cannot be used or the page is not where it should be.
  public func run() async throws {
    try await run(signals: [.sigint, .sigterm])
  }

  /// Serves until one of the signals arrives or the task is cancelled.
  package func run(signals: [UnixSignal]) async throws {
    guard (0...65535).contains(options.port) else {
      throw ServerError("A port is a number from 0 to 65535, not \(options.port).")
    }
    let site = StaticSite(root: try SiteLocator.locate(options.site))
    var logger = Logger(label: "swiftlet.server")
    logger.logLevel = .warning
    let application = Application(
      router: router(site: site),
      configuration: ApplicationConfiguration(address: .hostname(options.host, port: options.port)),
      onServerRunning: { [options] channel in
        options.onReady?("http://\(options.urlHost):\(channel.localAddress?.port ?? options.port)/")
      }, logger: logger)
    var configuration = ServiceGroupConfiguration(
      services: [application], gracefulShutdownSignals: signals, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(5)
    let group = ServiceGroup(configuration: configuration)
    // In a task of its own: the caller's cancellation means to close up, not to drop everything.
    let running = Task { try await group.run() }
    do {
      try await withTaskCancellationHandler {
        try await running.value
      } onCancel: {
        Task { await group.triggerGracefulShutdown() }
      }
    } catch let error as IOError {
      throw ServerError(error, host: options.host, port: options.port)
    }
  }

  private func router(site: StaticSite) -> Router<BasicRequestContext> {
    let routes = HealthRoutes.routes + ModelRoutes(models: options.models).routes
    let router = Router()
    router.add(middleware: IsolationMiddleware())
    router.add(middleware: ErrorMiddleware())
    router.add(middleware: SiteMiddleware(site: site, routes: routes))
    for route in routes {
      for method in route.methods { router.on(RouterPath(route.path), method: method, use: route.handler) }
    }
    return router
  }
}

extension SwiftletServer.Options {
  /// The host as a part of an address that a browser on this machine can open.
  fileprivate var urlHost: String {
    switch host {
    case "0.0.0.0": "127.0.0.1"
    case "::": "[::1]"
    default: host.contains(":") ? "[\(host)]" : host
    }
  }
}
