import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// When to try again after something passing went wrong, and how long to wait before.
package struct RetryPolicy: Sendable {
  /// Attempts in a row that bring not a single new byte.
  package var attempts = 5
  /// Seconds before the second attempt; doubles with each further one.
  package var firstDelay = 0.5
  package var longestDelay = 15.0

  package init() {}

  /// Seconds to wait after `failures` failures in a row.
  package func delay(afterFailures failures: Int, serverAsks: Double?) -> Double {
    let doubled = firstDelay * pow(2, Double(min(failures, 16) - 1))
    // Spread, so that parallel requests do not come back in step.
    let wanted = max(serverAsks ?? 0, doubled * Double.random(in: 0.75...1.25))
    return min(wanted, serverAsks == nil ? longestDelay : 60)
  }
}

/// An answer that may be better the next time.
package struct TransientFailure: Error {
  var reason: String
  /// What the server's `Retry-After` said, in seconds.
  var serverAsks: Double?
}

extension TransientFailure {
  /// Statuses of overload and of passing failure: 408, 425, 429 and 5xx but 501 and 505.
  init?(response: HTTPURLResponse) {
    guard Self.isPassing(response.statusCode) else { return nil }
    reason = "the server answered HTTP \(response.statusCode)"
    serverAsks = response.value(forHTTPHeaderField: "Retry-After").flatMap(Self.seconds)
  }

  package static func isPassing(_ status: Int) -> Bool {
    [408, 425, 429].contains(status) || (500...599).contains(status) && status != 501 && status != 505
  }

  /// What a `Retry-After` asks for, where it is a number; a date is left to the usual delays.
  package static func seconds(_ header: String) -> Double? {
    header.wholeMatch(of: /\d+(\.\d+)?/).flatMap { Double($0.0) }
  }

  /// Errors of the connection; nil for errors that another attempt cannot mend.
  init?(error: any Error) {
    if let transient = error as? TransientFailure {
      self = transient
      return
    }
    guard let error = error as? URLError else { return nil }
    switch error.code {
    case .unsupportedURL, .badURL, .userAuthenticationRequired, .appTransportSecurityRequiresSecureConnection,
      .serverCertificateHasBadDate, .serverCertificateUntrusted, .serverCertificateHasUnknownRoot,
      .serverCertificateNotYetValid, .clientCertificateRejected, .clientCertificateRequired:
      return nil
    default:
      self.init(reason: error.reasonText, serverAsks: nil)
    }
  }
}

extension URLError {
  /// A few words for people; Foundation's own texts are missing on Linux.
  var reasonText: String {
    let host = failingURL?.host() ?? "the server"
    return switch code {
    case .cannotFindHost, .dnsLookupFailed: "the name \(host) cannot be resolved"
    case .cannotConnectToHost: "\(host) does not accept connections"
    case .notConnectedToInternet: "there is no network connection"
    case .timedOut: "\(host) does not answer"
    case .networkConnectionLost: "the connection to \(host) was lost"
    case .secureConnectionFailed: "no secure connection to \(host) could be made"
    case .serverCertificateHasBadDate, .serverCertificateUntrusted, .serverCertificateHasUnknownRoot,
      .serverCertificateNotYetValid:
      "the certificate of \(host) is not trusted"
    default: "the connection to \(host) failed (\(errorCode))"
    }
  }

  /// Whether the server could not even be asked.
  var isNoNetwork: Bool {
    switch code {
    case .cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet, .timedOut,
      .secureConnectionFailed:
      true
    default: false
    }
  }
}
