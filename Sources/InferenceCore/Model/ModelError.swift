/// Why a model cannot be built from a file, or a context cannot take more tokens.
public struct ModelError: Error, Equatable, Sendable {
  /// What kind of thing is wrong.
  public enum Kind: Equatable, Sendable {
    /// The header is malformed or has a value of the wrong type.
    case malformedFile
    /// `general.architecture` is not in the table.
    case unknownArchitecture
    /// A needed metadata key or tensor is absent.
    case missing
    /// A value or a tensor's shape contradicts the others, or is beyond what the engine takes.
    case invalid
    /// The file uses something that is not built here.
    case unsupported
    /// The file uses something that only another device computes.
    case unsupportedOnDevice
    /// The tokens do not fit the context.
    case contextFull
    /// A token id is outside the vocabulary.
    case unknownToken
    /// A model's logits are NaN or infinite: its weights are damaged.
    case notFinite
    /// Threads or memory cannot be had.
    case outOfResources
  }

  public var kind: Kind { content.kind }
  /// What was expected, what was found and where, for a person to read.
  public var message: String { content.message }

  /// All of it in one reference: a larger error would be moved word by word at every call that may throw.
  private let content: Content

  private final class Content: Sendable {
    let kind: Kind
    let message: String

    init(_ kind: Kind, _ message: String) { (self.kind, self.message) = (kind, message) }
  }

  @inline(never)
  public init(_ kind: Kind, _ message: String) {
    content = Content(kind, message)
  }

  public static func == (a: ModelError, b: ModelError) -> Bool {
    a.kind == b.kind && a.message.utf8.elementsEqual(b.message.utf8)
  }

  /// Of logits that ``Sampler/isFinite(_:)`` says to be no numbers.
  public static let notFinite = ModelError(
    .notFinite,
    "The model's numbers are not finite: expected a number as each token's logit, found NaN or infinity among them. The file is "
      + "damaged, or its weights do not belong to its header; take it from its source again.")

  init(_ error: GGUFError) {
    self.init(error.kind == .unsupportedFormat ? .unsupported : .malformedFile, error.message)
  }
}

extension ModelError: CustomStringConvertible {
  public var description: String { message }
}
