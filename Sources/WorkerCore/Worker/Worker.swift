import InferenceCore

/// The worker: a state machine that loads models and generates text, one slice of work at a time.
///
/// A shell feeds it commands (``receive(_:)``) and what becomes of the bytes it asked for (``fetchProgressed(_:received:total:)``
/// and its neighbours), calls ``step()`` as long as that returns true, and forwards the events. The worker starts no
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

  /// Requests that wait for the model, oldest first.
  var queue: [Waiting] = []
  /// The generation request whose prompt is being put together.
  var preparation: Preparation?
  /// The generation request that runs.
  var generation: Generation?

  /// What is kept between visits of the conversation whose request ran last; nil when it has no name.
  var prefix: Prefix?
  var nextPrefixFile: PrefixFileID = 1

  /// A request that came while a model was loading or another request was running.
  struct Waiting {
    enum Work {
      case generate(GenerationCommand)
      case tokenize(TokenizeCommand)
      case detokenize([TokenID])
      case applyTemplate(ChatInput)
    }

    let id: RequestID
    let work: Work
    /// When it came, by the host's clock.
    let time: Double
  }

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
    case .forget(let conversation): forget(conversation)
    }
  }

  /// Does one slice of work: a piece of loading, an attempt at a prompt, one chunk of it, or one token; when nobody waits, a piece of what is
  /// kept of the last conversation.
  ///
  /// - Returns: whether there is more to do right now. When not, the next call that changes something is a command or a
  ///   report about a fetch or a
  ///   file.
  public func step() -> Bool {
    if load?.bytes != nil {
      stepLoad()
    } else if isRecalling {
      stepRecall()
    } else if generation != nil {
      recheckKernels()
      if generation != nil { stepGeneration() }
    } else if let model, preparation != nil {
      stepPreparation(model)
    } else if let model, !queue.isEmpty {
      let next = queue.removeFirst()
      begin(next, on: model)
    } else {
      stepKeep()
    }
    if load?.bytes != nil { return true }
    if generation != nil { return !isRecalling || !waitsForPrefix }
    return model != nil && (preparation != nil || !queue.isEmpty || hasPrefixToKeep)
  }

  // MARK: Requests

  private func enqueue(_ id: RequestID, _ work: Waiting.Work) {
    guard model != nil || load != nil else {
      host.emit(.failed(id, WorkerError(.noModel, "No model is loaded. Load one first.")))
      return
    }
    queue.append(Waiting(id: id, work: work, time: host.now()))
  }

  /// Short requests do not wait for a running generation, only for a load.
  private func answerOrEnqueue(_ id: RequestID, _ work: Waiting.Work) {
    if let model {
      begin(Waiting(id: id, work: work, time: host.now()), on: model)
    } else {
      enqueue(id, work)
    }
  }

  private func begin(_ request: Waiting, on model: LoadedModel) {
    let id = request.id
    do throws(WorkerError) {
      switch request.work {
      case .generate(let command):
        try prepare(id, command, receivedAt: request.time, on: model)
      case .tokenize(let command):
        let tokens = model.tokenizer.encode(
          Array(command.text.utf8), addSpecial: command.addSpecial, parseSpecial: command.parseSpecial)
        host.emit(.tokens(id, tokens))
      case .detokenize(let tokens):
        try model.checkTokens(tokens)
        host.emit(.rendered(id, model.text(of: tokens)))
      case .applyTemplate(let chat):
        let prompt = try model.render(chat, date: host.date())
        host.emit(.rendered(id, String(decoding: prompt, as: UTF8.self)))
      }
    } catch {
      host.emit(.failed(id, error))
    }
  }

  private func cancel(_ id: RequestID) {
    if generation?.id == id {
      abortRunning()
    } else if let prepared = preparation, prepared.id == id {
      preparation = nil
      finishAborted(prepared.id)
    } else if let index = queue.firstIndex(where: { $0.id == id }) {
      finishAborted(queue.remove(at: index))
    } else {
      cancelLoad(for: id)
    }
  }

  /// Ends every request with reason `aborted`.
  func abortAll() {
    if generation != nil { abortRunning() }
    if let prepared = preparation {
      preparation = nil
      finishAborted(prepared.id)
    }
    let waiting = queue
    queue = []
    for request in waiting { finishAborted(request) }
  }

  private func finishAborted(_ request: Waiting) {
    if case .generate = request.work {
      finishAborted(request.id)
    } else {
      host.emit(.failed(request.id, WorkerError(.cancelled, "The request was cancelled.")))
    }
  }

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

  /// Frees the loaded model and its bytes.
  func releaseModel() {
    guard let bytes = model?.bytes else { return }
    dropPrefix()
    generation = nil
    preparation = nil
    model = nil
    kernelWatch = nil
    bytes.release()
  }
}
