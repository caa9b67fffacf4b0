import InferenceCore
import WorkerCore

/// The vector of a text.
public struct TextEmbedding: Equatable, Sendable {
  /// As long as ``ModelInfo/embeddingLength``; of length 1 unless that was not wanted.
  public let vector: [Float]
  /// Tokens of the text, those included that the model expects around it.
  public let tokenCount: Int

  public init(vector: [Float], tokenCount: Int) {
    self.vector = vector
    self.tokenCount = tokenCount
  }
}

extension InferenceManager {
  /// The vectors of texts, by a model made for embeddings.
  ///
  /// ```swift
  /// try await manager.initialize("org/all-MiniLM-L6-v2-GGUF:Q8_0")
  /// let vectors = try await manager.embed(["a cat", "a kitten", "a train"])
  /// ```
  ///
  /// Models that write text do not say how their tokens' vectors become one, and want a pooling. Cancelling the task stops the
  /// work within one slice.
  ///
  /// - Parameters:
  ///   - pooling: How a text's vector is made of its tokens'; nil for what the model's file says.
  ///   - normalized: Whether vectors have length 1, so that their products are cosines.
  ///   - truncating: Whether a text that is longer than the context loses its end.
  ///   - progress: Hears how many texts are done, on the worker's thread.
  /// - Throws: `noModel`; `invalidRequest` for no texts, a model that ranks, or one that wants a pooling; `contextOverflow`
  ///   with the numbers for a text that is too long.
  public func embed(
    _ texts: [String], pooling: Pooling? = nil, normalized: Bool = true, truncating: Bool = false,
    progress: (@Sendable (Int) -> Void)? = nil
  ) async throws(WorkerError) -> [TextEmbedding] {
    try await embed(
      EmbedCommand(texts: texts, pooling: pooling, normalizes: normalized, truncates: truncating), progress)
  }

  /// How well texts answer a query, by a model that ranks: the larger, the better. In the order of the texts.
  ///
  /// - Throws: as ``embed(_:pooling:normalized:truncating:progress:)``.
  public func rank(
    _ texts: [String], for query: String, truncating: Bool = false, progress: (@Sendable (Int) -> Void)? = nil
  ) async throws(WorkerError) -> [Float] {
    let command = EmbedCommand(texts: texts, query: query, truncates: truncating)
    return try await embed(command, progress).map { $0.vector.first ?? 0 }
  }
}
