import Dispatch
import Foundation
import Synchronization

/// What Ctrl-C does. A command says what it means while something runs; otherwise, and when pressed again before that
/// has had its effect, it ends the program with the terminal as it was.
enum Interrupts {
  /// The exit code of a program that Ctrl-C ended, as shells count: 128 + SIGINT.
  static let exitCode: Int32 = 130

  private struct State {
    var handler: (@Sendable () -> Void)?
    var sources: [any DispatchSourceSignal] = []
  }

  private static let state = Mutex(State())

  /// Runs `body`; the first Ctrl-C meanwhile calls `handler` instead of ending the program.
  static func handle<Result>(
    _ handler: @escaping @Sendable () -> Void, during body: () async throws -> Result
  ) async rethrows -> Result {
    install()
    state.withLock { $0.handler = handler }
    defer { state.withLock { $0.handler = nil } }
    return try await body()
  }

  /// Makes SIGINT, SIGTERM and SIGHUP restore the terminal before they end the program.
  static func install() {
    state.withLock { state in
      guard state.sources.isEmpty else { return }
      for number in [SIGINT, SIGTERM, SIGHUP] {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler { received(number) }
        source.resume()
        state.sources.append(source)
      }
    }
  }

  /// Gives the signals back their usual effect, for a command that has handlers of its own.
  static func uninstall() {
    state.withLock { state in
      for source in state.sources { source.cancel() }
      state.sources = []
      for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_DFL) }
    }
  }

  private static func received(_ number: Int32) {
    let handler = state.withLock { state in
      defer { state.handler = nil }
      return number == SIGINT ? state.handler : nil
    }
    if let handler { return handler() }
    TerminalMode.set(.original)
    // At once: exit handlers would wait for threads that compute.
    _exit(128 + number)
  }
}
