import Foundation

#if canImport(FoundationNetworking)
  /// A delegate queue that makes whoever adds to it wait while too much is queued.
  ///
  /// Linux's URLSession hands every 16 KB that arrive to the delegate queue and reads on; nothing slows it when the
  /// delegate is slower than the network, and suspending a task starts its request anew. Waiting here stops it from
  /// reading the socket, so that TCP slows the sender: memory stays flat.
  ///
  /// The delegate must never call into the session synchronously: it may be this queue that the session waits for.
  final class BoundedOperationQueue: OperationQueue, @unchecked Sendable {
    // Safe to share: a semaphore is, and so is everything in the superclass.
    private let slots = DispatchSemaphore(value: 64)

    override func addOperation(_ block: @escaping @Sendable () -> Void) {
      slots.wait()
      super.addOperation { [slots] in
        block()
        slots.signal()
      }
    }
  }
#else
  /// Elsewhere URLSession waits for its delegate by itself.
  typealias BoundedOperationQueue = OperationQueue
#endif
