import Foundation
import Synchronization

/// What the person types, read on a thread of its own so that nothing else waits while they think.
final class MessageInput: Sendable {
  private let editor: Mutex<LineEditor>

  init() {
    editor = Mutex(LineEditor(completions: ChatInputCommand.names))
  }

  /// Waits for the next message.
  func next() async -> LineEditor.Input {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        let input = self.editor.withLock { editor in MessageReader.read { editor.read(prompt: $0) } }
        continuation.resume(returning: input)
      }
    }
  }
}
