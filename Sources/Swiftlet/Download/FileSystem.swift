import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// File operations with errors that say what to do.
enum FileSystem {
  /// The typed error of an `errno`.
  static func error(_ code: Int32, _ path: String, needed: UInt64 = 1) -> DownloadError {
    if code == ENOSPC || code == EDQUOT {
      return .diskFull(path: path, needed: needed, available: freeBytes(at: path) ?? 0)
    }
    return .notWritable(path: path, reason: String(cString: strerror(code)))
  }

  /// Creates a directory and those above it.
  static func createDirectory(_ url: URL) throws(DownloadError) {
    // By hand, because Foundation's errors hide the errno and the directory that was to blame.
    var missing: [String] = []
    var path = url.standardizedFileURL.path
    while path != "/", !FileManager.default.fileExists(atPath: path) {
      missing.append(path)
      path = (path as NSString).deletingLastPathComponent
    }
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue {
      throw .notWritable(path: path, reason: "it is a file and should be a folder")
    }
    for path in missing.reversed() where mkdir(path, 0o755) != 0 && errno != EEXIST {
      throw error(errno, path)
    }
  }

  /// Moves a file, replacing what is there, in one step.
  static func move(_ source: URL, to target: URL) throws(DownloadError) {
    guard rename(source.path, target.path) == 0 else { throw error(errno, target.path) }
  }

  /// Creates or replaces a symbolic link in one step.
  static func link(_ url: URL, to destination: String) throws(DownloadError) {
    try createDirectory(url.deletingLastPathComponent())
    let temporary = url.path + ".\(getpid())-\(UInt32.random(in: 0 ... .max))"
    guard symlink(destination, temporary) == 0 else { throw error(errno, url.path) }
    guard rename(temporary, url.path) == 0 else {
      let code = errno
      unlink(temporary)
      throw error(code, url.path)
    }
  }

  /// Writes a small file in one step.
  static func write(_ text: String, to url: URL) throws(DownloadError) {
    try createDirectory(url.deletingLastPathComponent())
    do {
      try Data(text.utf8).write(to: url, options: .atomic)
    } catch {
      throw .notWritable(path: url.path, reason: String(describing: error))
    }
  }

  /// Removes a file or a folder with what is in it, if it is there.
  static func remove(_ url: URL) throws(DownloadError) {
    if unlink(url.path) == 0 || errno == ENOENT { return }
    do {
      try FileManager.default.removeItem(at: url)
    } catch {
      throw .notWritable(path: url.path, reason: "it cannot be removed")
    }
  }

  /// Bytes of a regular file, links followed; nil when there is none.
  static func size(_ url: URL) -> UInt64? {
    var status = stat()
    guard stat(url.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return UInt64(status.st_size)
  }

  /// Bytes that this user may still write on the disk that holds `path` (or its nearest folder that exists).
  static func freeBytes(at path: String) -> UInt64? {
    var path = path
    var status = statvfs()
    while statvfs(path, &status) != 0 {
      guard errno == ENOENT, path.count > 1 else { return nil }
      path = (path as NSString).deletingLastPathComponent
    }
    return UInt64(status.f_bavail) * UInt64(status.f_frsize)
  }
}
