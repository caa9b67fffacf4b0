import Observation
import WorkerCore

/// The state of the model for a user interface, and what can be done about it.
///
/// Every property is observed on its own, with Observation (SwiftUI) or ``values(of:)``: whoever uses one hears nothing
/// when another changes, nor when a value is replaced by an equal one.
@Observable
@MainActor
public final class ModelStore {
  /// The model that is loading or ready, or whose load failed.
  public private(set) var currentModel: String?
  public private(set) var isLoading = false
  /// 0…1 over the whole load.
  public private(set) var downloadProgress = 0.0
  public private(set) var loadingStep = LoadingStep.idle
  /// Why the last load failed.
  public private(set) var error: WorkerError?
  public private(set) var availableModels: [CatalogModel] = []

  @ObservationIgnored private let manager: InferenceManager
  @ObservationIgnored private var observers: [Int: (ModelState) -> Void] = [:]
  @ObservationIgnored private var nextObserver = 0
  @ObservationIgnored private var shown: InferenceManager.NumberedState
  /// Who waits until a state of at least this number is shown.
  @ObservationIgnored private var waiters: [(number: Int, continuation: CheckedContinuation<Void, Never>)] = []
  @ObservationIgnored private var updates: Task<Void, Never>?

  public init(manager: InferenceManager = .shared) {
    self.manager = manager
    shown = manager.numberedState
    show(shown.state)
    let states = manager.numberedStates
    updates = Task { [weak self] in
      for await state in states {
        guard let self else { return }
        apply(state)
      }
    }
  }

  deinit {
    updates?.cancel()
  }

  /// Loads a model in place of the one that is loaded or loading. What becomes of it is in the store's properties.
  public func loadModel(_ model: String, contextLength: Int? = nil) async {
    // The error is in the state already, and a load that was cancelled is none.
    _ = try? await manager.initialize(model, contextLength: contextLength)
    await caughtUp()
  }

  /// Stops a load that is under way. What was downloaded is kept for the next time.
  public func cancelDownload() {
    manager.cancelLoad()
  }

  /// Frees the model and clears an error.
  public func resetModel() async {
    await manager.unload()
    await caughtUp()
  }

  /// The value that a selector takes from the state: now, and whenever it becomes another.
  public func values<Value: Equatable & Sendable>(
    of selector: @escaping (ModelState) -> Value
  ) -> AsyncStream<Value> {
    let (stream, continuation) = AsyncStream.makeStream(of: Value.self)
    let id = nextObserver
    nextObserver += 1
    var last = selector(shown.state)
    continuation.yield(last)
    observers[id] = { state in
      let value = selector(state)
      guard value != last else { return }
      last = value
      continuation.yield(value)
    }
    continuation.onTermination = { [weak self] _ in
      Task { @MainActor in self?.observers[id] = nil }
    }
    return stream
  }

  /// Returns when the store shows what the manager's state is now.
  private func caughtUp() async {
    let number = manager.numberedState.number
    guard shown.number < number else { return }
    await withCheckedContinuation { waiters.append((number, $0)) }
  }

  private func apply(_ state: InferenceManager.NumberedState) {
    shown = state
    show(state.state)
    for observer in observers.values { observer(state.state) }
    let reached = waiters.filter { $0.number <= state.number }
    waiters.removeAll { $0.number <= state.number }
    for waiter in reached { waiter.continuation.resume() }
  }

  /// Writes only what differs: writing an equal value would wake its observers.
  private func show(_ state: ModelState) {
    if currentModel != state.currentModel { currentModel = state.currentModel }
    if isLoading != state.isLoading { isLoading = state.isLoading }
    if downloadProgress != state.downloadProgress { downloadProgress = state.downloadProgress }
    if loadingStep != state.loadingStep { loadingStep = state.loadingStep }
    if error != state.error { error = state.error }
    if availableModels != state.availableModels { availableModels = state.availableModels }
  }
}
