import InferenceCore

/// Texts to turn into vectors, or to rank as answers to a query.
public struct EmbedCommand: Equatable, Sendable {
  public var texts: [String]
  /// For a model that ranks: what the texts answer. Empty for others.
  public var query: String
  /// How a text's vector is made of its tokens'; nil for what the model's file says.
  public var pooling: Pooling?
  /// Whether vectors have length 1, so that their products are cosines.
  public var normalizes: Bool
  /// Whether a text that is longer than the context loses its end; otherwise it is an error.
  public var truncates: Bool

  public init(
    texts: [String], query: String = "", pooling: Pooling? = nil, normalizes: Bool = true, truncates: Bool = false
  ) {
    self.texts = texts
    self.query = query
    self.pooling = pooling
    self.normalizes = normalizes
    self.truncates = truncates
  }
}

/// The vector of one text.
public struct EmbeddedEvent: Equatable, Sendable {
  /// Which of the command's texts it is, and how many there are; the last one ends the request.
  public let index: Int
  public let count: Int
  /// Tokens of the text, those included that the model expects around it.
  public let tokenCount: Int
  /// Of the model's ``ModelInfo/embeddingLength``; of a model that ranks the scores, the first of which is the rank's.
  public let vector: [Float]

  public init(index: Int, count: Int, tokenCount: Int, vector: [Float]) {
    self.index = index
    self.count = count
    self.tokenCount = tokenCount
    self.vector = vector
  }

  public var isLast: Bool { index + 1 >= count }
}
