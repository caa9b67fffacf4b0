/// What a user interface shows about the model: the same in the page, the terminal and a Swift program.
public struct ModelState: Equatable, Sendable {
  /// The model that is loading or ready, or whose load failed.
  public var currentModel: String?
  public var isLoading: Bool
  /// 0…1 over the whole load.
  public var downloadProgress: Double
  public var loadingStep: LoadingStep
  /// Why the last load failed, or the model that was ready.
  public var error: WorkerError?
  public var availableModels: [CatalogModel]

  public init(
    currentModel: String? = nil, isLoading: Bool = false, downloadProgress: Double = 0,
    loadingStep: LoadingStep = .idle, error: WorkerError? = nil, availableModels: [CatalogModel] = []
  ) {
    self.currentModel = currentModel
    self.isLoading = isLoading
    self.downloadProgress = downloadProgress
    self.loadingStep = loadingStep
    self.error = error
    self.availableModels = availableModels
  }
}

/// Something that changes ``ModelState``.
public enum ModelAction: Equatable, Sendable {
  case loadRequested(model: String)
  case progressed(LoadProgress)
  case loaded(model: String)
  case loadFailed(WorkerError)
  case loadCancelled
  /// The model that was ready cannot go on.
  case modelFailed(WorkerError)
  case unloaded
}

extension ModelState {
  /// The reducer: the state after an action. Actions that make no sense in this state change nothing.
  public mutating func reduce(_ action: ModelAction) {
    switch action {
    case .loadRequested(let model):
      currentModel = model
      isLoading = true
      downloadProgress = 0
      loadingStep = .downloading
      error = nil
    case .progressed(let progress):
      guard isLoading else { return }
      downloadProgress = max(downloadProgress, min(progress.progress, 1))
      if progress.step == .compiling { loadingStep = .compiling }
    case .loaded(let model):
      guard isLoading else { return }
      currentModel = model
      isLoading = false
      downloadProgress = 1
      loadingStep = .ready
    case .loadFailed(let failure):
      guard isLoading else { return }
      isLoading = false
      loadingStep = .error
      error = failure
    case .loadCancelled:
      guard isLoading else { return }
      reset()
    case .modelFailed(let failure):
      guard loadingStep == .ready else { return }
      loadingStep = .error
      error = failure
    case .unloaded:
      reset()
    }
  }

  private mutating func reset() {
    self = ModelState(availableModels: availableModels)
  }
}
