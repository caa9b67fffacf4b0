import Foundation
import InferenceCore
import WorkerCore

/// A conversation as `/save` writes it.
struct SavedConversation: Encodable {
  struct Message: Encodable {
    let role: String
    let content: String
  }

  let model: String
  let messages: [Message]

  init(model: String, system: String?, messages: [ChatMessage]) {
    self.model = model
    let first = system.map { [Message(role: "system", content: $0)] } ?? []
    self.messages = first + messages.map { Message(role: $0.role, content: $0.content) }
  }

  /// Writes a new file and returns its path; nil names it by the time. Never replaces a file.
  func save(to path: String?) throws -> String {
    let path = path ?? "chat-\(Self.timestamp()).json"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let data = try encoder.encode(self)
    guard !FileManager.default.fileExists(atPath: path) else {
      throw CommandError("\(path): there is such a file already; /save takes another name.")
    }
    try data.write(to: URL(fileURLWithPath: path))
    return path
  }

  private static func timestamp() -> String {
    let now = TemplateDate.localNow
    return String(format: "%04d-%02d-%02d-%02d%02d%02d", now.year, now.month, now.day, now.hour, now.minute, now.second)
  }
}
