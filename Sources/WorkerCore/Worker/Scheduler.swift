import InferenceCore

/// A request that waits for its turn.
struct Request {
  enum Work {
    case generate(GenerationCommand)
    case tokenize(TokenizeCommand)
    case detokenize([TokenID])
    case applyTemplate(ChatInput)
    case embed(EmbedCommand)

    /// Whether the model computes it, so that it waits for others.
    var isLong: Bool {
      switch self {
      case .generate, .embed: true
      default: false
      }
    }
  }

  let id: RequestID
  let work: Work
  /// When it came, by the host's clock.
  let time: Double
}

/// A generation request whose prompt is being put together.
struct Preparation {
  let id: RequestID
  let command: GenerationCommand
  /// When the request came, and when its turn did.
  let received: Double
  let began: Double
  var search: PromptSearch
}

/// A request that is answered with a text or its tokens, without the model.
struct Conversion {
  enum Work {
    case tokens(TextEncoding)
    case prompt(PromptRendering)
  }

  let id: RequestID
  let work: Work

  /// Goes on with a slice.
  ///
  /// - Returns: the answer once it is whole.
  func advance() throws(WorkerError) -> WorkerEvent? {
    switch work {
    case .tokens(let encoding):
      encoding.advance(steps: PromptSearch.steps) ? .tokens(id, encoding.tokens) : nil
    case .prompt(let rendering):
      try rendering.advance().map { .rendered(id, String(decoding: $0, as: UTF8.self)) }
    }
  }
}

/// The requests on their way, and who has a part in the next pass.
struct Scheduler {
  /// Most generation requests that run together: the loaded model's sequences.
  var capacity = 1
  /// Requests that wait for the model, oldest first.
  var waiting: [Request] = []
  var preparation: Preparation?
  /// Texts that are being tokenized or rendered, oldest first.
  var conversions: [Conversion] = []
  private var isTextsTurn = false
  /// Oldest first.
  var running: [Generation] = []
  /// A request whose texts become vectors, with the model for itself.
  var embedding: Embedding?
  /// Those that ran on a device that was lost; they go on when the model is loaded again.
  var interrupted: [Generation] = []
  /// What the pass under way has of whom, in the order of its batch; empty when none is under way.
  var parts: [Part] = []

  /// What one request has in a pass.
  struct Part {
    /// Of a request that was cancelled since, nobody's.
    let sequence: TokenSequence
    let tokens: [TokenID]
    /// Rows of logits: none while more of the prompt follows.
    let logitRows: Int
    /// Whether the tokens are the reply's last one and a draft of the next ones.
    let isReply: Bool
  }

  /// The sequences of running requests, and those that the pass under way will append to.
  var busy: [TokenSequence] {
    let left = parts.map { $0.sequence }.filter { sequence in !running.contains { $0.sequence === sequence } }
    return running.map { $0.sequence } + left
  }

  /// Whether a running request has a part in the pass under way.
  var isPassWanted: Bool {
    parts.contains { part in running.contains { $0.sequence === part.sequence } }
  }

  /// Whether one of those who get rows of logits from the pass under way needs all of a row, by its sampler and the row.
  mutating func needsLogits(_ body: (inout Sampler, Int) -> Bool) -> Bool {
    var first = 0
    for part in parts {
      let rows = first..<first + part.logitRows
      first = rows.upperBound
      guard let index = running.firstIndex(where: { $0.sequence === part.sequence }) else { continue }
      for row in rows where body(&running[index].sampler, row) { return true }
    }
    return false
  }

  /// Whether another generation request can run.
  var hasRoom: Bool { busy.count < capacity }

  /// Whether there is something to do for a loaded model.
  var hasWork: Bool {
    !waiting.isEmpty || preparation != nil || !running.isEmpty || !conversions.isEmpty || embedding != nil
  }

  /// Whether the next slice is a text's: where replies wait too, every second one.
  mutating func takeTextsTurn() -> Bool {
    guard !conversions.isEmpty else { return false }
    isTextsTurn.toggle()
    return isTextsTurn || (running.isEmpty && preparation == nil && embedding == nil && waiting.isEmpty)
  }

  /// The request whose turn it is, if it is one's. Those that are short wait for no generation.
  mutating func next() -> Request? {
    if let short = waiting.firstIndex(where: { !$0.work.isLong }) { return waiting.remove(at: short) }
    guard hasRoom, preparation == nil, embedding == nil, let first = waiting.first else { return nil }
    if case .embed = first.work, !busy.isEmpty { return nil }
    return waiting.removeFirst()
  }

  mutating func remove(running id: RequestID) -> Generation? {
    if let index = interrupted.firstIndex(where: { $0.id == id }) { return interrupted.remove(at: index) }
    return running.firstIndex { $0.id == id }.map { running.remove(at: $0) }
  }

  /// Forgets all requests, and the pass under way, which the executor is to give up.
  ///
  /// - Returns: what they were.
  mutating func clear() -> ([Generation], Preparation?, [Conversion], [Request]) {
    defer { (running, interrupted, preparation, conversions, waiting, parts) = ([], [], nil, [], [], []) }
    return (running + interrupted, preparation, conversions, waiting)
  }

  /// What the running requests have for the next pass: a token of each reply, and beside them as much of a prompt as
  /// keeps the others from waiting long.
  ///
  /// - Parameters:
  ///   - promptTokens: Most tokens of prompts where nobody else waits, and where somebody does.
  ///   - draft: The tokens to verify after a reply's last one. Only a request that is alone drafts: others' tokens are
  ///     worth more than guesses.
  mutating func plan(
    promptTokens: (alone: Int, shared: Int), draft: (inout Generation) -> [TokenID]
  ) -> [Part] {
    parts = []
    let replies = running.indices.filter { running[$0].last != nil }
    for index in replies {
      guard let last = running[index].last else { continue }
      let drafted = running.count == 1 ? draft(&running[index]) : []
      parts.append(
        Part(
          sequence: running[index].sequence, tokens: [last] + drafted, logitRows: drafted.count + 1, isReply: true))
    }
    var room = replies.isEmpty ? promptTokens.alone : promptTokens.shared
    for generation in running where generation.last == nil && room > 0 {
      let total = generation.reading.count
      var end = min(generation.done + room, total)
      // The state before the last token is where the same prompt, asked again, begins.
      if end == total, end - generation.done > 1, !generation.sequence.rewindsExactly { end -= 1 }
      parts.append(
        Part(
          sequence: generation.sequence, tokens: Array(generation.reading[generation.done..<end]),
          logitRows: end == total ? 1 : 0, isReply: false))
      room -= end - generation.done
    }
    return parts
  }
}
