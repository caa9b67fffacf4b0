import InferenceCore

/// The worker: a state machine that loads models and generates text, one slice of work at a time.
///
/// A shell feeds it commands (``receive(_:)``) and what becomes of the bytes it asked for (``fetchProgressed(_:received:total:)``
/// and its neighbours), calls ``step()`` as long as there is more to do, and forwards the events. The worker starts no
/// threads of its own beyond the model's thread team, sleeps never, and is not thread-safe: everything happens on the
/// caller's thread.
public final class Worker {
  let host: WorkerHost
  var state: ModelState

  /// The load under way.
  var load: Load?
  var nextFetch: FetchID = 1
  var team: ThreadTeam?
  var model: LoadedModel?
  var kernelWatch: KernelWatch?
  /// How often kernels were found wrong and replaced by simpler ones.
  public internal(set) var kernelChanges = 0

  /// The requests on their way.
  var scheduler = Scheduler()

  /// What is kept between visits of the conversation whose request ran last; nil when it has no name.
  var prefix: Prefix?
  var nextPrefixFile: PrefixFileID = 1

  /// - Parameter catalog: the models that ``ModelState/availableModels`` shows and that names are looked up in.
  public init(host: WorkerHost, catalog: [CatalogModel] = ModelCatalog.models) {
    self.host = host
    state = ModelState(availableModels: catalog)
  }

  deinit {
    releaseModel()
    load?.bytes?.release()
  }

  /// Says the initial state. Call once, before the first command.
  public func start() {
    host.emit(.state(state))
  }

  /// Takes a command. Short ones are done at once, long ones by the following calls of ``step()``.
  public func receive(_ command: WorkerCommand) {
    switch command {
    case .load(let id, let command): receiveLoad(id, command)
    case .cancelLoad: cancelLoad()
    case .unload(let id): unload(id)
    case .generate(let id, let command): enqueue(id, .generate(command))
    case .cancel(let id): cancel(id)
    case .cancelAll: abortAll()
    case .tokenize(let id, let command): answerOrEnqueue(id, .tokenize(command))
    case .detokenize(let id, let tokens): answerOrEnqueue(id, .detokenize(tokens))
    case .applyTemplate(let id, let chat): answerOrEnqueue(id, .applyTemplate(chat))
    case .embed(let id, let command): enqueue(id, .embed(command))
    case .forget(let conversation): forget(conversation)
    }
  }

  /// What follows a slice of work.
  public enum Activity: Int32, Sendable {
    /// Nothing is left to do; the next call that changes something is a command, or a report about a fetch.
    case idle = 0
    /// There is more to do right now.
    case again = 1
    /// There is more to do, once the shell has reported about a file or a device.
    case waiting = 2
  }

  /// Does one slice of work: a piece of loading, an attempt at a prompt, a part of a pass over what the running requests
  /// have for the model; when nobody waits, a piece of what is kept of the last conversation.
  @discardableResult
  public func step() -> Activity {
    if load?.bytes != nil {
      return waitsForDevice || stepLoad() ? .waiting : .again
    }
    guard let model else { return .idle }
    if isRecalling {
      stepRecall()
      if isRecalling, waitsForPrefix { return .waiting }
    } else if scheduler.takeTextsTurn() {
      stepConversion()
    } else if let next = scheduler.next() {
      begin(next, on: model)
    } else if scheduler.embedding != nil {
      recheckKernels()
      if let model = self.model { stepEmbedding(model) }
    } else if scheduler.hasRoom, scheduler.preparation != nil {
      stepPreparation(model)
    } else if !scheduler.running.isEmpty {
      recheckKernels()
      if let model = self.model, !scheduler.running.isEmpty, stepPass(model) == .waiting { return .waiting }
    } else if stepKeep() {
      return .waiting
    }
    return load?.bytes != nil || (self.model != nil && (scheduler.hasWork || hasPrefixToKeep)) ? .again : .idle
  }

  // MARK: Requests

  private func enqueue(_ id: RequestID, _ work: Request.Work) {
    guard model != nil || load != nil else {
      host.emit(.failed(id, WorkerError(.noModel, "No model is loaded. Load one first.")))
      return
    }
    scheduler.waiting.append(Request(id: id, work: work, time: host.now()))
  }

  /// Short requests do not wait for a running generation, only for a load.
  private func answerOrEnqueue(_ id: RequestID, _ work: Request.Work) {
    if let model {
      begin(Request(id: id, work: work, time: host.now()), on: model)
    } else {
      enqueue(id, work)
    }
  }

  private func begin(_ request: Request, on model: LoadedModel) {
    let id = request.id
    do throws(WorkerError) {
      switch request.work {
      case .generate(let command):
        try model.checkGenerates()
        try prepare(id, command, receivedAt: request.time, on: model)
      case .embed(let command):
        scheduler.embedding = try Embedding(id, command, on: model)
      case .tokenize(let command):
        guard command.text.utf8.count <= Self.longestText else { throw Self.tooLong(bytes: command.text.utf8.count) }
        let encoding = TextEncoding(
          Array(command.text.utf8), addSpecial: command.addSpecial, parseSpecial: command.parseSpecial,
          tokenizer: model.tokenizer)
        begin(Conversion(id: id, work: .tokens(encoding)))
      case .detokenize(let tokens):
        try model.checkTokens(tokens)
        host.emit(.rendered(id, model.text(of: tokens)))
      case .applyTemplate(let chat):
        let rendering = try PromptRendering(
          chat, model.format, tokenizer: model.tokenizer, date: host.date())
        begin(Conversion(id: id, work: .prompt(rendering)))
      }
    } catch {
      host.emit(.failed(id, error))
    }
  }

  /// Bytes of the longest text to tokenize: one long word takes sixty times as much memory on the way.
  static let longestText = 4 << 20

  static func tooLong(bytes: Int) -> WorkerError {
    WorkerError(
      .invalidRequest,
      "The text has \(bytes) bytes; at most \(longestText) are tokenized at a time. Send it in parts, cut between words."
    )
  }

  /// Answers at once where one slice is enough.
  private func begin(_ conversion: Conversion) {
    scheduler.conversions.append(conversion)
    if scheduler.conversions.count == 1 { stepConversion() }
  }

  /// A slice of the oldest text that is being tokenized or rendered.
  func stepConversion() {
    let current = scheduler.conversions.removeFirst()
    do throws(WorkerError) {
      if let answer = try current.advance() {
        host.emit(answer)
      } else {
        scheduler.conversions.insert(current, at: 0)
      }
    } catch {
      host.emit(.failed(current.id, error))
    }
  }

  private func cancel(_ id: RequestID) {
    if let running = scheduler.remove(running: id) {
      abort(running)
    } else if scheduler.preparation?.id == id {
      scheduler.preparation = nil
      finishAborted(id)
    } else if scheduler.embedding?.id == id {
      endEmbedding(Self.cancelled)
    } else if let index = scheduler.conversions.firstIndex(where: { $0.id == id }) {
      host.emit(.failed(scheduler.conversions.remove(at: index).id, Self.cancelled))
    } else if let index = scheduler.waiting.firstIndex(where: { $0.id == id }) {
      finishAborted(scheduler.waiting.remove(at: index))
    } else {
      cancelLoad(for: id)
    }
  }

  /// Ends every request with reason `aborted`.
  func abortAll() {
    endEmbedding(Self.cancelled)
    let (running, preparation, conversions, waiting) = scheduler.clear()
    for generation in running { abort(generation) }
    if let preparation { finishAborted(preparation.id) }
    for text in conversions { host.emit(.failed(text.id, Self.cancelled)) }
    for request in waiting { finishAborted(request) }
  }

  private func finishAborted(_ request: Request) {
    if case .generate = request.work {
      finishAborted(request.id)
    } else {
      host.emit(.failed(request.id, Self.cancelled))
    }
  }

  private static var cancelled: WorkerError { WorkerError(.cancelled, "The request was cancelled.") }

  /// Ends a generation request that has not begun.
  private func finishAborted(_ id: RequestID) {
    let timings = Timings(loadMilliseconds: model?.info.loadMilliseconds ?? 0)
    host.emit(.finished(id, FinishedEvent(reason: .aborted, timings: timings)))
  }

  // MARK: State

  func reduce(_ action: ModelAction) {
    state.reduce(action)
    host.emit(.state(state))
  }

  /// Frees a model that cannot go on, and ends every request with the reason.
  func unload(failing error: WorkerError) {
    endEmbedding(error)
    let (running, preparation, conversions, waiting) = scheduler.clear()
    releaseModel()
    reduce(.modelFailed(error))
    let begun = running.map { $0.id } + (preparation.map { [$0.id] } ?? [])
    for id in begun + conversions.map({ $0.id }) + waiting.map({ $0.id }) { host.emit(.failed(id, error)) }
  }

  /// Frees the loaded model and its bytes.
  func releaseModel() {
    guard let bytes = model?.bytes else { return }
    dropPrefix()
    (scheduler.running, scheduler.preparation, scheduler.conversions, scheduler.parts) = ([], nil, [], [])
    model = nil
    kernelWatch = nil
    bytes.release()
  }
}
