import Hummingbird

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
    /// Called once with the address, e.g. `http://127.0.0.1:8080/`, when connections are accepted.
    public var onReady: (@Sendable (String) -> Void)?

    public init() {}
  }

  public let options: Options

  /// A server with these options; nothing is opened before ``run()``.
  public init(options: Options = Options()) {
    self.options = options
  }

  /// Serves until SIGINT or SIGTERM, then lets open requests finish.
  ///
  /// - Throws: ``ServerError`` when the address cannot be used or the page is not where it should be.
  public func run() async throws {
    throw ServerError(message: "the server is not built yet")
  }
}

/// Why the server could not start; the message is one sentence for the person at the terminal.
public struct ServerError: Error, CustomStringConvertible {
  public let message: String
  public var description: String { message }
}
