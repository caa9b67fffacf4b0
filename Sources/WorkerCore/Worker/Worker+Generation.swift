import InferenceCore

extension Worker {
  /// Begins to render and tokenize a request's prompt.
  func prepare(
    _ id: RequestID, _ command: GenerationCommand, receivedAt received: Double, on model: LoadedModel
  ) throws(WorkerError) {
    let began = host.now()
    try command.options.check(vocabularySize: model.tokenizer.vocabularySize)
    let search = PromptSearch(command, date: host.date())
    scheduler.preparation = Preparation(id: id, command: command, received: received, began: began, search: search)
    stepPreparation(model)
  }

  /// One attempt at the prompt.
  func stepPreparation(_ model: LoadedModel) {
    guard var current = scheduler.preparation else { return }
    scheduler.preparation = nil
    do throws(WorkerError) {
      if let prompt = try current.search.step(model) {
        startGeneration(current, prompt: prompt, on: model)
      } else {
        scheduler.preparation = current
      }
    } catch {
      host.emit(.failed(current.id, error))
    }
  }

  /// Takes back a sequence to what it has in common with the prompt.
  private func startGeneration(_ prepared: Preparation, prompt: [TokenID], on model: LoadedModel) {
    let (id, command) = (prepared.id, prepared.command)
    let options = command.options
    // At least one token goes through the model: its logits begin the reply.
    let (sequence, cached) = model.sequence(
      for: prompt, upTo: prompt.count - 1, besides: scheduler.busy)

    let seed = options.seed ?? host.seed()
    var sampler = Sampler(
      options.sampling(recommended: model.entry, seed: seed), vocabularySize: model.info.vocabularySize)
    for token in prompt { sampler.accept(token) }
    var stops = options.stop.filter { !$0.utf8.isEmpty }.map { Array($0.utf8) }
    if case .chat = command.input { stops += model.format.stops }
    // The last token generated need not fit the context, as nothing follows it.
    let room = model.info.contextLength - prompt.count + 1
    // What a wrong draft leaves has to be taken back.
    let speculates = options.speculation && sequence.rewindsExactly
    let generation = Generation(
      id: id, sequence: sequence, promptTokens: prompt, reading: prompt, stopTokens: options.stopTokens,
      ignoresEnd: options.ignoresEndOfGeneration, budget: min(options.maxTokens ?? room, room), sampler: sampler,
      reply: ReplyText(model.tokenizer, stops: stops),
      speculation: speculates ? Speculation(prompt: prompt, contextLength: model.info.contextLength) : nil,
      done: cached, last: nil,
      received: prepared.received, began: prepared.began,
      timings: Timings(
        loadMilliseconds: model.info.loadMilliseconds, promptCount: prompt.count - cached, cachedCount: cached))
    scheduler.running.append(generation)
    host.emit(.started(id, StartedEvent(promptTokens: prompt, cachedCount: cached, seed: seed)))
    usePrefix(of: command.conversation, by: sequence, prompt: prompt, cached: cached)
  }

  // MARK: Passes

  /// A pass over what the running requests have for the model, or a part of one: prompts go through some of the layers at
  /// a time.
  func stepPass(_ model: LoadedModel) -> PassProgress {
    do throws(ModelError) {
      return try advancePass(model)
    } catch {
      // Whoever asked for what the model cannot do ends; nobody else is left without an answer.
      model.executor.giveUp()
      let failed = scheduler.running
      (scheduler.running, scheduler.parts) = ([], [])
      for generation in failed { host.emit(.failed(generation.id, WorkerError(error))) }
      return .idle
    }
  }

  private func advancePass(_ model: LoadedModel) throws(ModelError) -> PassProgress {
    let executor = model.executor
    if executor.tokensUnderWay == 0 {
      // Nobody waits any longer for a slice of a pass that was given up.
      model.sliceBegan = nil
      let parts = scheduler.plan(
        promptTokens: (model.promptChunk, model.sharedPromptChunk),
        draft: { generation in
          generation.speculation?.draft(
            limit: generation.budget - 1, costs: model.passCosts, slice: LoadedModel.sliceTime) ?? []
        })
      // Who surely needs all logits gets them at once.
      var batch = Batch(wantsAllLogits: scheduler.needsLogits { sampler, _ in !sampler.isContentWithTop })
      if parts.count == 1, parts[0].tokens.count == 1 { model.readAhead.passBegins() }
      for part in parts { batch.append(Batch.Span(part.sequence, tokens: part.tokens, logitRows: part.logitRows)) }
      try executor.submit(batch)
    }
    let count = executor.tokensUnderWay
    let layers = min(model.layersOfSlice(tokens: count), model.layerCount - executor.layersDone)
    let before = executor.layersDone
    // What a device computes began when it was told.
    let start = model.sliceBegan ?? host.now()
    let progress = executor.advance(layers: layers)
    model.sliceBegan = progress == .waiting ? start : nil
    guard progress != .waiting else { return progress }
    if progress == .done, needsLogits(model) {
      model.executor.fetchLogits()
      model.sliceBegan = start
      return .waiting
    }
    let took = host.now() - start
    let through = (progress == .done ? model.layerCount : executor.layersDone) - before
    model.sliceTook(took, tokens: count, layers: through)
    switch progress {
    case .again: reportPrompts(model)
    case .done: handOut(model, after: took)
    case .idle: scheduler.parts = []
    case .waiting: break
    }
    return progress
  }

  /// Says how far the prompts of the pass under way are.
  private func reportPrompts(_ model: LoadedModel) {
    let (through, all) = (model.executor.layersDone, model.layerCount)
    for part in scheduler.parts where !part.isReply {
      guard let current = scheduler.running.first(where: { $0.sequence === part.sequence }) else { continue }
      let done = current.done + part.tokens.count * through / all
      host.emit(.prompt(current.id, PromptProgress(done: done, total: current.reading.count)))
    }
  }

  /// Whether somebody's choice takes more than the likeliest tokens, which are all that came.
  private func needsLogits(_ model: LoadedModel) -> Bool {
    scheduler.needsLogits { sampler, row in
      guard let top = model.executor.candidates(ofRow: row) else { return false }
      return !top.isFinite || !sampler.isDecided(by: top)
    }
  }

  /// Gives each request of a pass its rows of the logits.
  private func handOut(_ model: LoadedModel, after took: Double) {
    var first = 0
    let parts = scheduler.parts
    scheduler.parts = []
    for part in parts {
      let row = first
      first += part.logitRows
      // Taken out while it is worked on, so that its arrays are not copied.
      guard let index = scheduler.running.firstIndex(where: { $0.sequence === part.sequence }) else { continue }
      var current = scheduler.running.remove(at: index)
      let goesOn: Bool
      if part.isReply {
        if parts.count == 1 {
          model.passCosts.passTook(took, drafted: part.tokens.count - 1)
          if part.tokens.count == 1 { model.readAhead.passTook(took) }
        }
        goesOn = goOn(row, after: part.tokens, model, &current)
      } else {
        goesOn = read(part, row, model, &current)
      }
      if goesOn { scheduler.running.insert(current, at: index) }
    }
  }

  /// A part of the prompt is through; with the last one the reply begins.
  private func read(
    _ part: Scheduler.Part, _ row: Int, _ model: LoadedModel, _ current: inout Generation
  ) -> Bool {
    let total = current.reading.count
    current.done += part.tokens.count
    guard current.done == total else {
      host.emit(.prompt(current.id, PromptProgress(done: current.done, total: total)))
      return true
    }
    if current.timings.predictedCount == 0 {
      current.prompted = host.now()
      current.timings.promptMilliseconds = current.prompted - current.began
    }
    guard current.budget > 0 else {
      finish(&current, .length)
      return false
    }
    return take(row, of: model, &current)
  }

  /// The last token and a draft of the next ones are through. Tokens are chosen as after single passes, up to the first
  /// one that the draft has wrong; of the rest nothing stays.
  private func goOn(
    _ first: Int, after tokens: [TokenID], _ model: LoadedModel, _ current: inout Generation
  ) -> Bool {
    let draft = tokens.dropFirst()
    current.timings.draftCount += draft.count
    let through = current.sequence.tokens.count - draft.count
    for row in 0...draft.count {
      let drafted = row < draft.count ? tokens[row + 1] : nil
      let goesOn = take(first + row, of: model, drafted: drafted, &current)
      if !goesOn || current.last != drafted {
        current.sequence.rewind(to: through + row)
        return goesOn
      }
    }
    return true
  }

  // MARK: Replies

  /// Chooses the next token and sends what became text; false when the reply has ended. `drafted`: the token that the
  /// draft has in its place.
  private func take(
    _ row: Int, of model: LoadedModel, drafted: TokenID? = nil, _ current: inout Generation
  ) -> Bool {
    guard let sample = choose(row, of: model, &current) else {
      fail(&current, .notFinite)
      return false
    }
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
    let (released, stopped) = current.reply.append(id)
    current.text += released
    guard !stopped, current.budget > 0 else {
      finish(&current, stopped ? .stop : .length, matched: stopped)
      return false
    }
    current.last = id
    current.written.append(id)
    let now = host.now()
    if current.sent == nil {
      current.timings.firstTokenMilliseconds = now - current.received
      send(&current, now)
    } else if let sent = current.sent, now - sent >= Generation.textInterval {
      send(&current, now)
    }
    return true
  }

  /// A token by a row of the last pass: its likeliest tokens, or all logits. nil where these are no numbers.
  private func choose(_ row: Int, of model: LoadedModel, _ current: inout Generation) -> Sample? {
    if let top = model.executor.candidates(ofRow: row), let sample = current.sampler.sample(top) { return sample }
    let width = model.info.vocabularySize
    let logits = UnsafeMutableBufferPointer(rebasing: model.executor.logits[row * width..<(row + 1) * width])
    return Sampler.isFinite(logits) ? current.sampler.sample(logits, among: model.existing) : nil
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

  /// Ends a request that ran because someone asked for it.
  func abort(_ running: Generation) {
    // A pass that others have a part in goes on; until its end nobody gets the sequence.
    if !scheduler.isPassWanted {
      scheduler.parts = []
      model?.executor.giveUp()
    }
    var current = running
    finish(&current, .aborted)
  }

  /// Ends a reply that cannot go on, after what it has said.
  private func fail(_ current: inout Generation, _ error: ModelError) {
    send(&current, host.now())
    host.emit(.failed(current.id, WorkerError(error)))
  }

  /// Sends what is left of a reply, and its end. `matched`: a stop string was found, so nothing is held back.
  private func finish(_ current: inout Generation, _ reason: FinishReason, matched: Bool = false) {
    let now = host.now()
    if !matched { current.text += current.reply.finish() }
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
