import InferenceCore

/// What a message says.
enum MessageContent {
  /// Content as text, which every chat template takes: of a list of parts (`[{"type": "text", "text": …}]`) the texts, each
  /// on lines of its own, as llama.cpp and vLLM have it.
  ///
  /// - Parameter message: the message's number, from 1.
  /// - Returns: a string, or none for a message without words (one that only calls tools).
  /// - Throws: `invalidRequest` for a part that is no text, naming its type, and for what is neither text nor parts.
  static func text(_ content: TemplateValue?, message: Int) throws(WorkerError) -> TemplateValue {
    switch content {
    case nil, .some(.none): return .none
    case .string(let bytes): return .string(bytes)
    case .list(let parts):
      var text: [UInt8] = []
      for (index, part) in parts.enumerated() {
        if index > 0 { text.append(UInt8(ascii: "\n")) }
        text += try bytes(of: part, "Part \(index + 1) of message \(message)")
      }
      return .string(text)
    default:
      throw WorkerError(
        .invalidRequest, "The content of message \(message) must be text or a list of parts with text.")
    }
  }

  private static func bytes(of part: TemplateValue, _ place: String) throws(WorkerError) -> [UInt8] {
    guard let type = part["type"]?.bytes else {
      throw WorkerError(.invalidRequest, "\(place) has no type: expected {\"type\": \"text\", \"text\": …}.")
    }
    guard type.equals("text") else {
      throw WorkerError(
        .invalidRequest,
        "\(place) is of the type “\(String(decoding: type, as: UTF8.self))”; models here read only parts of the type “text”."
      )
    }
    guard let text = part["text"]?.bytes else {
      throw WorkerError(.invalidRequest, "\(place) has no text: expected {\"type\": \"text\", \"text\": …}.")
    }
    return text
  }
}

/// Who speaks in a message.
enum MessageRole {
  private static let usual: [StaticString] = ["system", "developer", "user", "assistant", "tool", "function"]

  /// Whether conversations have this role: one of the usual, or one that the template has in quotes.
  static func isKnown(_ role: String, template: [UInt8]) -> Bool {
    let name = Array(role.utf8)
    if usual.contains(where: { name.equals($0) }) { return true }
    guard !name.isEmpty, name.allSatisfy(isWordByte), name.count < template.count - 1 else { return false }
    for start in 0..<(template.count - 1 - name.count) {
      let quote = template[start]
      guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\""), template[start + 1 + name.count] == quote,
        template[(start + 1)..<(start + 1 + name.count)].elementsEqual(name)
      else { continue }
      return true
    }
    return false
  }

  /// Letters, digits, “_” and “-” of ASCII; other bytes between quotes are no name.
  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      return true
    default: return false
    }
  }
}
