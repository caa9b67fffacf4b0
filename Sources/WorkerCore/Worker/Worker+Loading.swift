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
    let fetch = nextFetch
    nextFetch &+= 1
    let name = entry?.name ?? command.model
    let tracker = LoadTracker(name: name, now: host.now())
    load = Load(command: command, entry: entry, fetch: fetch, requests: [id], tracker: tracker)
    reduce(.loadRequested(model: entry?.id ?? command.model))
    fail(replaced, WorkerError(.cancelled, "Another model was loaded instead."))
    host.emit(.progress(tracker.progress))
    if let entry, let current = load {
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
    host.emit(.fetch(FetchRequest(id: fetch, model: command.model, entry: entry)))
  }

  private func sameLoad(_ a: LoadCommand, _ b: LoadCommand) -> Bool {
    sameBytes(a.model, b.model) && a.contextLength == b.contextLength && a.threads == b.threads
      && a.sequences == b.sequences
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
    if load?.requests.count == 1 {
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
    let waiting = scheduler.waiting
    scheduler.waiting = []
    reduce(.loadFailed(error))
    fail(failed + waiting.map { $0.id }, error)
  }

  // MARK: Reports about a fetch

  /// `received` of `total` bytes are there, all parts together. Reports about a fetch that was cancelled are ignored.
  ///
  /// - Parameter text: what the shell is doing, for people; nil for the usual words.
  public func fetchProgressed(_ fetch: FetchID, received: UInt64, total: UInt64, text: String? = nil) {
    guard let current = load, current.fetch == fetch, current.bytes == nil else { return }
    do throws(WorkerError) {
      // Weights that do not fit need not arrive before someone is told.
      try checkMemory(
        current, weights: total, working: 0, contextLength: contextLength(for: current, trained: .max),
        limit: host.memoryLimit())
    } catch {
      failLoad(error)
      return
    }
    if load?.tracker.received(received, of: total, text: text, now: host.now()) == true { reportProgress() }
  }

  /// Looks at the beginning of the (first) file before the rest is fetched: is it a model, is its architecture known, does
  /// it fit the memory.
  ///
  /// - Parameters:
  ///   - fileSize: bytes of all parts together.
  ///   - limit: bytes of memory the model may take; 0 for what the host says.
  public func inspectHeader(
    _ fetch: FetchID, prefix: UnsafeRawBufferPointer, fileSize: UInt64, limit: UInt64 = 0
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
      try checkMemory(file, load, fileSize: fileSize, limit: limit == 0 ? host.memoryLimit() : limit)
      do throws(ModelError) { try LanguageModel.check(header: file) } catch { throw WorkerError(error) }
      return .fits
    } catch {
      failLoad(error)
      return .refused
    }
  }

  /// Bytes of memory that the model being fetched needs, as far as its size, its entry in the catalog and `prefix`, the
  /// beginning of the (first) file, tell.
  public func memoryNeed(_ fetch: FetchID, prefix: UnsafeRawBufferPointer, fileSize: UInt64) -> UInt64 {
    guard let load, load.fetch == fetch else { return fileSize }
    if let file = try? GGUFFile.parseHeader(prefix, fileSize: Int64(clamping: fileSize)),
      let trained = try? Hyperparameters(file).contextLength,
      let cost = try? LanguageModel.memoryCost(
        of: file, limits: limits(for: load, contextLength: contextLength(for: load, trained: trained)),
        threads: threads(for: load))
    {
      return max(UInt64(cost.weights), fileSize) + UInt64(cost.working)
    }
    guard let entry = load.entry else { return fileSize }
    return max(entry.fileSize, fileSize) - entry.fileSize
      + entry.memoryNeed(
        contextLength: contextLength(for: load, trained: entry.contextLength) * sequences(for: load))
  }

  /// The bytes are there, complete and verified. The worker gives them back when the model is unloaded.
  public func modelArrived(_ fetch: FetchID, _ bytes: ModelBytes) {
    guard load?.fetch == fetch, load?.bytes == nil else {
      bytes.release()
      return
    }
    load?.isFetching = false
    load?.bytes = bytes
    load?.arrival = host.now()
    load?.tracker.arrived(bytes.count, now: host.now())
    reportProgress()
  }

  /// The bytes could not be got.
  public func fetchFailed(_ fetch: FetchID, _ error: WorkerError) {
    guard load?.fetch == fetch, load?.bytes == nil else { return }
    load?.isFetching = false
    failLoad(error)
  }

  private func reportProgress() {
    guard let progress = load?.tracker.progress else { return }
    host.emit(.progress(progress))
    reduce(.progressed(progress))
  }

  // MARK: Building the engine

  /// One slice of building the engine from the bytes.
  func stepLoad() {
    guard let current = load, let bytes = current.bytes else { return }
    do throws(WorkerError) {
      switch current.stage {
      case .parse:
        let file = try parse(bytes)
        try checkMemory(file, current, fileSize: bytes.count, limit: host.memoryLimit())
        advance(to: .tokenizer(file), 0.2)
      case .tokenizer(let file):
        let tokenizer = try makeTokenizer(file)
        advance(to: .model(file, tokenizer, try PromptFormat(file)), 0.5)
      case .model(let file, let tokenizer, let format):
        let language = try makeModel(file)
        try watchKernels(file, language.hyperparameters)
        advance(to: .context(file, tokenizer, format, language), 0.8)
      case .context(let file, let tokenizer, let format, let language):
        let limits = try limits(for: current, file, tokenizer, language)
        if let deviceError { throw deviceError }
        if let device = host.device {
          let executor = try makeExecutor { () throws(ModelError) in
            try GPUExecutor(model: language, device: device, limits: limits, tokens: tokenizer.vocabularySize)
          }
          advance(to: .kernels(file, tokenizer, format, executor), 0.8)
        } else {
          let threads = threads(for: current)
          let executor = try makeExecutor { () throws(ModelError) in
            try CPUExecutor(model: language, team: try team(of: threads), limits: limits)
          }
          try finishLoad(current, bytes, file, tokenizer, format, executor)
        }
      case .kernels(let file, let tokenizer, let format, let executor):
        try finishLoad(current, bytes, file, tokenizer, format, executor)
      }
    } catch {
      failLoad(error)
    }
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

  private func finishLoad(
    _ current: Load, _ bytes: ModelBytes, _ file: GGUFFile, _ tokenizer: Tokenizer, _ format: PromptFormat,
    _ executor: any Executor
  ) throws(WorkerError) {
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
      weightBytes: UInt64(cost.weights), workingBytes: UInt64(cost.working), threads: threads,
      loadMilliseconds: now - current.arrival)
    scheduler.capacity = limits.sequences
    model = LoadedModel(
      command: current.command, entry: current.entry, info: info, bytes: bytes, tokenizer: tokenizer, format: format,
      executor: executor)
    load?.tracker.ready(now: now)
    reportProgress()
    load = nil
    reduce(.loaded(model: info.model))
    for request in current.requests { host.emit(.loaded(request, info)) }
  }

  /// What the command asks for, or the usual context, but no more than the model was trained for.
  private func contextLength(for load: Load, trained: Int) -> Int {
    let wanted = load.command.contextLength
    let usual = load.entry?.defaultContextLength ?? 4096
    return max(1, min(wanted == 0 ? usual : Int(clamping: wanted), trained))
  }

  /// Most requests that run together.
  private static let mostSequences: UInt32 = 64

  private func limits(for load: Load, contextLength: Int) -> ExecutionLimits {
    let sequences = sequences(for: load)
    return ExecutionLimits(
      contextLength: contextLength, sequences: sequences, logitRows: max(Speculation.logitRows, sequences))
  }

  private func sequences(for load: Load) -> Int { Int(max(1, min(load.command.sequences, Self.mostSequences))) }

  /// Throws `notEnoughMemory` when the model does not fit at its context length.
  private func checkMemory(
    _ file: GGUFFile, _ load: Load, fileSize: UInt64, limit: UInt64
  ) throws(WorkerError) {
    let cost: MemoryCost
    let length: Int
    do throws(ModelError) {
      length = contextLength(for: load, trained: try Hyperparameters(file).contextLength)
      cost = try LanguageModel.memoryCost(
        of: file, limits: limits(for: load, contextLength: length), threads: threads(for: load))
    } catch {
      throw WorkerError(error)
    }
    // Of a split file only the first part's tensors are known before the download.
    let weights = max(UInt64(cost.weights), fileSize)
    // The working memory is one piece, which 32 bits count only up to their half.
    let addressable = weights > .max / 2 ? .max : weights + UInt64(Int.max)
    try checkMemory(
      load, weights: weights, working: UInt64(cost.working), contextLength: length,
      limit: limit == 0 ? addressable : min(limit, addressable))
  }

  /// Throws `notEnoughMemory` when what the model takes is more than the limit; 0 is no limit.
  private func checkMemory(
    _ load: Load, weights: UInt64, working: UInt64, contextLength: Int, limit: UInt64
  ) throws(WorkerError) {
    let (sum, overflow) = weights.addingReportingOverflow(working)
    let need = overflow ? .max : sum
    guard limit > 0, need > limit else { return }
    throw WorkerError(
      .notEnoughMemory,
      "\(load.displayName) needs \(byteText(need)) of memory: \(byteText(weights)) for its weights and "
        + "\(byteText(working)) to work in with a context of \(contextLength) tokens. At most \(byteText(limit)) can be "
        + "used here. Choose a smaller model or a shorter context.",
      need: need, limit: limit)
  }

  /// The thread team of this size; kept from the load before if it has it.
  private func team(of count: Int) throws(ModelError) -> ThreadTeam {
    if let team, team.count == count { return team }
    team = nil
    let made = try ThreadTeam(count: count)
    team = made
    return made
  }

  private func threads(for load: Load) -> Int {
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
