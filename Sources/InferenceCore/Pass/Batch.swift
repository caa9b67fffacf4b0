/// Tokens that go through a model together: of one sequence or of several, read or written.
///
/// What a sequence gets does not depend on who else is in the batch, to the last bit.
public struct Batch {
  /// The next tokens of one sequence.
  public struct Span {
    public let sequence: TokenSequence
    public let tokens: [TokenID]
    /// Of how many tokens, counted from the last, logits or vectors are wanted.
    public let logitRows: Int

    public init(_ sequence: TokenSequence, tokens: [TokenID], logitRows: Int = 1) {
      self.sequence = sequence
      self.tokens = tokens
      self.logitRows = logitRows
    }
  }

  public private(set) var spans: [Span] = []
  /// Whether all logits of the rows are wanted, even where a device could choose the likeliest tokens.
  public let wantsAllLogits: Bool
  /// Whether the rows' vectors are wanted, from which no logits are computed.
  public let wantsVectors: Bool

  public init(_ spans: [Span] = [], wantsAllLogits: Bool = false, wantsVectors: Bool = false) {
    self.spans = spans
    self.wantsAllLogits = wantsAllLogits
    self.wantsVectors = wantsVectors
  }

  public mutating func append(_ span: Span) {
    spans.append(span)
  }

  /// Tokens of all spans.
  public var tokenCount: Int { spans.reduce(0) { $0 + $1.tokens.count } }
  /// Rows of logits that all spans want; they come in the order of the spans.
  public var logitRows: Int { spans.reduce(0) { $0 + $1.logitRows } }

  /// Throws when a pass cannot take this batch.
  func check(for model: LanguageModel, _ limits: ExecutionLimits, _ pool: PagePool) throws(ModelError) {
    let vocabulary = model.hyperparameters.vocabularySize
    guard tokenCount <= limits.rows, logitRows <= limits.logitRows || wantsVectors else {
      throw ModelError(
        .invalid,
        "One pass takes up to \(limits.rows) tokens and \(limits.logitRows) rows of logits, found \(tokenCount) "
          + "and \(logitRows).")
    }
    for (index, span) in spans.enumerated() {
      let sequence = span.sequence
      guard sequence.pool === pool, !spans[..<index].contains(where: { $0.sequence === sequence }) else {
        throw ModelError(.invalid, "A batch has spans of different sequences of its executor.")
      }
      guard !span.tokens.isEmpty, span.logitRows >= 0, span.logitRows <= span.tokens.count else {
        throw ModelError(
          .invalid, "\(span.logitRows) rows of logits are wanted of \(span.tokens.count) tokens of a sequence.")
      }
      guard sequence.tokens.count + span.tokens.count <= sequence.contextLength else {
        let over = sequence.tokens.count + span.tokens.count - sequence.contextLength
        throw ModelError(.contextFull, "The tokens are \(over) more than the context's \(sequence.contextLength).")
      }
      for id in span.tokens where id < 0 || Int(id) >= vocabulary {
        throw ModelError(.unknownToken, "The token id \(id) is outside the vocabulary of \(vocabulary).")
      }
    }
  }
}
