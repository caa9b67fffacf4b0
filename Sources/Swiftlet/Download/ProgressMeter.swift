import Foundation
import WorkerCore

/// Turns byte counts into ``LoadProgress``: monotone, with rate and time left, at most ten times a second.
package final class ProgressMeter: Sendable {
  package typealias Handler = @Sendable (LoadProgress) -> Void

  private struct State {
    var latest = LoadProgress(
      progress: 0, bytes: 0, totalBytes: 0, timeElapsed: 0, remaining: nil, step: .downloading, text: "")
    var title = ""
    var lastReport = -1.0
    var rate = TransferRate()
  }

  private let start = DispatchTime.now().uptimeNanoseconds
  private let state = Protected(State())
  private let handler: Handler

  package init(_ handler: @escaping Handler) {
    self.handler = handler
  }

  /// Says what is being done; the line is reported at once.
  package func describe(_ title: String) {
    state.withLock { state in
      state.title = title
      state.rate.forget()
      state.latest.remaining = nil
      report(&state)
    }
  }

  /// - Parameters:
  ///   - bytes: Bytes that are here, those from an earlier attempt included.
  ///   - total: Bytes that there will be.
  ///   - fraction: Of the whole load; by default `bytes / total`.
  ///   - counts: Whether the bytes arrived just now and tell something about the rate.
  package func update(bytes: UInt64, total: UInt64, fraction: Double? = nil, counts: Bool = true) {
    state.withLock { state in
      let now = elapsed
      if !counts { state.rate.forget() }
      state.rate.note(bytes, at: now)

      let shown = total > 0 ? min(bytes, total) : bytes
      state.latest.bytes = max(state.latest.bytes, shown)
      state.latest.totalBytes = max(total, state.latest.bytes)
      let reached = fraction ?? (total > 0 ? Double(shown) / Double(total) : 0)
      state.latest.progress = max(state.latest.progress, min(reached, 1))

      state.latest.remaining = state.rate.seconds(for: total > shown ? total - shown : 0)
      guard now - state.lastReport >= 0.1 || bytes >= total else { return }
      report(&state)
    }
  }

  private var elapsed: Double { Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9 }

  /// Calls the handler with the lock held, so that reports stay in order.
  private func report(_ state: inout State) {
    state.lastReport = elapsed
    state.latest.timeElapsed = state.lastReport
    var text = state.title
    if state.latest.totalBytes > 0 {
      text += ": \(ByteCount.text(state.latest.bytes)) of \(ByteCount.text(state.latest.totalBytes))"
    }
    if let rate = state.rate.bytesPerSecond { text += ", \(ByteCount.text(UInt64(rate)))/s" }
    if let remaining = state.latest.remaining { text += ", \(Self.duration(remaining)) left" }
    state.latest.text = text
    handler(state.latest)
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded(.up))
    return switch whole {
    case ..<60: "\(whole) s"
    case ..<3600: "\(whole / 60) min \(whole % 60) s"
    default: "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
  }
}
