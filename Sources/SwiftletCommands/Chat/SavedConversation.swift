import Foundation
import InferenceCore
import WorkerCore

/// A conversation as `/save` and `chat --conversation` write it.
struct SavedConversation: Codable {
  struct Message: Codable {
    let role: String
    let content: String
  }

  /// Of what is written; a file without one is of the first. A later one may hold what this program would lose.
  private static let currentVersion = 1

  let version: Int?
  let model: String
  let messages: [Message]

  init(model: String, system: String?, messages: [ChatMessage]) {
    version = Self.currentVersion
    self.model = model
    let first = system.map { [Message(role: "system", content: $0)] } ?? []
    self.messages = first + messages.map { Message(role: $0.role, content: $0.content) }
  }

  /// Writes a new file and returns its path; nil names it by the time. Never replaces a file.
  func save(to path: String?) throws -> String {
    let path = path ?? "chat-\(Self.timestamp()).json"
    guard !FileManager.default.fileExists(atPath: path) else {
      throw CommandError("\(path): there is such a file already; /save takes another name.")
    }
    try encoded().write(to: URL(fileURLWithPath: path))
    return path
  }

  /// What `/save` or ``ConversationFile`` wrote.
  ///
  /// - Parameter path: of the file, for errors.
  init(_ data: Data, of path: String) throws {
    if let version = (try? JSONDecoder().decode(Version.self, from: data))?.version, version > Self.currentVersion {
      throw CommandError(
        "\(path): this conversation was written by a later version of Swiftlet, which it takes to go on with it. "
          + "Name another file to begin a new one.")
    }
    do {
      self = try JSONDecoder().decode(Self.self, from: data)
      let (found, known) = try (JSONSerialization.jsonObject(with: data), JSONSerialization.jsonObject(with: encoded()))
      guard (found as? NSDictionary) == (known as? NSDictionary) else {
        throw CommandError(
          "\(path): this conversation holds more than roles and texts, which would be lost. It was left as it is; "
            + "name another file.")
      }
    } catch let error as CommandError {
      throw error
    } catch {
      throw CommandError(
        "\(path): expected a conversation as /save writes it, found something else. It was left as it is; "
          + "name another file.")
    }
  }

  private struct Version: Decodable {
    let version: Int?
  }

  /// The system message that it begins with.
  var system: String? { messages.first.flatMap { $0.role == "system" ? $0.content : nil } }

  /// The messages after that.
  var chatMessages: [ChatMessage] {
    messages.dropFirst(system == nil ? 0 : 1).map { ChatMessage(role: $0.role, content: $0.content) }
  }

  /// As JSON that a person can read.
  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  private static func timestamp() -> String {
    let now = TemplateDate.localNow
    return String(format: "%04d-%02d-%02d-%02d%02d%02d", now.year, now.month, now.day, now.hour, now.minute, now.second)
  }
}
