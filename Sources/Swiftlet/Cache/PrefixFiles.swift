import Foundation
import InferenceCore
import WorkerCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files of a ``ConversationCache``, of which a worker has one open at a time.
///
/// A file is written in place, since a conversation that goes on only appends: the worker finds out what was not written to
/// its end. Of two processes with the same conversation the second keeps nothing.
final class PrefixFiles {
  private let cache: ConversationCache
  private var descriptor: Int32 = -1

  init(_ cache: ConversationCache) {
    self.cache = cache
  }

  deinit {
    close()
  }

  /// Opens or creates the file of a conversation.
  ///
  /// - Returns: its bytes; nil when it cannot be had, which costs only time.
  func open(_ conversation: String) -> UInt64? {
    close()
    let url = url(of: conversation)
    guard (try? FileSystem.createDirectory(cache.directory.deletingLastPathComponent())) != nil else { return nil }
    mkdir(cache.directory.path, 0o700)
    let opened = Self.open(url.path)
    guard opened >= 0 else { return nil }
    var status = stat()
    guard flock(opened, LOCK_EX | LOCK_NB) == 0, fstat(opened, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      // It is another one's, who may have written nothing yet.
      _ = Self.close(opened)
      return nil
    }
    descriptor = opened
    return UInt64(status.st_size)
  }

  /// Closes the file, and deletes the oldest ones when all together are too large.
  func close() {
    guard descriptor >= 0 else { return }
    var status = stat()
    let isEmpty = fstat(descriptor, &status) == 0 && status.st_size == 0
    let inode = status.st_ino
    _ = Self.close(descriptor)
    descriptor = -1
    trim(removing: isEmpty ? inode : nil)
  }

  /// Deletes the file of a conversation, or all when it is empty.
  func delete(_ conversation: String) {
    if conversation.isEmpty {
      for file in files() { unlink(file.path) }
    } else {
      unlink(url(of: conversation).path)
    }
  }

  /// What the worker reads and writes.
  var storage: PrefixStorage {
    PrefixStorage(
      read: { [unowned self] offset, bytes in
        transfer(bytes.count) { pread(descriptor, bytes.baseAddress! + $0, $1, off_t(offset) + off_t($0)) }
      },
      write: { [unowned self] offset, bytes in
        transfer(bytes.count) { pwrite(descriptor, bytes.baseAddress! + $0, $1, off_t(offset) + off_t($0)) }
      },
      truncate: { [unowned self] size in _ = ftruncate(descriptor, off_t(size)) })
  }

  /// Repeats a call until all bytes have gone; false when they do not.
  private func transfer(_ count: Int, _ call: (_ done: Int, _ rest: Int) -> Int) -> Bool {
    var done = 0
    while done < count {
      let moved = call(done, count - done)
      if moved < 0, errno == EINTR { continue }
      guard moved > 0 else { return false }
      done += moved
    }
    return true
  }

  private func url(of conversation: String) -> URL {
    var hash = SHA256()
    hash.update(Array(conversation.utf8))
    return cache.directory.appendingPathComponent(hash.hexadecimalDigest() + Self.suffix)
  }

  private struct File {
    let path: String
    let size: UInt64
    let inode: ino_t
    let modified: Date
  }

  /// The cache's own files, oldest first.
  private func files() -> [File] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: cache.directory.path)) ?? []
    let files = names.filter { $0.hasSuffix(Self.suffix) }.compactMap { name -> File? in
      let path = cache.directory.appendingPathComponent(name).path
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      return File(
        path: path, size: UInt64(status.st_size), inode: status.st_ino,
        modified: attributes?[.modificationDate] as? Date ?? .distantPast)
    }
    return files.sorted { $0.modified < $1.modified }
  }

  private func trim(removing empty: ino_t?) {
    var total: UInt64 = 0
    for file in files().reversed() {
      total += file.size
      if file.inode == empty || total > cache.byteLimit { unlink(file.path) }
    }
  }

  private static let suffix = ".kv"

  private static func open(_ path: String) -> Int32 {
    // Whoever put a link there does not get to choose the file.
    #if canImport(Glibc)
      Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    #elseif canImport(Musl)
      Musl.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    #else
      Darwin.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    #endif
  }

  private static func close(_ descriptor: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.close(descriptor)
    #elseif canImport(Musl)
      Musl.close(descriptor)
    #else
      Darwin.close(descriptor)
    #endif
  }
}
