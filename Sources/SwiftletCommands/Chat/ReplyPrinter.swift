import Foundation
import Swiftlet
import WorkerCore

/// Shows a reply while it is generated.
final class ReplyPrinter {
  private let isTerminal = Terminal.outputIsTerminal
  private let showsPrompt = Terminal.errorIsTerminal && Terminal.inputIsTerminal
  private var promptShown = false
  private var endsInLineBreak = true

  /// Prints the pieces as they come, until the reply ends.
  func show(_ reply: Reply) async throws {
    endsInLineBreak = true
    let start = ContinuousClock.now
    for try await event in reply.events {
      if case .prompt(let progress) = event, ContinuousClock.now - start > .milliseconds(400) { show(progress) }
      if case .text(let piece) = event { print(piece.text) }
    }
    endLine()
  }

  /// Ends a line that was begun.
  func endLine() {
    erasePrompt()
    if !endsInLineBreak { Terminal.write("\n") }
    endsInLineBreak = true
  }

  private func print(_ text: String) {
    guard !text.isEmpty else { return }
    erasePrompt()
    Terminal.write(isTerminal ? TerminalText.harmless(text) : text)
    endsInLineBreak = text.hasSuffix("\n")
  }

  /// A long prompt takes a while to go through the model: says how far it is.
  private func show(_ progress: PromptProgress) {
    guard showsPrompt, progress.total > 0 else { return }
    Terminal.writeError("\r\u{1B}[KReading \(progress.done * 100 / progress.total)%")
    promptShown = true
  }

  private func erasePrompt() {
    if promptShown { Terminal.writeError("\r\u{1B}[K") }
    promptShown = false
  }
}
