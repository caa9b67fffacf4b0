import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// HTTP requests whose bytes go to a closure as they arrive. Redirects are handed back, never followed.
///
/// One transport has one connection pool and one serial queue on which all closures run.
final class HTTPTransport: NSObject, Sendable {
  typealias ResponseHandler = @Sendable (HTTPURLResponse) throws -> Void
  typealias DataHandler = @Sendable (Data) throws -> Void

  private struct Exchange {
    let task: URLSessionDataTask
    let continuation: CheckedContinuation<HTTPURLResponse, any Error>
    let onResponse: ResponseHandler
    let onData: DataHandler
    var lastActivity = DispatchTime.now()
  }

  /// By task identifier. Whoever takes an exchange out resumes its continuation: exactly once.
  private let exchanges = Protected<[Int: Exchange]>([:])
  private let queue = BoundedOperationQueue()
  private let sessionBox = Protected<URLSession?>(nil)

  override init() {
    super.init()
    let configuration = URLSessionConfiguration.ephemeral
    configuration.urlCache = nil
    configuration.httpShouldSetCookies = false
    configuration.httpMaximumConnectionsPerHost = 8
    let session = URLSession(configuration: configuration, delegate: self, delegateQueue: queue)
    sessionBox.withLock { $0 = session }
  }

  /// Ends all requests and lets go of the connections; the session keeps the transport alive until then.
  func close() {
    let session = sessionBox.withLock { session in
      defer { session = nil }
      return session
    }
    for identifier in exchanges.withLock({ Array($0.keys) }) { fail(identifier, with: CancellationError()) }
    // Nobody waits any more for what is in the queue or on the way.
    queue.discard()
    Self.apart { session?.invalidateAndCancel() }
  }

  /// Performs one request and returns its response after the last byte.
  ///
  /// - Parameters:
  ///   - request: Its `timeoutInterval` is how long the server may be silent.
  ///   - onResponse: Called with the response's head, before any data; what it throws ends the request.
  ///   - onData: Called with each piece of the body; what it throws ends the request.
  /// - Throws: What the closures throw, `URLError` and its like, and `CancellationError` at once when the task is
  ///   cancelled. A piece that is being handled at that moment is handled to its end.
  func perform(
    _ request: URLRequest, onResponse: @escaping ResponseHandler = { _ in }, onData: @escaping DataHandler = { _ in }
  ) async throws -> HTTPURLResponse {
    try Task.checkCancellation()
    guard let session = sessionBox.withLock({ $0 }) else { throw CancellationError() }
    let task = session.dataTask(with: request)
    let identifier = task.taskIdentifier
    let watch = Task { try await watchSilence(of: identifier, request) }
    defer { watch.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        exchanges.withLock {
          $0[identifier] = Exchange(task: task, continuation: continuation, onResponse: onResponse, onData: onData)
        }
        // A cancellation from before the exchange was registered found nothing to end.
        if Task.isCancelled {
          fail(identifier, with: CancellationError())
        } else {
          task.resume()
        }
      }
    } onCancel: {
      fail(identifier, with: CancellationError())
    }
  }

  /// Ends a request whose server is silent for too long: on Linux, URLSession does not heed a request's own timeout.
  private func watchSilence(of identifier: Int, _ request: URLRequest) async throws {
    // The exchange is registered at about this time; until then there is nothing to watch.
    var deadline = DispatchTime.now() + request.timeoutInterval
    while true {
      let left = Double(Int64(deadline.uptimeNanoseconds) - Int64(DispatchTime.now().uptimeNanoseconds)) / 1e9
      if left > 0 { try await Task.sleep(for: .seconds(left)) }
      guard let last = exchanges.withLock({ $0[identifier]?.lastActivity }) else { return }
      deadline = last + request.timeoutInterval
      if deadline <= DispatchTime.now() {
        let details = request.url.map { [NSURLErrorFailingURLErrorKey: $0] }
        fail(identifier, with: URLError(.timedOut, userInfo: details ?? [:]))
        return
      }
    }
  }

  private func fail(_ identifier: Int, with error: any Error) {
    guard let exchange = exchanges.withLock({ $0.removeValue(forKey: identifier) }) else { return }
    Self.apart { exchange.task.cancel() }
    exchange.continuation.resume(throwing: error)
  }

  /// Runs what waits for the session on a thread of its own: the session may be waiting for the delegate queue, and
  /// the threads of the global queues may all be busy with what shall be ended.
  private static func apart(_ body: @escaping @Sendable () -> Void) {
    Thread.detachNewThread(body)
  }
}

extension HTTPTransport: URLSessionDataDelegate {
  func urlSession(
    _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
    newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
  ) {
    completionHandler(nil)
  }

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
  ) {
    let identifier = dataTask.taskIdentifier
    guard let exchange = exchanges.withLock({ $0[identifier] }), let response = response as? HTTPURLResponse else {
      // Linux ignores the disposition; the task was cancelled by whoever took its exchange.
      completionHandler(.cancel)
      return
    }
    do {
      try exchange.onResponse(response)
      completionHandler(.allow)
    } catch {
      fail(identifier, with: error)
      completionHandler(.cancel)
    }
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    let identifier = dataTask.taskIdentifier
    guard let exchange = exchanges.withLock({ $0[identifier] }) else { return }
    do {
      try exchange.onData(data)
      // Time that the closure took does not count as silence.
      exchanges.withLock { $0[identifier]?.lastActivity = .now() }
    } catch {
      fail(identifier, with: error)
    }
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
    guard let exchange = exchanges.withLock({ $0.removeValue(forKey: task.taskIdentifier) }) else { return }
    if let error {
      exchange.continuation.resume(throwing: error)
    } else if let response = task.response as? HTTPURLResponse {
      exchange.continuation.resume(returning: response)
    } else {
      exchange.continuation.resume(throwing: URLError(.badServerResponse))
    }
  }
}
