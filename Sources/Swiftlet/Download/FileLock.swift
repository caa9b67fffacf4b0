import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An exclusive lock on a file (`flock`), respected by all processes that lock the same file, the hub's own clients
/// among them. The system lets go of it when the process ends, however it ends.
package final class FileLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock if nobody holds it, else returns nil.
  package init?(tryLocking url: URL) throws(DownloadError) {
    try FileSystem.createDirectory(url.deletingLastPathComponent())
    let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileSystem.error(errno, url.path) }
    self.descriptor = descriptor
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      // `deinit` closes the descriptor.
      return nil
    }
  }

  deinit {
    close(descriptor)
  }

  /// Waits until the lock is free; calls `waiting` about four times a second meanwhile.
  static func acquire(_ url: URL, waiting: () -> Void) async throws -> FileLock {
    while true {
      if let lock = try FileLock(tryLocking: url) { return lock }
      waiting()
      try await Task.sleep(nanoseconds: 250_000_000)
    }
  }
}
