import Swiftlet
import WorkerCore

extension InferenceManager {
  /// Loads a model as the arguments ask, with a progress bar. Ctrl-C stops the load and ends the command.
  func load(_ model: String, _ arguments: LoadArguments) async throws -> ModelInfo {
    let bar = ProgressBar()
    defer { bar.finish() }
    do {
      return try await Interrupts.handle {
        self.cancelLoad()
      } during: {
        try await initialize(
          model, contextLength: arguments.context, threads: arguments.threads, progress: { bar.update($0) })
      }
    } catch let error as WorkerError where error.code == .cancelled {
      bar.finish()
      Terminal.writeError("Stopped. What was downloaded is kept; the next start goes on from there.\n")
      throw SilentExit(code: Interrupts.exitCode)
    }
  }
}
