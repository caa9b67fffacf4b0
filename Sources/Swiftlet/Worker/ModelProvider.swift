import Foundation
import WorkerCore

/// Where a worker's models come from: turns a name into files on this machine.
public struct ModelProvider: Sendable {
  /// What is done about a fetch's progress: bytes that are there, bytes in all (0 when not known), one line for people.
  public typealias Progress = @Sendable (_ received: UInt64, _ total: UInt64, _ text: String?) -> Void

  let files: @Sendable (FetchRequest, @escaping Progress) async throws -> [URL]

  /// - Parameter files: brings a model and names its files, in the order of its parts. Errors that are no ``WorkerError``,
  ///   ``DownloadError`` or `CancellationError` count as `downloadFailed`. Must heed cancellation of its task.
  public init(files: @escaping @Sendable (FetchRequest, @escaping Progress) async throws -> [URL]) {
    self.files = files
  }

  /// Paths, the hub's cache, the hub, and the second source of models that have one.
  public static func hub(_ configuration: HubConfiguration = HubConfiguration()) -> ModelProvider {
    ModelProvider { request, progress in
      let plan = try await ModelResolver(configuration: configuration).resolve(request.model)
      // The size tells whether the model fits, before its first byte is asked for.
      if let size = plan.size, plan.localFiles == nil { progress(0, size, nil) }
      return try await ModelDownloader(configuration: configuration).fetch(plan) {
        progress($0.bytes, $0.totalBytes, $0.text)
      }
    }
  }
}

extension WorkerError {
  /// Any error as a worker's error; those that have a code keep it.
  public init(_ error: any Error) {
    switch error {
    case let error as WorkerError: self = error
    case let error as DownloadError: self = error.workerError
    case is CancellationError: self.init(.cancelled, "The request was cancelled.")
    default: self.init(.downloadFailed, error.localizedDescription)
    }
  }
}
