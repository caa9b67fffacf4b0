import WorkerCore

/// What happens during a generation request.
public enum GenerationEvent: Equatable, Sendable {
  /// It left the queue: the prompt's tokens, and how many of them the cache holds.
  case started(StartedEvent)
  /// Part of a long prompt went through the model.
  case prompt(PromptProgress)
  /// More text, and the tokens since the last piece.
  case text(TextEvent)
  /// The end: why, and what it took.
  case finished(FinishedEvent)

  init?(_ event: WorkerEvent) {
    switch event {
    case .started(_, let started): self = .started(started)
    case .prompt(_, let progress): self = .prompt(progress)
    case .text(_, let text): self = .text(text)
    case .finished(_, let finished): self = .finished(finished)
    default: return nil
    }
  }
}

/// A whole reply.
public struct GenerationReply: Equatable, Sendable {
  public private(set) var promptTokens: [TokenID] = []
  public private(set) var seed: UInt64 = 0
  public private(set) var text = ""
  /// The generated tokens, the one that ended the reply included.
  public private(set) var tokens: [GeneratedToken] = []
  /// Nil while the reply goes on.
  public private(set) var finishReason: FinishReason?
  public private(set) var timings = Timings()

  public init() {}

  /// Takes in the next event of the reply's stream.
  public mutating func add(_ event: GenerationEvent) {
    switch event {
    case .started(let started):
      promptTokens = started.promptTokens
      seed = started.seed
    case .prompt: break
    case .text(let piece):
      text += piece.text
      tokens += piece.tokens
    case .finished(let finished):
      finishReason = finished.reason
      timings = finished.timings
    }
  }
}
