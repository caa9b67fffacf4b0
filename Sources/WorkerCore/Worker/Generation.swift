import InferenceCore

/// A generation request that runs.
struct Generation {
  let id: RequestID
  /// What it has read and written; no other running request has it.
  private(set) var sequence: TokenSequence
  let promptTokens: [TokenID]
  /// What is read before a token is chosen: the prompt, and where the reply had begun on a device that was lost, its tokens.
  private(set) var reading: [TokenID]
  let stopTokens: [TokenID]
  let ignoresEnd: Bool
  /// Tokens that may still be generated.
  var budget: Int
  var sampler: Sampler
  /// What becomes of its tokens.
  var reply: ReplyText
  /// Nil when the request does without.
  var speculation: Speculation?

  /// Tokens of ``reading`` that the sequence has.
  var done: Int
  /// Tokens of the reply.
  var written: [TokenID] = []
  /// The token that goes through the model next; nil while the prompt is not through.
  var last: TokenID?

  /// What the next text event carries.
  var text: [UInt8] = []
  var tokens: [GeneratedToken] = []
  /// When text was last sent, by the host's clock; nil before the first.
  var sent: Double?

  let received: Double
  let began: Double
  /// When the prompt was through.
  var prompted = 0.0
  var timings: Timings

  /// Milliseconds between two text events: a screen shows no more, and each event costs.
  static let textInterval = 16.0

  /// Of the prompt nothing is read any more.
  mutating func beginAgain() {
    done = 0
    timings.promptCount = promptTokens.count
    timings.cachedCount = 0
    timings.restoredCount = 0
  }

  /// Goes on with another sequence, which has `cached` tokens of what this one had.
  mutating func beginAgain(on other: TokenSequence, cached: Int) {
    sequence = other
    done = cached
    last = nil
    guard written.isEmpty else { return }
    timings.promptCount = promptTokens.count - cached
    timings.cachedCount = cached
    timings.restoredCount = 0
  }

  /// Its tokens so far are to be read again before the next one is chosen.
  mutating func interrupt() {
    reading = promptTokens + written
  }

  /// Prompt tokens were read back instead of computed, so that the sequence has `cached` tokens of the prompt.
  mutating func recalled(_ count: Int, cached: Int) {
    done = cached
    timings.restoredCount += count
    timings.cachedCount += count
    timings.promptCount -= count
  }
}
