import Foundation
import WorkerCore

/// A file's bytes, mapped read-only into memory and in place for as long as this object lives.
public final class MappedFile: Sendable {
  /// All bytes of the file.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: address, count: count) }

  // Never written after init, and the mapping is read-only.
  private nonisolated(unsafe) let address: UnsafeRawPointer?
  private let count: Int

  /// Maps a file.
  ///
  /// - Throws: ``WorkerError`` with code `modelNotFound`, `permissionDenied` or `storageFailed`.
  public init(path: String) throws(WorkerError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Self.error(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Self.error(path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw WorkerError(.invalidModel, "\(path): expected a file, found a directory or a device.")
    }
    count = Int(status.st_size)
    guard count > 0 else {
      address = nil
      return
    }
    guard let mapping = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), mapping != MAP_FAILED else {
      throw Self.error(path)
    }
    address = UnsafeRawPointer(mapping)
  }

  deinit {
    if let address { munmap(UnsafeMutableRawPointer(mutating: address), count) }
  }

  private static func error(_ path: String) -> WorkerError {
    let code: WorkerError.Code =
      switch errno {
      case ENOENT, ENOTDIR: .modelNotFound
      case EACCES, EPERM: .permissionDenied
      case ENOMEM: .outOfMemory
      default: .storageFailed
      }
    return WorkerError(code, "\(path): \(String(cString: strerror(errno))).")
  }
}
