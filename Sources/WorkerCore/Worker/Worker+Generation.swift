import InferenceCore

extension Worker {
  /// A generation request whose prompt is being put together.
  struct Preparation {
    let id: RequestID
    let command: GenerationCommand
    /// When the request came, and when its turn did.
    let received: Double
    let began: Double
    var search: PromptSearch
  }

  /// Begins to render and tokenize a request's prompt.
  func prepare(
    _ id: RequestID, _ command: GenerationCommand, receivedAt received: Double, on model: LoadedModel
  ) throws(WorkerError) {
    let began = host.now()
    try command.options.check(vocabularySize: model.tokenizer.vocabularySize)
    let search = PromptSearch(command, date: host.date())
    preparation = Preparation(id: id, command: command, received: received, began: began, search: search)
    stepPreparation(model)
  }

  /// One attempt at the prompt.
  func stepPreparation(_ model: LoadedModel) {
    guard var current = preparation else { return }
    preparation = nil
    do throws(WorkerError) {
      if let prompt = try current.search.step(model) {
        startGeneration(current, prompt: prompt, on: model)
      } else {
        preparation = current
      }
    } catch {
      host.emit(.failed(current.id, error))
    }
  }

  /// Takes back the cache to what it has in common with the prompt.
  private func startGeneration(_ prepared: Preparation, prompt: [TokenID], on model: LoadedModel) {
    let (id, command) = (prepared.id, prepared.command)
    let options = command.options
    let context = model.context
    // At least one token goes through the model: its logits begin the reply.
    let cached = min(context.commonPrefix(with: prompt), prompt.count - 1)
    context.truncate(to: cached)

    let seed = options.seed ?? host.seed()
    var sampler = Sampler(
      options.sampling(recommended: model.entry, seed: seed), vocabularySize: model.info.vocabularySize)
    for token in prompt { sampler.accept(token) }
    var stops = options.stop.filter { !$0.utf8.isEmpty }.map { Array($0.utf8) }
    if case .chat = command.input { stops += model.format.stops }
    // The last token generated need not fit the context, as nothing follows it.
    let room = model.info.contextLength - prompt.count + 1
    generation = Generation(
      id: id, promptTokens: prompt, stopTokens: options.stopTokens,
      ignoresEnd: options.ignoresEndOfGeneration, budget: min(options.maxTokens ?? room, room), sampler: sampler,
      detokenizer: Detokenizer(model.tokenizer), stops: StopMatcher(stops),
      speculation: options.speculation
        ? Speculation(prompt: prompt, contextLength: model.info.contextLength) : nil,
      done: cached, last: nil,
      received: prepared.received, began: prepared.began,
      timings: Timings(
        loadMilliseconds: model.info.loadMilliseconds, promptCount: prompt.count - cached, cachedCount: cached))
    host.emit(.started(id, StartedEvent(promptTokens: prompt, cachedCount: cached, seed: seed)))
    usePrefix(of: command.conversation, prompt: prompt, cached: cached)
  }

  /// A chunk of the prompt through some of the layers, or one token and those drafted after it.
  func stepGeneration() {
    // Taken out while it is worked on, so that its arrays are not copied.
    guard var current = generation, let model else { return }
    generation = nil
    do throws(ModelError) {
      let goesOn: Bool
      if let last = current.last {
        goesOn = try stepReply(after: last, model, &current)
      } else {
        goesOn = try stepPrompt(model, &current)
      }
      if goesOn { generation = current }
    } catch {
      host.emit(.failed(current.id, WorkerError(error)))
    }
  }

  private func stepPrompt(_ model: LoadedModel, _ current: inout Generation) throws(ModelError) -> Bool {
    let total = current.promptTokens.count
    let context = model.context
    if context.tokensUnderWay == 0 {
      let end = min(current.done + model.promptChunk, total)
      try context.begin(current.promptTokens[current.done..<end], logitRows: end == total ? 1 : 0)
    }
    let count = context.tokensUnderWay
    let all = context.model.hyperparameters.layerCount
    let layers = min(model.layersOfSlice(tokens: count), all - context.layersDone)
    let start = host.now()
    let logits = context.advance(layers: layers)
    model.sliceTook(host.now() - start, tokens: count, layers: layers)
    current.done += logits == nil ? 0 : count
    guard let logits, current.done == total else {
      let partly = context.tokensUnderWay * context.layersDone / all
      host.emit(.prompt(current.id, PromptProgress(done: current.done + partly, total: total)))
      return true
    }
    current.prompted = host.now()
    current.timings.promptMilliseconds = current.prompted - current.began
    guard current.budget > 0 else {
      finish(&current, .length)
      return false
    }
    return take(logits, of: model, &current)
  }

  /// One pass over the last token and a draft of the next ones. Tokens are chosen as after single passes, up to the first
  /// one that the draft has wrong; of the rest nothing stays.
  private func stepReply(
    after last: TokenID, _ model: LoadedModel, _ current: inout Generation
  ) throws(ModelError) -> Bool {
    let context = model.context
    let draft =
      current.speculation?.draft(
        limit: current.budget - 1, costs: model.passCosts, slice: LoadedModel.sliceTime) ?? []
    let start = host.now()
    let logits = try context.evaluate([last] + draft, logitRows: draft.count + 1)
    model.passCosts.passTook(host.now() - start, drafted: draft.count)
    current.timings.draftCount += draft.count
    let through = context.tokens.count - draft.count
    let width = model.info.vocabularySize
    for row in 0...draft.count {
      let drafted = row < draft.count ? draft[row] : nil
      let chosen = UnsafeMutableBufferPointer(rebasing: logits[row * width..<(row + 1) * width])
      let goesOn = take(chosen, of: model, drafted: drafted, &current)
      if !goesOn || current.last != drafted {
        context.truncate(to: through + row)
        return goesOn
      }
    }
    return true
  }

  /// Chooses the next token and sends what became text; false when the reply has ended. `drafted`: the token that the
  /// draft has in its place.
  private func take(
    _ logits: UnsafeMutableBufferPointer<Float>, of model: LoadedModel, drafted: TokenID? = nil,
    _ current: inout Generation
  ) -> Bool {
    let sample = current.sampler.sample(logits)
    let id = sample.id
    current.sampler.accept(id)
    current.speculation?.append(id)
    if id == drafted { current.timings.draftAcceptedCount += 1 }
    current.timings.predictedCount += 1
    current.budget -= 1
    current.tokens.append(token(sample, model.tokenizer))
    if current.stopTokens.contains(id) || (!current.ignoresEnd && model.tokenizer.isEndOfGeneration(id)) {
      finish(&current, .stop)
      return false
    }
    let (released, stopped) = current.stops.feed(current.detokenizer.append(id))
    current.text += released
    guard !stopped, current.budget > 0 else {
      finish(&current, stopped ? .stop : .length, matched: stopped)
      return false
    }
    current.last = id
    let now = host.now()
    if current.sent == nil {
      current.timings.firstTokenMilliseconds = now - current.received
      send(&current, now)
    } else if let sent = current.sent, now - sent >= Generation.textInterval {
      send(&current, now)
    }
    return true
  }

  private func token(_ sample: Sample, _ tokenizer: Tokenizer) -> GeneratedToken {
    GeneratedToken(
      id: sample.id,
      logprob: sample.logprob.map { TokenScore(id: sample.id, bytes: tokenizer.piece(sample.id), logprob: $0) },
      top: sample.top.map { TokenScore(id: $0.id, bytes: tokenizer.piece($0.id), logprob: $0.logprob) })
  }

  private func send(_ current: inout Generation, _ now: Double) {
    current.sent = now
    guard !current.text.isEmpty || !current.tokens.isEmpty else { return }
    let text = String(decoding: current.text, as: UTF8.self)
    host.emit(.text(current.id, TextEvent(text: text, tokens: current.tokens)))
    current.text.removeAll(keepingCapacity: true)
    current.tokens.removeAll(keepingCapacity: true)
  }

  /// Ends the running request because someone asked for it.
  func abortRunning() {
    guard var current = generation else { return }
    generation = nil
    finish(&current, .aborted)
  }

  /// Sends what is left of a reply, and its end. `matched`: a stop string was found, so nothing is held back.
  private func finish(_ current: inout Generation, _ reason: FinishReason, matched: Bool = false) {
    let now = host.now()
    if !matched {
      // A last incomplete character may complete a stop string too.
      let (released, stopped) = current.stops.feed(current.detokenizer.finish())
      current.text += released
      if !stopped { current.text += current.stops.finish() }
    }
    if current.sent == nil, current.timings.predictedCount > 0 {
      current.timings.firstTokenMilliseconds = now - current.received
    }
    if current.timings.predictedCount > 0 {
      current.timings.predictedMilliseconds = now - current.prompted
    } else if reason == .aborted {
      // Of a prompt that was stopped on its way, only what went through the model counts.
      current.timings.promptCount = max(0, current.done - current.timings.cachedCount)
      current.timings.promptMilliseconds = now - current.began
    }
    send(&current, now)
    host.emit(.finished(current.id, FinishedEvent(reason: reason, timings: current.timings)))
  }
}
