/// One file of a model on the hub, as far as it is known before the hub is asked.
public struct HubModelFile: Sendable, Equatable {
  /// `organization/name`.
  public var repository: String
  /// A commit or a branch.
  public var revision: String
  /// Path inside the repository.
  public var path: String
  /// Bytes; nil when only the hub tells.
  public var size: UInt64?
  /// Lowercase hexadecimal digits; nil when only the hub tells.
  public var sha256: String?

  public init(repository: String, revision: String, path: String, size: UInt64? = nil, sha256: String? = nil) {
    self.repository = repository
    self.revision = revision
    self.path = path
    self.size = size
    self.sha256 = sha256
  }
}
