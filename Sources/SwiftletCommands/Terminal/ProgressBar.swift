import Foundation
import Synchronization
import WorkerCore

/// Shows how a load or a download goes, on standard error: one line redrawn on a terminal, a plain line now and then
/// where the output is read later.
package final class ProgressBar: Sendable {
  private struct State {
    var lastDrawn: ContinuousClock.Instant?
    var lastTenth = -1
    var lastStep: LoadingStep?
    var isShown = false
    /// Bytes at moments of the last seconds, for the rate.
    var samples: [(time: Double, bytes: UInt64)] = []
  }

  private let isTerminal: Bool
  private let usesColor: Bool
  private let state = Mutex(State())

  init() {
    isTerminal = Terminal.errorIsTerminal
    usesColor = Terminal.usesColor(STDERR_FILENO)
  }

  /// Takes in how far it has come; draws when there is something new to see.
  func update(_ progress: LoadProgress) {
    state.withLock { state in
      let now = ContinuousClock.now
      let rate = Self.rate(&state.samples, progress)
      if isTerminal {
        let isDue = state.lastDrawn.map { now - $0 > .milliseconds(80) } ?? true
        guard isDue || progress.step != state.lastStep else { return }
        let line = Self.bar(progress, rate: rate, width: Terminal.width(), usesColor: usesColor)
        Terminal.writeError("\r\u{1B}[K" + line)
        state.isShown = true
      } else {
        let tenth = Int(progress.progress * 10)
        guard progress.step != .ready, tenth > state.lastTenth || progress.step != state.lastStep else { return }
        // A model that is there already loads in a blink: nothing to tell.
        guard progress.timeElapsed > 0.5 || progress.step == .downloading && progress.totalBytes > 0 else { return }
        state.lastTenth = tenth
        Terminal.writeError(Self.plainLine(progress) + "\n")
      }
      state.lastDrawn = now
      state.lastStep = progress.step
    }
  }

  /// Removes the bar from the terminal, so that what follows begins on a clean line.
  func finish() {
    state.withLock { state in
      if state.isShown { Terminal.writeError("\r\u{1B}[K") }
      state.isShown = false
    }
  }

  /// Bytes per second over the last five seconds; nil before half a second has passed.
  private static func rate(_ samples: inout [(time: Double, bytes: UInt64)], _ progress: LoadProgress) -> Double? {
    if let last = samples.last, progress.bytes < last.bytes { samples = [] }
    samples.append((progress.timeElapsed, progress.bytes))
    samples.removeAll { $0.time < progress.timeElapsed - 5 }
    guard let first = samples.first, progress.timeElapsed - first.time >= 0.5 else { return nil }
    return Double(progress.bytes - first.bytes) / (progress.timeElapsed - first.time)
  }

  /// " 45% ━━━━━━━━────────── 44.1 MB of 98.4 MB, 3.2 MB/s, 17 s left  Downloading …", cut to the terminal's width.
  package static func bar(_ progress: LoadProgress, rate: Double?, width: Int, usesColor: Bool) -> String {
    let fraction = min(max(progress.progress, 0), 1)
    let columns = min(max(width / 4, 5), 30)
    let filled = Int(fraction * Double(columns))
    let done = String(repeating: "━", count: filled)
    let rest = String(repeating: "─", count: columns - filled)
    let bar = usesColor ? "\u{1B}[36m\(done)\u{1B}[90m\(rest)\u{1B}[0m" : done + rest
    let facts = amounts(progress, rate: rate).joined(separator: ", ")
    // The text's own figures, after the colon, are the ones that stand before it here.
    let title = progress.text.prefix { $0 != ":" }
    var details = facts.isEmpty ? String(title) : "\(facts)  \(title)"
    while TextWidth.columns(details) > max(width - columns - 7, 0) { details.removeLast() }
    return String(format: "%3d%% ", Int(fraction * 100)) + bar + " " + details
  }

  /// A line of a log: "45% Downloading …".
  package static func plainLine(_ progress: LoadProgress) -> String {
    String(format: "%3d%% ", Int(min(max(progress.progress, 0), 1) * 100)) + progress.text
  }

  private static func amounts(_ progress: LoadProgress, rate: Double?) -> [String] {
    guard progress.step == .downloading, progress.totalBytes > 0 else { return [] }
    let (bytes, total) = (Int(clamping: progress.bytes), Int(clamping: progress.totalBytes))
    var facts = ["\(Format.bytes(bytes)) of \(Format.bytes(total))"]
    if let rate { facts.append(Format.bytes(Int(rate)) + "/s") }
    if let remaining = progress.remaining { facts.append(Format.duration(remaining) + " left") }
    return facts
  }
}
