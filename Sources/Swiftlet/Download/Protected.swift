import Foundation

/// A value behind a lock. (The standard library's `Mutex` needs macOS 15.)
final class Protected<Value>: @unchecked Sendable {
  // Safe to share: `value` is only touched with the lock held.
  private let lock = NSLock()
  private var value: Value

  init(_ value: Value) {
    self.value = value
  }

  func withLock<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
