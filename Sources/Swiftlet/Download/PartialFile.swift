import Foundation
import InferenceCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that grows from its beginning while pieces arrive out of order, and its hash.
///
/// What is on the disk is always a prefix of the whole file, so its size is all that a later attempt needs to know to go
/// on. Pieces ahead of the prefix wait in memory; their senders bound how many there can be.
final class PartialFile: Sendable {
  let url: URL
  private let descriptor: Int32

  private struct State {
    var hash = SHA256()
    var committed: UInt64 = 0
    /// Bytes ahead of the prefix, by the offset where their range starts.
    var ahead: [UInt64: Data] = [:]
  }

  private let state = Protected(State())

  /// Opens or creates the file; what it holds does not count before ``adoptPrefix(limit:progress:)``.
  init(_ url: URL) throws(DownloadError) {
    self.url = url
    try FileSystem.createDirectory(url.deletingLastPathComponent())
    descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileSystem.error(errno, url.path) }
  }

  deinit {
    close(descriptor)
  }

  /// Bytes of the prefix that is on the disk and hashed.
  var committed: UInt64 { state.withLock { $0.committed } }

  /// Hashes what an earlier attempt left, at most `limit` bytes; a longer file is emptied, it cannot be ours.
  func adoptPrefix(limit: UInt64, progress: (UInt64) -> Void) async throws {
    let size = FileSystem.size(url) ?? 0
    if size > limit {
      try reset()
      return
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      try Task.checkCancellation()
      // Gigabytes take seconds, and the thread is not ours alone.
      await Task.yield()
      let offset = committed
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      guard count >= 0 else { throw FileSystem.error(errno, url.path) }
      if count == 0 { return }
      state.withLock {
        $0.hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        $0.committed += UInt64(count)
      }
      progress(offset + UInt64(count))
    }
  }

  /// Empties the file.
  func reset() throws(DownloadError) {
    try state.withLock { (state) throws(DownloadError) in
      guard ftruncate(descriptor, 0) == 0 else { throw FileSystem.error(errno, url.path) }
      state = State()
    }
  }

  /// Takes bytes that belong at `offset`, in a range that starts at `rangeStart`; what is already there is skipped.
  ///
  /// - Returns: How long the prefix is now.
  @discardableResult
  func append(_ data: Data, at offset: UInt64, rangeStart: UInt64) throws -> UInt64 {
    try state.withLock { state in
      if offset > state.committed {
        state.ahead[rangeStart, default: Data()].append(data)
        return state.committed
      }
      let known = state.committed - offset
      if known < UInt64(data.count) {
        try commit(data.dropFirst(Int(known)), &state)
        // The next range may have been waiting for this one, and so on.
        while let next = state.ahead.removeValue(forKey: state.committed) { try commit(next, &state) }
      }
      return state.committed
    }
  }

  private func commit(_ data: Data, _ state: inout State) throws {
    try data.withUnsafeBytes { bytes in
      var written = 0
      while written < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
        let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(state.committed))
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw FileSystem.error(errno, url.path, needed: UInt64(rest.count)) }
        state.hash.update(UnsafeRawBufferPointer(rebasing: rest[..<count]))
        state.committed += UInt64(count)
        written += count
      }
    }
  }

  /// The SHA-256 of the prefix, in hexadecimal digits.
  func digest() -> String {
    state.withLock { $0.hash.hexadecimalDigest() }
  }

  /// Forgets the bytes ahead of the prefix, after their requests have ended.
  func dropAhead() {
    state.withLock { $0.ahead.removeAll() }
  }

  /// Makes sure that the bytes survive a power failure, then gives the file its final name.
  func install(as target: URL) throws(DownloadError) {
    guard fsync(descriptor) == 0 else { throw FileSystem.error(errno, url.path) }
    try FileSystem.move(url, to: target)
  }
}
