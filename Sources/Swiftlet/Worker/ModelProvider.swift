import Foundation
import WorkerCore

/// Where a worker's models come from: turns a name into files on this machine.
public struct ModelProvider: Sendable {
  /// How far a fetch has come.
  public struct Report: Sendable {
    /// Bytes that are there, all parts together.
    public var received: UInt64
    /// Bytes in all; 0 when not known.
    public var total: UInt64
    /// What is being done, for people; nil for the usual words.
    public var text: String?
    /// A file whose bytes so far are the beginning of the model's (first) file, for a look at its header.
    public var beginning: URL?

    public init(received: UInt64, total: UInt64, text: String? = nil, beginning: URL? = nil) {
      self.received = received
      self.total = total
      self.text = text
      self.beginning = beginning
    }
  }

  public typealias Progress = @Sendable (Report) -> Void

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
      if let size = plan.size, plan.localFiles == nil { progress(Report(received: 0, total: size)) }
      let downloader = ModelDownloader(configuration: configuration)
      let beginning = plan.hubFiles.first.flatMap { file in
        file.sha256.map { downloader.cache.partial($0, of: file.repository) }
      }
      return try await downloader.fetch(plan) {
        progress(Report(received: $0.bytes, total: $0.totalBytes, text: $0.text, beginning: beginning))
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
