import Foundation
import NIOCore

/// Why the server could not start; the message is for the person at the terminal.
public struct ServerError: Error, CustomStringConvertible, LocalizedError {
  public let message: String
  public var description: String { message }
  public var errorDescription: String? { message }

  init(_ message: String) {
    self.message = message
  }

  /// What went wrong when the address was bound.
  init(_ error: IOError, host: String, port: Int) {
    message =
      switch error.errnoCode {
      case EADDRINUSE:
        "Port \(port) on \(host) is in use. Another `swiftlet serve` may be running; --port chooses another port."
      case EACCES:
        "Port \(port) needs administrator rights; --port chooses another one, for instance 8080."
      case EADDRNOTAVAIL:
        "\(host) is not an address of this machine; 127.0.0.1 is this machine alone, 0.0.0.0 all its addresses."
      default:
        "Cannot listen on \(host), port \(port): \(error.localizedDescription)"
      }
  }
}
