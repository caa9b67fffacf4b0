import InferenceCore

/// Which device computes a model, and what becomes of what a graphics card was asked for.
extension Worker {
  // MARK: Opening

  /// Asks for the graphics card where the load may use it, and for the model's bytes once that is decided.
  func beginLoad() {
    guard let current = load else { return }
    if host.opensDevices, current.command.device != .cpu {
      load?.isOpeningDevice = true
      host.emit(.openDevice(current.fetch, model: current.entry?.id ?? current.command.model))
    } else if current.command.device == .gpu {
      failLoad(WorkerError(.deviceUnavailable, "Only in a browser does a graphics card compute so far."))
    } else {
      beginFetch()
    }
  }

  /// Answers `openDevice`.
  public func deviceOpened(_ fetch: FetchID, _ card: GraphicsCard) {
    guard let current = load, current.fetch == fetch, current.isOpeningDevice else { return }
    load?.isOpeningDevice = false
    if current.command.device == .auto, card.isSoftware {
      load?.deviceNote = "This browser has no graphics card, only a program that plays its part."
    } else if current.command.device == .auto, card.remembered == .cpu {
      load?.deviceNote = "The processor is faster here than \(card.name)."
    } else {
      load?.card = card
    }
    beginFetch()
  }

  /// Answers `openDevice` where there is none.
  public func deviceUnavailable(_ fetch: FetchID, _ reason: String) {
    guard let current = load, current.fetch == fetch else { return }
    load?.isOpeningDevice = false
    guard current.command.device == .auto else {
      return failLoad(WorkerError(.deviceUnavailable, reason + Self.advice))
    }
    load?.deviceNote = reason
    beginFetch()
  }

  // MARK: Computing

  /// One of the kernels can be used.
  public func kernelCompiled() {
    guard case .kernels(_, _, _, let executor) = load?.stage else { return }
    let (count, left) = (executor.kernelCount, executor.kernelsLeft)
    load?.tracker.built(
      0.9 - 0.3 * Double(left) / Double(max(count, 1)), "\(count - left) of \(count) kernels", now: host.now())
    reportProgress()
  }

  /// The card has done what it was told with this ticket, and what it was to read has come.
  public func deviceFinished(_ ticket: UInt32) {
    if case .trial(_, _, _, _, let trial) = load?.stage { trial.finished(ticket) }
    model?.executor.finished(ticket)
  }

  /// Whether the load waits for the card.
  var waitsForDevice: Bool {
    switch load?.stage {
    case .kernels(_, _, _, let executor): !executor.isReady
    case .trial(_, _, _, _, let trial): !trial.isReady
    default: false
    }
  }

  /// A slice of the card's trial.
  ///
  /// - Returns: whether there is nothing to do until the card is ready.
  func stepTrial(_ trial: DeviceTrial) throws(WorkerError) -> Bool {
    let progress: DeviceTrial.Progress
    do throws(ModelError) {
      progress = try trial.advance()
    } catch {
      deviceIsUntried(error)
      return false
    }
    guard let current = load, case .trial(let file, let tokenizer, let format, let executor, _) = current.stage else {
      return false
    }
    switch progress {
    case .again: return false
    case .waiting: return true
    case .wrong(let part):
      let percent = Int(min(part, 10) * 100)
      deviceIsUnfit(
        .deviceUnavailable, "\(current.cardName) computes this model wrongly (by \(percent) %), so it is not used.")
    case .passed(let gpu, let cpu):
      let isMeasured = gpu > 0
      let model = current.entry?.id ?? current.command.model
      if isMeasured { host.emit(.rememberDevice(gpu <= cpu ? .gpu : .cpu, model: model)) }
      if isMeasured, gpu > cpu {
        fallBack("The processor is faster here than \(current.cardName).")
      } else {
        try finishLoad(current, file, tokenizer, format, executor)
      }
    }
    return false
  }

  // MARK: Failing

  /// The card cannot go on: nothing will come from it any more.
  public func deviceFailed(_ failure: DeviceFailure, _ message: String) {
    let reason = failure.reason(message)
    if load?.card != nil { deviceIsUnfit(failure.code, reason) }
    guard let model, model.executor.isOnDevice else { return }
    if model.command.device == .auto {
      goOn(model, note: reason + " The processor goes on.")
    } else {
      unload(failing: WorkerError(failure.code, reason + Self.advice))
    }
  }

  /// The card cannot take the model being loaded: the processor does where that is wanted.
  func deviceIsUnfit(_ code: WorkerError.Code, _ reason: String) {
    if load?.command.device == .auto { fallBack(reason) } else { failLoad(WorkerError(code, reason + Self.advice)) }
  }

  /// The trial itself failed.
  func deviceIsUntried(_ error: ModelError) {
    deviceIsUnfit(WorkerError(error).code, "The graphics card could not be tried: \(error.message)")
  }

  private static var advice: String { " The processor can compute this model." }

  /// Begins the load again, for the processor.
  ///
  /// - Parameter note: Why.
  func fallBack(_ note: String) {
    guard let current = load else { return }
    if current.isFetching { host.emit(.cancelFetch(current.fetch)) }
    current.bytes?.release()
    begin(current.command, current.entry, requests: current.requests, tracker: current.tracker, note: note)
  }

  /// Loads a model again for the processor, which reads the running requests once more and goes on with their replies.
  private func goOn(_ model: LoadedModel, note: String) {
    while !scheduler.conversions.isEmpty { stepConversion() }
    if let preparation = scheduler.preparation {
      scheduler.waiting.insert(
        Request(id: preparation.id, work: .generate(preparation.command), time: preparation.received), at: 0)
    }
    var interrupted = scheduler.running
    for index in interrupted.indices { interrupted[index].interrupt() }
    releaseModel()
    scheduler.interrupted = interrupted
    let tracker = LoadTracker(name: model.entry?.name ?? model.command.model, now: host.now())
    reduce(.loadRequested(model: model.info.model))
    begin(model.command, model.entry, requests: [], tracker: tracker, note: note)
    load?.goesOnAlone = true
  }

  private func begin(
    _ command: LoadCommand, _ entry: CatalogModel?, requests: [RequestID], tracker: LoadTracker, note: String
  ) {
    load = Load(command: command, entry: entry, fetch: takeFetch(), requests: requests, tracker: tracker)
    load?.deviceNote = note
    host.emit(.progress(tracker.progress))
    beginFetch()
  }

  /// Goes on with the replies that a lost card interrupted.
  func resumeInterrupted(on model: LoadedModel) {
    let interrupted = scheduler.interrupted
    scheduler.interrupted = []
    for var generation in interrupted {
      let (sequence, cached) = model.sequence(
        for: generation.reading, upTo: generation.reading.count - 1, besides: scheduler.busy)
      generation.beginAgain(on: sequence, cached: cached)
      generation.reply.goOn(with: model.tokenizer)
      scheduler.running.append(generation)
    }
  }
}

/// Why a graphics card cannot go on.
public enum DeviceFailure: Sendable {
  case lost
  case memory
  /// One of the kernels cannot be compiled for it.
  case kernel

  var code: WorkerError.Code {
    switch self {
    case .lost: .deviceLost
    case .memory: .outOfMemory
    case .kernel: .deviceUnavailable
    }
  }

  func reason(_ message: String) -> String {
    switch self {
    case .lost: "The graphics card has stopped computing (\(message))."
    case .memory: "The graphics card has no room for this model with this context (\(message))."
    case .kernel: "The graphics card cannot be told what to compute: \(message)."
    }
  }
}

extension Load {
  fileprivate var cardName: String {
    guard let name = card?.name, !name.utf8.isEmpty else { return "The graphics card" }
    return name
  }
}
