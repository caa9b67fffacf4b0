/// Tokens that go through a model together: of one sequence or of several, read or written.
///
/// What a sequence gets does not depend on who else is in the batch, to the last bit.
public struct Batch {
  /// The next tokens of one sequence.
  public struct Span {
    public let sequence: TokenSequence
    public let tokens: [TokenID]
    /// Of how many tokens, counted from the last, logits are wanted.
    public let logitRows: Int

    public init(_ sequence: TokenSequence, tokens: [TokenID], logitRows: Int = 1) {
      self.sequence = sequence
      self.tokens = tokens
      self.logitRows = logitRows
    }
  }

  public private(set) var spans: [Span] = []

  public init(_ spans: [Span] = []) {
    self.spans = spans
  }

  public mutating func append(_ span: Span) {
    spans.append(span)
  }

  /// Tokens of all spans.
  public var tokenCount: Int { spans.reduce(0) { $0 + $1.tokens.count } }
  /// Rows of logits that all spans want; they come in the order of the spans.
  public var logitRows: Int { spans.reduce(0) { $0 + $1.logitRows } }
}
