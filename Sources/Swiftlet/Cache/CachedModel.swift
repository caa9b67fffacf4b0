import Foundation

/// A model in the cache, whole or in part.
public struct CachedModel: Sendable, Equatable {
  /// By which it can be used and removed: the catalog's id, `org/repo:QUANT`, or for a download of unknown name
  /// `org/repo`.
  public var name: String
  public var repository: String
  /// The files in the order of their parts, as paths in the cache; for an incomplete model what is there of it.
  public var files: [URL]
  /// Bytes on the disk.
  public var size: UInt64
  /// Whether the whole model is there; otherwise a download was interrupted or is under way.
  public var isComplete: Bool
  /// When it was last written.
  public var modified: Date
}
