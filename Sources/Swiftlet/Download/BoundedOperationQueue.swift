import Foundation

/// A serial delegate queue that makes whoever adds to it wait while too much is queued.
///
/// Linux's URLSession hands every 16 KB that arrive to the delegate queue and reads on; nothing slows it when the
/// delegate is slower than the network, and suspending a task starts its request anew. Waiting here stops it from
/// reading the socket, so that TCP slows the sender: memory stays flat. Elsewhere URLSession waits by itself.
///
/// The delegate must never call into the session synchronously: it may be this queue that the session waits for.
final class BoundedOperationQueue: OperationQueue, @unchecked Sendable {
  // Safe to share: all that is stored here is.
  private let slots = DispatchSemaphore(value: 64)
  private let isDiscarding = Protected(false)
  /// A serial queue gets a thread of its own when it needs one. The global queues have as many threads as the machine
  /// has cores, and must stay free for the tasks that wait for the bytes.
  private let thread = DispatchQueue(label: "swiftlet.http")

  override init() {
    super.init()
    maxConcurrentOperationCount = 1
    underlyingQueue = thread
  }

  /// Throws away what is added from now on.
  ///
  /// libcurl, below Linux's URLSession, reads a socket until it is empty, and only then can the session turn to a
  /// cancellation: the faster the rest is thrown away, the sooner that is.
  func discard() {
    isDiscarding.withLock { $0 = true }
  }

  #if canImport(FoundationNetworking)
    override func addOperation(_ block: @escaping @Sendable () -> Void) {
      if isDiscarding.withLock({ $0 }) { return }
      slots.wait()
      super.addOperation { [slots] in
        block()
        slots.signal()
      }
    }
  #endif
}
