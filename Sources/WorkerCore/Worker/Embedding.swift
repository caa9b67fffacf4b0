import InferenceCore

/// A request whose texts become vectors, one after the other.
struct Embedding {
  let id: RequestID
  private let command: EmbedCommand
  private let pooling: Pooling
  private var index = 0
  private var encoding: TextEncoding?
  /// Those of the text under way; none before it is encoded.
  private var tokens: [TokenID] = []
  /// How many of them are through, in passes that are done.
  private var done = 0
  private var sequence: TokenSequence?
  private var vector: TextVector

  /// - Throws: `invalidRequest` for what the model cannot do.
  init(_ id: RequestID, _ command: EmbedCommand, on model: LoadedModel) throws(WorkerError) {
    let language = model.executor.model
    let own = language.hyperparameters.pooling
    guard !command.texts.isEmpty else { throw WorkerError(.invalidRequest, "Texts to embed are expected, found none.") }
    guard let pooling = command.pooling ?? own else {
      throw WorkerError(
        .invalidRequest,
        "\(model.displayName) does not say how the vectors of its tokens become a text's (its file has no pooling_type). Say "
          + "which pooling to use: mean, cls or last. A model made for embeddings gives better vectors.")
    }
    guard (pooling == .rank) == (own == .rank) else {
      throw WorkerError(
        .invalidRequest,
        "\(model.displayName) \(own == .rank ? "ranks texts" : "has no classifier to rank texts with"); found "
          + "\(pooling.name) pooling.")
    }
    guard (pooling == .rank) != command.query.utf8.isEmpty else {
      throw WorkerError(
        .invalidRequest,
        pooling == .rank
          ? "\(model.displayName) ranks texts as answers to a query; give a query that is not empty."
          : "\(model.displayName) makes vectors; only a model that ranks texts takes a query.")
    }
    self.id = id
    self.command = command
    self.pooling = pooling
    vector = TextVector(pooling, of: language)
  }

  /// Whether a pass is under way or may be, so that the executor has to give it up.
  var isComputing: Bool { !tokens.isEmpty }

  /// A slice of work: a part of encoding a text, or some layers of a pass.
  ///
  /// - Returns: the vector of a text once it is whole.
  mutating func advance(_ model: LoadedModel, now: () -> Double) throws(WorkerError) -> EmbeddedEvent? {
    guard !tokens.isEmpty else {
      try encode(model)
      return nil
    }
    do throws(ModelError) {
      guard try advancePass(model, now) else { return nil }
    } catch {
      throw WorkerError(error)
    }
    let event = EmbeddedEvent(
      index: index, count: command.texts.count, tokenCount: tokens.count,
      vector: vector.finish(normalizes: command.normalizes))
    index += 1
    (tokens, done, sequence) = ([], 0, nil)
    vector = TextVector(pooling, of: model.executor.model)
    return event
  }

  private mutating func encode(_ model: LoadedModel) throws(WorkerError) {
    let text = command.texts[index]
    guard text.utf8.count <= Worker.longestText else { throw Worker.tooLong(bytes: text.utf8.count) }
    let encoding =
      self.encoding
      ?? (pooling == .rank
        ? model.format.pair(query: command.query, text: text, tokenizer: model.tokenizer)
        : TextEncoding(Array(text.utf8), addSpecial: true, parseSpecial: false, tokenizer: model.tokenizer))
    self.encoding = encoding
    guard encoding.advance(steps: PromptSearch.steps) else { return }
    self.encoding = nil
    var found = encoding.tokens
    let most = model.info.contextLength
    if found.count > most {
      guard command.truncates else { throw overflow(tokens: found.count, model) }
      let last = model.tokenizer.lastToken == nil ? [] : found.suffix(1)
      found = found.prefix(most - last.count) + last
    }
    guard !found.isEmpty else {
      throw WorkerError(.invalidRequest, "Text \(index + 1) has no tokens: there is nothing to make a vector of.")
    }
    tokens = found
    sequence = model.sequence(for: found, upTo: 0, besides: []).0
  }

  private func overflow(tokens count: Int, _ model: LoadedModel) -> WorkerError {
    let (length, trained) = (model.info.contextLength, model.info.trainedContextLength)
    return WorkerError(
      .contextOverflow,
      "Text \(index + 1) has \(count) tokens, \(count - length) more than the context of \(length) holds. Shorten or split "
        + "it, have its end cut off"
        + (length < trained ? ", or load the model with a longer context (up to \(trained))." : "."),
      need: UInt64(count), limit: UInt64(length))
  }

  /// Some layers of a pass; the tokens of a text that see each other go through all together, others in parts.
  ///
  /// - Returns: whether all of the text is through.
  private mutating func advancePass(_ model: LoadedModel, _ now: () -> Double) throws(ModelError) -> Bool {
    guard let sequence else { return false }
    let executor = model.executor
    if executor.tokensUnderWay == 0 {
      let isWhole = executor.model.hyperparameters.isBidirectional
      let end = min(tokens.count, done + (isWhole ? executor.limits.rows : model.promptChunk))
      let part = Array(tokens[done..<end])
      try executor.submit(Batch([Batch.Span(sequence, tokens: part, logitRows: part.count)], wantsVectors: true))
    }
    let (count, before) = (executor.tokensUnderWay, executor.layersDone)
    let start = now()
    let progress = executor.advance(layers: min(model.layersOfSlice(tokens: count), model.layerCount - before))
    let through = (progress == .done ? model.layerCount : executor.layersDone) - before
    model.sliceTook(now() - start, tokens: count, layers: through)
    guard progress == .done else { return false }
    vector.add(executor.vectors)
    done += count
    return done == tokens.count
  }
}

extension Worker {
  /// A slice of the request whose texts become vectors.
  func stepEmbedding(_ model: LoadedModel) {
    guard var current = scheduler.embedding else { return }
    scheduler.embedding = nil
    do throws(WorkerError) {
      let made = try current.advance(model, now: host.now)
      if made?.isLast != true { scheduler.embedding = current }
      if let made { host.emit(.embedded(current.id, made)) }
    } catch {
      model.executor.giveUp()
      host.emit(.failed(current.id, error))
    }
  }

  /// Ends the request whose texts become vectors, if there is one.
  func endEmbedding(_ error: WorkerError) {
    guard let ended = scheduler.embedding else { return }
    scheduler.embedding = nil
    if ended.isComputing { model?.executor.giveUp() }
    host.emit(.failed(ended.id, error))
  }
}
