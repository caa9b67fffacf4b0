import InferenceCore

/// Keeps what people and tools write from being read as tokens that only the template may write, such as the end of a turn.
///
/// What is spelled like one gets a mark: a character that Unicode reserves for the inside of programs. It goes through the
/// template together with the text and is taken out again; no special token covers the place where it stood.
struct MessageMarks {
  private let tokenizer: Tokenizer
  /// The template's source: tokens that it does not write steer nothing in a conversation.
  private let template: [UInt8]
  /// The noncharacter U+FDD0 or one of the 31 after it, the first that the conversation does not have itself.
  private var mark: [UInt8] = []

  /// - Parameter template: the source that renders the conversation.
  init(tokenizer: Tokenizer, template: [UInt8]) {
    self.tokenizer = tokenizer
    self.template = template
  }

  /// Marks messages, tools and further variables.
  mutating func place(in chat: inout ChatVariables) throws(WorkerError) {
    let all = TemplateValue.list([chat.messages, chat.tools, .mapping(chat.extra)])
    guard let free = (UInt8(0x90)...0xAF).first(where: { !contains([0xEF, 0xB7, $0], all) }) else {
      throw WorkerError(
        .invalidRequest,
        "The messages have all 32 characters from U+FDD0 to U+FDEF, which no text may have: leave one out.")
    }
    mark = [0xEF, 0xB7, free]
    chat.messages = .list(
      (chat.messages.elements ?? []).map { message in
        let role = message["role"]?.bytes ?? []
        // Whoever wrote the system's prompt may show the model its tools' marks, and the model's own words have them.
        let isGuest = !["system", "developer", "assistant"].contains { role.equals($0) }
        return marked(message, isGuest: isGuest)
      })
    chat.tools = marked(chat.tools, isGuest: false)
    chat.extra = marked(.mapping(chat.extra), isGuest: false).mapping ?? chat.extra
  }

  /// Takes the marks out of a prompt.
  ///
  /// - Returns: the text, and the places in it that no special token may cover, ascending.
  func remove(from prompt: [UInt8]) -> (text: [UInt8], places: [Int]) {
    var text: [UInt8] = []
    var places: [Int] = []
    text.reserveCapacity(prompt.count)
    var index = 0
    while index < prompt.count {
      if prompt[index] == mark.first, index + 2 < prompt.count, prompt[index...].starts(with: mark) {
        places.append(text.count)
        index += mark.count
      } else {
        text.append(prompt[index])
        index += 1
      }
    }
    return (text, places)
  }

  private func marked(_ value: TemplateValue, isGuest: Bool) -> TemplateValue {
    switch value {
    case .string(let bytes): return .string(marked(bytes, isGuest: isGuest))
    case .list(let elements): return .list(elements.map { marked($0, isGuest: isGuest) })
    case .mapping(let mapping):
      var result = TemplateMapping()
      for entry in mapping.entries {
        // Keys come from people too: the names of a tool's parameters.
        _ = result.set(marked(entry.key, isGuest: isGuest), to: marked(entry.value, isGuest: isGuest))
      }
      return .mapping(result)
    default: return value
    }
  }

  private func marked(_ text: [UInt8], isGuest: Bool) -> [UInt8] {
    let places = tokenizer.spelledTokens(in: text) { token in
      tokenizer.isControl(token) || (isGuest && writes(tokenizer.piece(token)))
    }
    guard !places.isEmpty else { return text }
    var result: [UInt8] = []
    var start = 0
    for place in places {
      result += text[start..<place] + mark
      start = place
    }
    return result + text[start...]
  }

  /// Whether the template's source has this text.
  private func writes(_ text: [UInt8]) -> Bool {
    guard let first = text.first, text.count <= template.count else { return false }
    return (0...template.count - text.count).contains {
      template[$0] == first && template[$0..<$0 + text.count].elementsEqual(text)
    }
  }

  /// Whether a string or key of this value has these bytes.
  private func contains(_ bytes: [UInt8], _ value: TemplateValue) -> Bool {
    switch value {
    case .string(let text):
      return text.count >= bytes.count
        && (0...text.count - bytes.count).contains {
          text[$0] == bytes[0] && text[$0..<$0 + bytes.count].elementsEqual(bytes)
        }
    case .list(let elements): return elements.contains { contains(bytes, $0) }
    case .mapping(let mapping): return mapping.entries.contains { contains(bytes, $0.key) || contains(bytes, $0.value) }
    default: return false
    }
  }
}
