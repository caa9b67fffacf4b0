import Foundation

/// Where the keys and values of conversations are kept, so that a later process need not compute them again.
///
/// One file for each conversation, readable by this user only and named by a hash of the conversation's name. Nothing in it
/// is needed: what is deleted or damaged is computed again.
public struct ConversationCache: Sendable, Equatable {
  public var directory: URL
  /// Bytes that all files together may have; those that were not written for the longest time go first.
  public var byteLimit: UInt64

  public init(directory: URL = Self.defaultDirectory, byteLimit: UInt64 = 4 << 30) {
    self.directory = directory
    self.byteLimit = byteLimit
  }

  /// `$XDG_CACHE_HOME/swiftlet/conversations`, or the same in `~/.cache`.
  public static var defaultDirectory: URL {
    let home = ProcessInfo.processInfo.environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
    let caches = home ?? NSHomeDirectory() + "/.cache"
    return URL(fileURLWithPath: caches, isDirectory: true).appendingPathComponent("swiftlet/conversations")
  }
}
