import InferenceCore

extension Worker {
  /// Begins a load. The same model with the same options is not loaded twice; any other ends what there is.
  func receiveLoad(_ id: RequestID, _ command: LoadCommand) {
    if let model, load == nil, sameLoad(model.command, command) {
      host.emit(.loaded(id, model.info))
      return
    }
    if let current = load, sameLoad(current.command, command) {
      load?.requests.append(id)
      return
    }
    let replaced = endLoad()
    abortAll()
    releaseModel()

    let entry = state.availableModels.first { $0.answers(to: command.model) }
    let name = entry?.name ?? command.model
    let tracker = LoadTracker(name: name, now: host.now())
    load = Load(command: command, entry: entry, fetch: takeFetch(), requests: [id], tracker: tracker)
    reduce(.loadRequested(model: entry?.id ?? command.model))
    fail(replaced, WorkerError(.cancelled, "Another model was loaded instead."))
    host.emit(.progress(tracker.progress))
    beginLoad()
  }

  func takeFetch() -> FetchID {
    defer { nextFetch &+= 1 }
    return nextFetch
  }

  /// Asks for the model's bytes.
  func beginFetch() {
    guard let current = load else { return }
    if let entry = current.entry, current.card == nil {
      let length = contextLength(for: current, trained: entry.contextLength)
      do throws(WorkerError) {
        try checkMemory(
          current, weights: entry.fileSize,
          working: entry.memoryNeed(contextLength: length * sequences(for: current)) - entry.fileSize,
          contextLength: length, limit: host.memoryLimit())
      } catch {
        failLoad(error)
        return
      }
    }
    load?.isFetching = true
    host.emit(.fetch(FetchRequest(id: current.fetch, model: current.command.model, entry: current.entry)))
  }

  private func sameLoad(_ a: LoadCommand, _ b: LoadCommand) -> Bool {
    sameBytes(a.model, b.model) && a.contextLength == b.contextLength && a.threads == b.threads
      && a.sequences == b.sequences && a.device == b.device
  }

  /// Takes back a load; nothing is loaded afterwards.
  func cancelLoad() {
    guard load != nil else { return }
    let cancelled = endLoad()
    reduce(.loadCancelled)
    fail(cancelled, WorkerError(.cancelled, "The load was cancelled."))
    abortAll()
  }

  /// Takes back one request for a load; the load goes on while others wait for it.
  func cancelLoad(for id: RequestID) {
    guard let index = load?.requests.firstIndex(of: id) else { return }
    if load?.requests.count == 1, load?.goesOnAlone == false {
      cancelLoad()
    } else {
      load?.requests.remove(at: index)
      host.emit(.failed(id, WorkerError(.cancelled, "The load was cancelled.")))
    }
  }

  func unload(_ id: RequestID) {
    let cancelled = endLoad()
    abortAll()
    releaseModel()
    team = nil
    reduce(.unloaded)
    fail(cancelled, WorkerError(.cancelled, "The model was unloaded."))
    host.emit(.unloaded(id))
  }

  /// Ends the load under way, if any: gives back its bytes and stops its fetch.
  ///
  /// - Returns: the requests that are still to be answered. The state changes first, so that whoever hears an answer finds
  ///   the state that goes with it.
  private func endLoad() -> [RequestID] {
    guard let ended = load else { return [] }
    load = nil
    ended.bytes?.release()
    if ended.isFetching { host.emit(.cancelFetch(ended.fetch)) }
    return ended.requests
  }

  private func fail(_ requests: [RequestID], _ error: WorkerError) {
    for request in requests { host.emit(.failed(request, error)) }
  }

  func failLoad(_ error: WorkerError) {
    let failed = endLoad()
    let waiting = scheduler.interrupted.map { $0.id } + scheduler.waiting.map { $0.id }
    (scheduler.interrupted, scheduler.waiting) = ([], [])
    reduce(.loadFailed(error))
    fail(failed + waiting, error)
  }

  // MARK: Reports about a fetch

  /// `received` of `total` bytes are there, all parts together. Reports about a fetch that was cancelled are ignored.
  ///
  /// - Parameter text: what the shell is doing, for people; nil for the usual words.
  public func fetchProgressed(_ fetch: FetchID, received: UInt64, total: UInt64, text: String? = nil) {
    guard let current = load, current.fetch == fetch, current.bytes == nil else { return }
    do throws(WorkerError) {
      // Weights that do not fit need not arrive before someone is told.
      if current.card == nil {
        try checkMemory(
          current, weights: total, working: 0, contextLength: contextLength(for: current, trained: .max),
          limit: host.memoryLimit())
      }
    } catch {
      failLoad(error)
      return
    }
    if load?.tracker.received(received, of: total, text: text, now: host.now()) == true { reportProgress() }
  }

  /// Looks at the beginning of a file before the rest is fetched: is it a model, is its architecture known, does it fit the
  /// memory; of a part after the first: does it follow those before.
  ///
  /// - Parameters:
  ///   - part: Which of the model's parts the file is, counted from zero.
  ///   - parts: How many the shell brings; 0 when it does not say.
  ///   - fileSize: bytes of all parts together.
  ///   - limit: bytes of memory the model may take; 0 for what the host says.
  public func inspectHeader(
    _ fetch: FetchID, prefix: UnsafeRawBufferPointer, part: Int = 0, of parts: Int = 0, fileSize: UInt64,
    limit: UInt64 = 0
  ) -> HeaderVerdict {
    guard let load, load.fetch == fetch, load.bytes == nil else { return .refused }
    do throws(WorkerError) {
      let file: GGUFFile
      do throws(GGUFError) {
        file = try GGUFFile.parseHeader(prefix, fileSize: Int64(clamping: fileSize))
      } catch {
        if case .needsMoreBytes(let count) = error.kind, UInt64(prefix.count) < fileSize {
          return .needsMoreBytes(UInt64(max(count, Int64(prefix.count) + 1)))
        }
        throw WorkerError(error)
      }
      guard parts == 0 || (file.partIndex, file.partCount) == (part, parts) else {
        let brought = parts == 1 ? "a model in one file" : "part \(part + 1) of \(parts)"
        let found = file.partCount == 1 ? "a model in one file" : "part \(file.partIndex + 1) of \(file.partCount)"
        throw WorkerError(
          .invalidModel, "Expected \(brought), found \(found). Give all parts of one model, under their names.")
      }
      if part > 0 { return .fits }
      try checkMemory(file, load, fileSize: fileSize, limit: limit == 0 ? host.memoryLimit() : limit)
      do throws(ModelError) { try LanguageModel.check(header: file) } catch { throw WorkerError(error) }
      return .fits
    } catch {
      failLoad(error)
      return .refused
    }
  }

  /// The bytes are there, complete and verified: in memory, or where they were handed on to
  /// (``modelPassed(_:_:fileSize:isFresh:)``). The worker gives them back when the model is unloaded.
  public func modelArrived(_ fetch: FetchID, _ bytes: ModelBytes) {
    guard load?.fetch == fetch, load?.bytes == nil else {
      bytes.release()
      return
    }
    load?.isFetching = false
    load?.arrival = host.now()
    if load?.card != nil {
      let stream = load?.stream ?? ModelStream()
      load?.bytes = ModelBytes(parts: [stream.prefix], release: { withExtendedLifetime(stream) {} })
      streamArrived(stream)
    } else {
      load?.bytes = bytes
    }
    load?.tracker.arrived(bytes.count, now: host.now())
    reportProgress()
  }

  /// The bytes could not be got.
  public func fetchFailed(_ fetch: FetchID, _ error: WorkerError) {
    guard load?.fetch == fetch, load?.bytes == nil else { return }
    load?.isFetching = false
    failLoad(error)
  }

  func reportProgress() {
    guard let progress = load?.tracker.progress else { return }
    host.emit(.progress(progress))
    reduce(.progressed(progress))
  }

  // MARK: Building the engine

  /// One slice of building the engine from the bytes.
  ///
  /// - Returns: whether there is nothing to do until a device is ready.
  func stepLoad() -> Bool {
    guard let current = load, let bytes = current.bytes else { return false }
    let opened = current.stream?.opened
    do throws(WorkerError) {
      switch current.stage {
      case .parse:
        if let opened {
          advance(to: .tokenizer(opened.file), 0.2)
          return false
        }
        let file = try parse(bytes)
        try checkMemory(file, current, fileSize: bytes.count, limit: host.memoryLimit())
        advance(to: .tokenizer(file), 0.2)
      case .tokenizer(let file):
        let tokenizer = try makeTokenizer(file)
        advance(to: .model(file, tokenizer, try PromptFormat(file, tokenizer)), 0.5)
      case .model(let file, let tokenizer, let format):
        if let executor = opened?.executor {
          _ = try limits(for: current, file, tokenizer, executor.model)
          advance(to: .kernels(file, tokenizer, format, executor), 0.6)
          return false
        }
        let language = try makeModel(file)
        try watchKernels(file, language.hyperparameters)
        advance(to: .context(file, tokenizer, format, language), 0.8)
      case .context(let file, let tokenizer, let format, let language):
        let limits = try limits(for: current, file, tokenizer, language)
        let threads = threads(for: current)
        let executor = try makeExecutor { () throws(ModelError) in
          try CPUExecutor(model: language, team: try team(of: threads), limits: limits)
        }
        try finishLoad(current, file, tokenizer, format, executor)
      case .kernels(let file, let tokenizer, let format, let executor):
        guard let card = current.card else { return false }
        // What the card is held to must be right.
        try watchKernels(file, executor.model.hyperparameters)
        kernelWatch = nil
        do throws(ModelError) {
          let trial = try DeviceTrial(
            of: executor, on: card.device.another(), team: try team(of: threads(for: current)),
            measures: current.command.device == .auto && card.remembered == nil, now: host.now)
          advance(to: .trial(file, tokenizer, format, executor, trial), 0.9)
        } catch {
          deviceIsUntried(error)
        }
      case .trial(_, _, _, _, let trial):
        return try stepTrial(trial)
      }
    } catch {
      failLoad(error)
    }
    return false
  }

  private func advance(to stage: Load.Stage, _ fraction: Double) {
    load?.stage = stage
    load?.tracker.built(fraction, now: host.now())
    reportProgress()
  }

  private func parse(_ bytes: ModelBytes) throws(WorkerError) -> GGUFFile {
    do throws(GGUFError) { return try GGUFFile(parts: bytes.parts) } catch { throw WorkerError(error) }
  }

  private func makeTokenizer(_ file: GGUFFile) throws(WorkerError) -> Tokenizer {
    do throws(TokenizerError) { return try Tokenizer(file) } catch { throw WorkerError(error) }
  }

  private func makeModel(_ file: GGUFFile) throws(WorkerError) -> LanguageModel {
    do throws(ModelError) { return try LanguageModel(file: file) } catch { throw WorkerError(error) }
  }

  private func makeExecutor<Made>(_ make: () throws(ModelError) -> Made) throws(WorkerError) -> Made {
    do throws(ModelError) { return try make() } catch { throw WorkerError(error) }
  }

  /// What the executor is to have room for.
  private func limits(
    for current: Load, _ file: GGUFFile, _ tokenizer: Tokenizer, _ language: LanguageModel
  ) throws(WorkerError) -> ExecutionLimits {
    guard tokenizer.vocabularySize <= language.hyperparameters.vocabularySize else {
      throw WorkerError(
        .invalidModel,
        "The model's vocabulary has \(tokenizer.vocabularySize) tokens, but its matrices only "
          + "\(language.hyperparameters.vocabularySize).")
    }
    return limits(
      for: current, contextLength: contextLength(for: current, trained: language.hyperparameters.contextLength))
  }

  func finishLoad(
    _ current: Load, _ file: GGUFFile, _ tokenizer: Tokenizer, _ format: PromptFormat, _ executor: any Executor
  ) throws(WorkerError) {
    guard let bytes = current.bytes else { return }
    let (language, limits) = (executor.model, executor.limits)
    let threads = threads(for: current)
    let cost: MemoryCost
    do throws(ModelError) {
      cost = try LanguageModel.memoryCost(of: file, limits: limits, threads: threads)
    } catch {
      throw WorkerError(error)
    }
    let now = host.now()
    let info = ModelInfo(
      model: current.entry?.id ?? current.command.model, name: modelName(file),
      architecture: language.hyperparameters.architecture, parameters: parameterCount(file),
      vocabularySize: language.hyperparameters.vocabularySize, contextLength: limits.contextLength,
      trainedContextLength: language.hyperparameters.contextLength, hasChatTemplate: format.hasTemplate,
      generates: language.hyperparameters.generates, pooling: language.hyperparameters.pooling,
      embeddingLength: language.embeddingLength,
      weightBytes: UInt64(cost.weights), workingBytes: UInt64(cost.working), threads: threads,
      loadMilliseconds: now - current.arrival, device: executor.isOnDevice ? .gpu : .cpu,
      deviceName: current.card?.name ?? "", deviceNote: current.deviceNote,
      // What writes no replies needs no template.
      warning: (language.hyperparameters.generates ? tokenizer.warning(of: file) : tokenizer.warning) ?? "")
    scheduler.capacity = limits.sequences
    let loaded = LoadedModel(
      command: current.command, entry: current.entry, info: info, bytes: bytes, tokenizer: tokenizer, format: format,
      executor: executor)
    model = loaded
    load?.tracker.ready(now: now)
    reportProgress()
    load = nil
    reduce(.loaded(model: info.model))
    for request in current.requests { host.emit(.loaded(request, info)) }
    // Nobody asked for one that only changed the device.
    if current.requests.isEmpty { host.emit(.loaded(0, info)) }
    resumeInterrupted(on: loaded)
  }

  /// The thread team of this size; kept from the load before if it has it.
  private func team(of count: Int) throws(ModelError) -> ThreadTeam {
    if let team, team.count == count { return team }
    team = nil
    let made = try ThreadTeam(count: count)
    team = made
    return made
  }

  func threads(for load: Load) -> Int {
    load.command.threads == 0 ? host.defaultThreads : Int(min(load.command.threads, 64))
  }

  private func modelName(_ file: GGUFFile) -> String {
    guard let name = try? file.string("general.name") else { return "" }
    return String(decoding: name, as: UTF8.self)
  }

  private func parameterCount(_ file: GGUFFile) -> UInt64 {
    file.tensors.reduce(0) { $0 &+ $1.shape.reduce(1) { $0 &* UInt64(clamping: $1) } }
  }
}

extension WorkerError {
  init(_ error: GGUFError) {
    self.init(error.kind == .unsupportedFormat ? .unsupportedModel : .invalidModel, error.message)
  }
}
