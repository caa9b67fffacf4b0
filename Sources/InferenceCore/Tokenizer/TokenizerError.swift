/// Why a file's vocabulary cannot be used.
public struct TokenizerError: Error, Sendable {
  public enum Kind: Sendable {
    /// The file carries no vocabulary.
    case missing
    /// The file asks for a tokenizer or pre-tokenizer that this engine does not have.
    case unsupported
    /// The vocabulary contradicts itself.
    case malformed
  }

  public var kind: Kind { content.kind }
  /// One sentence for a person: what was expected and what was found.
  public var message: String { content.message }

  /// All of it in one reference: a larger error would be moved word by word at every call that may throw.
  private let content: Content

  private final class Content: Sendable {
    let kind: Kind
    let message: String

    init(_ kind: Kind, _ message: String) { (self.kind, self.message) = (kind, message) }
  }

  @inline(never)
  init(_ kind: Kind, _ message: String) {
    content = Content(kind, message)
  }
}

extension TokenizerError: CustomStringConvertible {
  public var description: String { message }
}
