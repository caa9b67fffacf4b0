import InferenceCore

/// What becomes of what a graphics card was asked for.
extension Worker {
  /// One of the kernels can be used.
  public func kernelCompiled() {
    loadingExecutor?.kernelCompiled()
  }

  /// The card has done what it was told with this ticket, and what it was to read has come.
  public func deviceFinished(_ ticket: UInt32) {
    model?.executor.finished(ticket)
  }

  /// The card is lost, or cannot do what it was told: nothing will come from it any more.
  public func deviceFailed(_ message: String) {
    let error = WorkerError(
      .unsupportedPlatform,
      "The graphics card does not compute any longer (\(message)). Load the model again with the processor, or the page anew."
    )
    deviceError = error
    if loadingExecutor != nil { failLoad(error) }
    if model?.executor.isOnDevice == true { unload(failing: error) }
  }

  /// The executor whose kernels a load waits for.
  private var loadingExecutor: GPUExecutor? {
    guard case .kernels(_, _, _, let executor) = load?.stage else { return nil }
    return executor
  }

  /// Whether a load waits for kernels.
  var waitsForKernels: Bool { loadingExecutor.map { !$0.isReady } ?? false }
}
