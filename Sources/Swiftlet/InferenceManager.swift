import Foundation
import WorkerCore

/// Loads models and generates text, on a worker thread of its own.
///
/// ```swift
/// let manager = InferenceManager.shared
/// try await manager.initialize("quick") { print($0.text) }
/// for try await text in manager.generate([.user("Hello")]) { print(text, terminator: "") }
/// ```
///
/// One model is loaded at a time; requests run one after the other, in the order of the calls. Every error is a
/// ``WorkerError``. Cancelling the task that waits for a load, or that reads a reply, stops the work within one slice.
public final class InferenceManager: Sendable {
  /// The one most programs need.
  public static let shared = InferenceManager()

  let configuration: Configuration
  private let state: Protected<State>

  /// How a manager works.
  public struct Configuration: Sendable {
    /// Where models come from.
    public var provider: ModelProvider
    /// Threads to compute with.
    public var threads: Int
    /// Bytes that a model and its working memory may take; 0 for no limit.
    public var memoryLimit: UInt64
    /// Where the keys and values of conversations with a name are kept between processes; nil keeps none.
    public var conversations: ConversationCache?

    public init(
      provider: ModelProvider = .hub(), threads: Int = Machine.defaultThreadCount,
      memoryLimit: UInt64 = Machine.memoryLimit, conversations: ConversationCache? = ConversationCache()
    ) {
      self.provider = provider
      self.threads = threads
      self.memoryLimit = memoryLimit
      self.conversations = conversations
    }
  }

  private struct State {
    var thread: WorkerThread?
    /// Counts the threads, so that the last words of one that was stopped are recognized as such.
    var generation = 0
    var nextRequest: RequestID = 1
    var model = NumberedState(number: 0, state: ModelState(availableModels: ModelCatalog.models))
    var observers: [Int: @Sendable (NumberedState) -> Void] = [:]
    var nextObserver = 0
  }

  public init(configuration: Configuration = Configuration()) {
    self.configuration = configuration
    state = Protected(State())
  }

  deinit {
    state.withLock { $0.thread?.post(.stop({})) }
  }

  // MARK: The model

  /// Loads a model: fetches what is missing, then builds the engine. It replaces the one that is loaded or loading.
  ///
  /// - Parameters:
  ///   - model: a tier (`quick`, `smart`, `genius`), a catalog id, a path to a `.gguf`, or `org/repo[:quant]`.
  ///   - contextLength: tokens; nil for the usual length of this model.
  ///   - threads: nil for the configuration's.
  ///   - sequences: how many replies may be written together, each with a context of its own; nil for one after the other.
  ///   - progress: called in order, on the worker's thread; never goes back.
  /// - Throws: ``WorkerError``; with code `cancelled` when the task is cancelled or another load takes its place.
  @discardableResult
  public func initialize(
    _ model: String, contextLength: Int? = nil, threads: Int? = nil, sequences: Int? = nil,
    progress: (@Sendable (LoadProgress) -> Void)? = nil
  ) async throws(WorkerError) -> ModelInfo {
    let command = LoadCommand(
      model: model, contextLength: UInt32(clamping: contextLength ?? 0), threads: UInt32(clamping: threads ?? 0),
      sequences: UInt32(clamping: sequences ?? 0))
    let id = newRequest()
    let event = await withTaskCancellationHandler {
      await request(.load(id, command), isCancellable: true) { event in
        if case .progress(let report) = event { progress?(report) }
      }
    } onCancel: {
      post(.cancel(id))
    }
    switch event {
    case .loaded(_, let info): return info
    case .failed(_, let error): throw error
    default: throw Self.unexpected
    }
  }

  /// Stops a load that is under way. What was downloaded is kept for the next time.
  public func cancelLoad() {
    post(.cancelLoad)
  }

  /// Ends all requests and frees the model; the worker stays.
  public func unload() async {
    guard isRunning else { return }
    _ = await request(.unload(newRequest()))
  }

  /// Ends all requests, frees all memory and ends the worker's thread. The next ``initialize(_:contextLength:threads:progress:)``
  /// starts another.
  public func terminate() async {
    await withCheckedContinuation { continuation in
      state.withLock { state in
        guard let thread = state.thread else { return continuation.resume() }
        thread.post(.stop { continuation.resume() })
        state.thread = nil
        state.generation += 1
        show(ModelState(availableModels: ModelCatalog.models), &state)
      }
    }
  }

  /// The state as it is now.
  public var modelState: ModelState { numberedState.state }

  /// The state now and after every change. Of states that nobody reads only the last 64 are kept.
  public var modelStates: AsyncStream<ModelState> {
    let states = numberedStates
    return AsyncStream(bufferingPolicy: .bufferingNewest(64)) { continuation in
      let task = Task {
        for await state in states { continuation.yield(state.state) }
        continuation.finish()
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// A state and how many changes came before it.
  struct NumberedState: Sendable {
    let number: Int
    let state: ModelState
  }

  var numberedState: NumberedState { state.withLock { $0.model } }

  var numberedStates: AsyncStream<NumberedState> {
    let (stream, continuation) = AsyncStream.makeStream(of: NumberedState.self, bufferingPolicy: .bufferingNewest(64))
    let id = state.withLock { state in
      let id = state.nextObserver
      state.nextObserver += 1
      state.observers[id] = { continuation.yield($0) }
      continuation.yield(state.model)
      return id
    }
    continuation.onTermination = { [weak self] _ in self?.state.withLock { $0.observers[id] = nil } }
    return stream
  }

  // MARK: Generating

  /// The reply to a conversation. Its stream throws ``WorkerError``.
  ///
  /// - Parameter conversation: A name for the conversation that stays the same, also in later processes. With one, the
  ///   keys and values of its tokens are kept in the configuration's ``ConversationCache`` after the reply, and are read
  ///   back where they need not be computed again. The reply is the same to the last bit.
  public func generate(
    _ messages: [ChatMessage], options: GenerationOptions = GenerationOptions(), conversation: String? = nil
  ) -> Reply {
    generate(.chat(ChatInput(messages: messages)), options: options, conversation: conversation)
  }

  /// The reply to one question.
  public func generate(_ prompt: String, options: GenerationOptions = GenerationOptions()) -> Reply {
    generate([.user(prompt)], options: options)
  }

  /// The reply to a conversation with tools and template variables, or the continuation of a text or of tokens.
  ///
  /// - Parameter conversation: as for messages.
  public func generate(
    _ input: GenerationInput, options: GenerationOptions = GenerationOptions(), conversation: String? = nil
  ) -> Reply {
    let (stream, continuation) = AsyncThrowingStream.makeStream(of: GenerationEvent.self)
    let record = Reply.Record()
    let id = newRequest()
    let cancel: @Sendable () -> Void = { [weak self] in self?.post(.cancel(id)) }
    // A task that reads and is cancelled.
    continuation.onTermination = { if case .cancelled = $0, !record.hasEnded { cancel() } }
    let handler: WorkerThread.Handler = { event in
      if case .failed(_, let error) = event {
        record.end(.failure(error))
        continuation.finish(throwing: error)
      } else if let event = GenerationEvent(event) {
        record.add(event)
        continuation.yield(event)
        if case .finished = event { continuation.finish() }
      }
    }
    let command = WorkerCommand.generate(
      id, GenerationCommand(input: input, options: options, conversation: conversation ?? ""))
    if !post(command, handler) {
      record.end(.failure(Self.noModel))
      continuation.finish(throwing: Self.noModel)
    }
    return Reply(record: record, stream: stream, cancel: cancel)
  }

  /// Ends every generation request, the running one and those that wait; their streams end. ``Reply/abort()`` ends one.
  public func abort() {
    post(.cancelAll)
  }

  /// Deletes the keys and values that are kept of a conversation; of all conversations when it is nil.
  public func forget(conversation: String?) {
    // Without a name nothing is kept.
    if conversation?.isEmpty == true { return }
    state.withLock { state in
      let thread = state.thread ?? start(&state)
      thread.post(.command(.forget(conversation ?? ""), nil))
    }
  }

  // MARK: Tokens

  /// The tokens of a text.
  public func tokenize(
    _ text: String, addSpecial: Bool = true, parseSpecial: Bool = false
  ) async throws(WorkerError) -> [TokenID] {
    guard isRunning else { throw Self.noModel }
    let command = TokenizeCommand(text: text, addSpecial: addSpecial, parseSpecial: parseSpecial)
    switch await request(.tokenize(newRequest(), command)) {
    case .tokens(_, let tokens): return tokens
    case .failed(_, let error): throw error
    default: throw Self.unexpected
    }
  }

  /// The text of tokens, special ones written out.
  public func detokenize(_ tokens: [TokenID]) async throws(WorkerError) -> String {
    try await rendered(.detokenize(newRequest(), tokens))
  }

  /// A conversation as the model's prompt.
  public func applyTemplate(_ chat: ChatInput) async throws(WorkerError) -> String {
    try await rendered(.applyTemplate(newRequest(), chat))
  }

  /// Sends texts and collects their vectors.
  package func embed(
    _ command: EmbedCommand, _ progress: (@Sendable (Int) -> Void)? = nil
  ) async throws(WorkerError) -> [TextEmbedding] {
    guard isRunning else { throw Self.noModel }
    let made = Protected<[TextEmbedding]>([])
    @Sendable func add(_ event: EmbeddedEvent) {
      made.withLock { $0.append(TextEmbedding(vector: event.vector, tokenCount: event.tokenCount)) }
      progress?(event.index + 1)
    }
    let id = newRequest()
    let answer = await withTaskCancellationHandler {
      await request(.embed(id, command), isCancellable: true) { event in
        if case .embedded(_, let embedded) = event { add(embedded) }
      }
    } onCancel: {
      post(.cancel(id))
    }
    switch answer {
    case .embedded(_, let embedded):
      add(embedded)
      return made.withLock { $0 }
    case .failed(_, let error): throw error
    default: throw Self.unexpected
    }
  }

  private func rendered(_ command: WorkerCommand) async throws(WorkerError) -> String {
    guard isRunning else { throw Self.noModel }
    switch await request(command) {
    case .rendered(_, let text): return text
    case .failed(_, let error): throw error
    default: throw Self.unexpected
    }
  }

  // MARK: The worker

  private static var noModel: WorkerError { WorkerError(.noModel, "No model is loaded. Load one first.") }
  private static var unexpected: WorkerError { WorkerError(.internalError, "The worker gave an unexpected answer.") }

  private var isRunning: Bool { state.withLock { $0.thread != nil } }

  private func newRequest() -> RequestID {
    state.withLock { state in
      defer { state.nextRequest = state.nextRequest == .max ? 1 : state.nextRequest + 1 }
      return state.nextRequest
    }
  }

  /// Sends a command and waits for the event that answers it.
  ///
  /// - Parameters:
  ///   - isCancellable: whether a task that is cancelled already takes the request back at once.
  ///   - intermediate: hears the events before the answer.
  private func request(
    _ command: WorkerCommand, isCancellable: Bool = false, intermediate: @escaping WorkerThread.Handler = { _ in }
  ) async -> WorkerEvent {
    await withCheckedContinuation { continuation in
      let handler: WorkerThread.Handler = { event in
        switch event {
        case .progress, .started, .prompt, .text: intermediate(event)
        case .embedded(_, let embedded) where !embedded.isLast: intermediate(event)
        default: continuation.resume(returning: event)
        }
      }
      state.withLock { state in
        let thread = state.thread ?? start(&state)
        thread.post(.command(command, handler))
      }
      // The cancellation handler may have run before the command was sent.
      guard isCancellable, Task.isCancelled else { return }
      switch command {
      case .load(let id, _), .embed(let id, _): post(.cancel(id))
      default: break
      }
    }
  }

  /// Sends a command if there is a worker.
  @discardableResult
  private func post(_ command: WorkerCommand, _ handler: WorkerThread.Handler? = nil) -> Bool {
    state.withLock { state in
      state.thread?.post(.command(command, handler))
      return state.thread != nil
    }
  }

  private func start(_ state: inout State) -> WorkerThread {
    let generation = state.generation
    let thread = WorkerThread(
      provider: configuration.provider, threads: configuration.threads, memoryLimit: configuration.memoryLimit,
      conversations: configuration.conversations
    ) { [weak self] model in
      self?.state.withLock { state in
        if state.generation == generation { self?.show(model, &state) }
      }
    }
    state.thread = thread
    return thread
  }

  /// Tells observers of a change; with the lock held, so that they hear the changes in their order.
  private func show(_ model: ModelState, _ state: inout State) {
    guard state.model.state != model else { return }
    state.model = NumberedState(number: state.model.number + 1, state: model)
    for observer in state.observers.values { observer(state.model) }
  }
}
