import Swiftlet
import WorkerCore

extension InferenceManager {
  /// Loads a model as the arguments ask, with a progress bar. Ctrl-C stops the load and ends the command.
  func load(_ model: String, _ arguments: LoadArguments) async throws -> ModelInfo {
    let bar = ProgressBar()
    defer { bar.finish() }
    do {
      let info = try await Interrupts.handle {
        self.cancelLoad()
      } during: {
        try await initialize(
          model, contextLength: arguments.context, threads: arguments.threads, progress: { bar.update($0) })
      }
      bar.finish()
      warn(info.warning)
      return info
    } catch let error as WorkerError where error.code == .cancelled {
      bar.finish()
      Terminal.writeError("Stopped. What was downloaded is kept; the next start goes on from there.\n")
      throw SilentExit(code: Interrupts.exitCode)
    }
  }
}

/// Says on standard error what may make answers worse than they should be.
func warn(_ warning: String?) {
  guard let warning, !warning.isEmpty else { return }
  Terminal.writeError("Warning: \(warning)\n")
}
