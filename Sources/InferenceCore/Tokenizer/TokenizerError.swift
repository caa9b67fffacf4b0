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

  public let kind: Kind
  /// One sentence for a person: what was expected and what was found.
  public let message: String

  init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}
