import Testing
import WorkerCore

@Suite struct ModelStateTests {
  private static let failure = WorkerError(.offline, "No network.")

  private static func progress(_ fraction: Double, _ step: LoadingStep = .downloading) -> ModelAction {
    .progressed(
      LoadProgress(progress: fraction, bytes: 0, totalBytes: 0, timeElapsed: 0, remaining: nil, step: step, text: ""))
  }

  /// Actions, and the state they lead to from the beginning.
  static let table: [(name: String, actions: [ModelAction], state: ModelState)] = [
    ("nothing", [], ModelState()),
    (
      "a load begins", [.loadRequested(model: "a")],
      ModelState(currentModel: "a", isLoading: true, loadingStep: .downloading)
    ),
    (
      "bytes arrive", [.loadRequested(model: "a"), progress(0.25)],
      ModelState(currentModel: "a", isLoading: true, downloadProgress: 0.25, loadingStep: .downloading)
    ),
    (
      "progress does not go back", [.loadRequested(model: "a"), progress(0.25), progress(0.125)],
      ModelState(currentModel: "a", isLoading: true, downloadProgress: 0.25, loadingStep: .downloading)
    ),
    (
      "progress stays below 1", [.loadRequested(model: "a"), progress(7)],
      ModelState(currentModel: "a", isLoading: true, downloadProgress: 1, loadingStep: .downloading)
    ),
    (
      "the engine is built", [.loadRequested(model: "a"), progress(0.96, .compiling), progress(0.97)],
      ModelState(currentModel: "a", isLoading: true, downloadProgress: 0.97, loadingStep: .compiling)
    ),
    (
      "ready under its catalog name", [.loadRequested(model: "quick"), .loaded(model: "smollm2")],
      ModelState(currentModel: "smollm2", downloadProgress: 1, loadingStep: .ready)
    ),
    (
      "failed, and what it had reached stays", [.loadRequested(model: "a"), progress(0.5), .loadFailed(failure)],
      ModelState(currentModel: "a", downloadProgress: 0.5, loadingStep: .error, error: failure)
    ),
    (
      "the next load clears the error",
      [.loadRequested(model: "a"), .loadFailed(failure), .loadRequested(model: "b")],
      ModelState(currentModel: "b", isLoading: true, loadingStep: .downloading)
    ),
    ("cancelled", [.loadRequested(model: "a"), progress(0.5), .loadCancelled], ModelState()),
    ("unloaded", [.loadRequested(model: "a"), .loaded(model: "a"), .unloaded], ModelState()),
    (
      "a model that cannot go on says why", [.loadRequested(model: "a"), .loaded(model: "a"), .modelFailed(failure)],
      ModelState(currentModel: "a", downloadProgress: 1, loadingStep: .error, error: failure)
    ),
    ("a model that is not there cannot fail", [.modelFailed(failure)], ModelState()),
    ("an error is cleared", [.loadRequested(model: "a"), .loadFailed(failure), .unloaded], ModelState()),
    (
      "what comes late changes nothing",
      [.loadRequested(model: "a"), .loaded(model: "a"), progress(0.1), .loadFailed(failure), .loadCancelled],
      ModelState(currentModel: "a", downloadProgress: 1, loadingStep: .ready)
    ),
    (
      "what comes without a load changes nothing", [progress(0.5), .loaded(model: "a"), .loadFailed(failure)],
      ModelState()
    ),
  ]

  @Test func theListOfModelsStays() {
    let list = [ModelCatalog.quick]
    for row in Self.table {
      var state = ModelState(availableModels: list)
      for action in row.actions { state.reduce(action) }
      #expect(state.availableModels == list, "\(row.name)")
    }
  }

  @Test func actionsLeadToTheirStates() {
    for row in Self.table {
      var state = ModelState()
      for action in row.actions { state.reduce(action) }
      #expect(state == row.state, "\(row.name)")
    }
  }
}
