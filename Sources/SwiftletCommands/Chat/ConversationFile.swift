import Foundation

/// The file of `chat --conversation`: locked while the chat lasts, and replaced in one step after every reply.
///
/// The lock (`flock`) is on the file itself, so that nothing is left beside it, and goes when the process ends, however it
/// ends. What comes in its place is locked before it does. A conversation that begins has an empty file, which is deleted
/// when nothing was said.
final class ConversationFile {
  /// As the person named it.
  let path: String
  /// What it holds; nil in a conversation that begins.
  let saved: SavedConversation?
  /// Where its links lead.
  private let target: String
  private var descriptor: Int32
  /// What the file was when it was last read or written.
  private var state: State

  /// Opens, reads and locks the file.
  ///
  /// - Throws: `CommandError` when the conversation could not be kept there: nothing is said first and lost later.
  init(_ path: String) throws {
    self.path = path
    target = try Self.followLinks(path)
    descriptor = try Self.openLocked(target, path)
    do {
      state = try Self.state(descriptor, path)
      // A file is replaced, which its folder has to allow.
      let folder = Self.folder(of: target)
      guard access(folder, W_OK | X_OK) == 0 else {
        throw CommandError(
          "\(path): the folder \(folder) may not be written, so the conversation could not be kept. "
            + "Name a file in another folder.")
      }
      let data = try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).readToEnd() ?? Data()
      saved = data.isEmpty ? nil : try SavedConversation(data, of: path)
    } catch {
      Foundation.close(descriptor)
      throw error
    }
  }

  /// Writes the conversation in place of what is there; only this user can read it.
  ///
  /// - Throws: `CommandError` when it could not be written, or when another program has written there: its words stay.
  func replace(with conversation: SavedConversation) throws {
    if let found = State(of: target), found != state {
      throw CommandError(
        "\(path): another program has changed this file, so it was left as it is. /save writes the conversation elsewhere."
      )
    }
    let data = try conversation.encoded()
    let temporary = target + ".\(ProcessInfo.processInfo.processIdentifier).new"
    unlink(temporary)  // Of a process with this number that was killed.
    let new = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard new >= 0 else { throw notWritten() }
    do {
      var rest = data[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Foundation.write(new, $0.baseAddress, $0.count) }
        guard count > 0 || errno == EINTR else { throw notWritten() }
        rest = rest.dropFirst(max(0, count))
      }
      // Nobody else knows the file yet; where locks are not to be had, it goes without.
      _ = flock(new, LOCK_EX | LOCK_NB)
      guard rename(temporary, target) == 0 else { throw notWritten() }
      state = try Self.state(new, path)
    } catch {
      Foundation.close(new)
      unlink(temporary)
      throw error
    }
    Foundation.close(descriptor)
    descriptor = new
  }

  /// Lets go of the file.
  func close() {
    guard descriptor >= 0 else { return }
    if state.size == 0, State(of: target) == state { unlink(target) }
    Foundation.close(descriptor)
    descriptor = -1
  }

  deinit {
    close()
  }

  private func notWritten() -> CommandError {
    CommandError(
      "\(path): the conversation could not be written: \(String(cString: strerror(errno))). /save writes it elsewhere.")
  }

  // MARK: Opening

  /// Tells a file from another that came in its place, and from itself after a change.
  private struct State: Equatable {
    let device: UInt64
    let inode: UInt64
    let size: Int64
    let modified: [Int]
    let isRegular: Bool

    init(_ status: stat) {
      device = UInt64(truncatingIfNeeded: status.st_dev)
      inode = UInt64(status.st_ino)
      size = Int64(status.st_size)
      #if canImport(Darwin)
        let time = status.st_mtimespec
      #else
        let time = status.st_mtim
      #endif
      modified = [Int(time.tv_sec), Int(time.tv_nsec)]
      isRegular = status.st_mode & S_IFMT == S_IFREG
    }

    init?(of path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      self.init(status)
    }
  }

  private static func state(_ descriptor: Int32, _ path: String) throws -> State {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
    return State(status)
  }

  /// The file that a path names, link by link, since the one that the last link names may not be there yet.
  private static func followLinks(_ path: String) throws -> String {
    var target = path
    // More than any system follows are a circle.
    for _ in 0..<40 {
      guard let next = try? FileManager.default.destinationOfSymbolicLink(atPath: target) else { return target }
      target = URL(fileURLWithPath: next, relativeTo: URL(fileURLWithPath: target).deletingLastPathComponent()).path
    }
    throw failure(path, ELOOP)
  }

  private static func folder(of path: String) -> String {
    URL(fileURLWithPath: path).deletingLastPathComponent().path
  }

  /// Opens the file, makes an empty one where there is none, and locks it.
  private static func openLocked(_ target: String, _ path: String) throws -> Int32 {
    while true {
      // Without waiting for the other end, should it be a pipe.
      let descriptor = open(target, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
      guard descriptor >= 0 else { throw failure(path, errno, target) }
      do {
        let state = try Self.state(descriptor, path)
        guard state.isRegular else { throw CommandError("\(path): expected a file, found something else.") }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
          throw CommandError(
            "\(path): this conversation is open in another process. Go on there, leave it (Ctrl-D), or name another file."
          )
        }
        // The one who had it may have put another in its place between the two calls.
        if let found = State(of: target), found.device == state.device, found.inode == state.inode { return descriptor }
        Foundation.close(descriptor)
      } catch {
        Foundation.close(descriptor)
        throw error
      }
    }
  }

  private static func failure(_ path: String, _ code: Int32, _ target: String? = nil) -> CommandError {
    let target = target ?? path
    let folder = Self.folder(of: target)
    func mayBe(_ mode: Int32) -> Bool { access(target, mode) == 0 }
    let reason =
      switch code {
      case ENOENT where !mayBe(F_OK) && State(of: folder) == nil:
        "the folder \(folder) does not exist. Create it (mkdir -p), or name a file in another folder."
      case ENOTDIR: "\(folder) is a file, not a folder. Name a file in a folder."
      case EISDIR: "this is a folder. Name a file in it."
      case ELOOP: "these links lead in a circle. Name a file."
      case EACCES where !mayBe(F_OK):
        "the folder \(folder) may not be written or searched. Name a file in another folder."
      case EACCES where !mayBe(R_OK): "this file may not be read. Allow it (chmod u+rw), or name another file."
      case EACCES, EROFS, EPERM:
        "this file may not be written, so the conversation could not be kept. "
          + "Allow it (chmod u+rw), or name another file."
      default: "\(String(cString: strerror(code)))."
      }
    return CommandError("\(path): \(reason)")
  }
}
