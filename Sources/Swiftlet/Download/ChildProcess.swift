#if os(macOS) || os(Linux)
  import Foundation

  #if canImport(Glibc)
    import Glibc
  #elseif canImport(Musl)
    import Musl
  #elseif canImport(Darwin)
    import Darwin
  #endif

  /// A program that runs for us and ends with us: cancelling the task ends it.
  struct ChildProcess: Sendable {
    var arguments: [String]
    var environment: [String: String]
    /// Where its standard error goes; read when it fails.
    var errorLog: URL
    /// Takes its standard output in pieces, on a thread of its own; what it throws ends the program.
    var onOutput: (@Sendable (Data) throws -> Void)?

    /// Runs the program, found on the `PATH`, to its end.
    ///
    /// - Returns: Its exit status; 127 when there is no such program, 128 + the signal that ended it.
    /// - Throws: `CancellationError`, and what `onOutput` throws.
    func run() async throws -> Int32 {
      try Task.checkCancellation()
      _ = FileManager.default.createFile(atPath: errorLog.path, contents: nil)
      let running = Protected<Process?>(nil)
      let failure = Protected<(any Error)?>(nil)
      let status: Int32 = try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          // The pipe is read with blocking calls, which do not belong on the cooperative threads.
          Thread.detachNewThread {
            continuation.resume(with: Result { try start(running, failure) })
          }
        }
      } onCancel: {
        failure.withLock { $0 = $0 ?? CancellationError() }
        Self.end(running)
      }
      if let error = failure.withLock({ $0 }) { throw error }
      return status
    }

    private func start(_ running: Protected<Process?>, _ failure: Protected<(any Error)?>) throws -> Int32 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = arguments
      process.environment = environment
      process.standardInput = FileHandle.nullDevice
      process.standardError = try FileHandle(forWritingTo: errorLog)
      let pipe = onOutput.map { _ in Pipe() }
      process.standardOutput = pipe ?? FileHandle.nullDevice
      try running.withLock { running in
        // Cancelled before it began.
        guard failure.withLock({ $0 == nil }) else { return }
        try process.run()
        running = process
      }
      guard running.withLock({ $0 != nil }) else { return 0 }
      if let pipe, let onOutput {
        do {
          while let data = try pipe.fileHandleForReading.read(upToCount: 1 << 20), !data.isEmpty {
            try onOutput(data)
          }
        } catch {
          failure.withLock { $0 = $0 ?? error }
          Self.end(running)
        }
      }
      process.waitUntilExit()
      running.withLock { $0 = nil }
      return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }

    /// Ends the program. Not with a signal that it could handle: threads of the concurrency pool block those, and
    /// children inherit that.
    private static func end(_ running: Protected<Process?>) {
      running.withLock { process in
        if let process, process.isRunning { kill(process.processIdentifier, SIGKILL) }
      }
    }
  }
#endif
