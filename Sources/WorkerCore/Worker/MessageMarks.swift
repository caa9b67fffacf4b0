import InferenceCore

/// Keeps what people and tools write from being read as tokens that only the template may write, such as the end of a turn.
///
/// What is spelled like a control token, or could become one together with its neighbours, gets a mark: a character that
/// Unicode reserves for the inside of programs. It goes through the template together with the text and is taken out again;
/// no special token covers the place where it stood.
struct MessageMarks {
  private let tokenizer: Tokenizer
  /// Whether the template takes parts out of texts, so that what is left may meet.
  private let joins: Bool
  /// The noncharacter U+FDD0 or one of the 31 after it, the first that the conversation does not have itself.
  private var mark: [UInt8] = []

  /// - Parameter template: the source that renders the conversation.
  init(tokenizer: Tokenizer, template: [UInt8]) {
    self.tokenizer = tokenizer
    joins = Self.contains(Array("replace".utf8), template)
  }

  /// Marks messages, tools and further variables.
  mutating func place(in chat: inout ChatVariables) throws(WorkerError) {
    let all = TemplateValue.list([chat.messages, chat.tools, .mapping(chat.extra)])
    guard let free = (UInt8(0x90)...0xAF).first(where: { !Self.contains([0xEF, 0xB7, $0], all) }) else {
      throw WorkerError(
        .invalidRequest,
        "The messages have all 32 characters from U+FDD0 to U+FDEF, which no text may have: leave one out.")
    }
    mark = [0xEF, 0xB7, free]
    chat.messages = .list((chat.messages.elements ?? []).map { marked($0) })
    chat.tools = marked(chat.tools)
    chat.extra = marked(.mapping(chat.extra)).mapping ?? chat.extra
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

  private func marked(_ value: TemplateValue) -> TemplateValue {
    switch value {
    case .string(let bytes): return .string(marked(bytes))
    case .list(let elements): return .list(elements.map { marked($0) })
    case .mapping(let mapping):
      var result = TemplateMapping()
      for entry in mapping.entries {
        // Who speaks is checked elsewhere. Other keys come from people too: the names of a tool's parameters.
        if entry.key.bytes?.equals("role") == true {
          _ = result.set(entry.key, to: entry.value)
        } else {
          _ = result.set(marked(entry.key), to: marked(entry.value))
        }
      }
      return .mapping(result)
    default: return value
    }
  }

  private func marked(_ text: [UInt8]) -> [UInt8] {
    let places = tokenizer.spelledTokens(in: text, joins: joins)
    guard !places.isEmpty else { return text }
    var result: [UInt8] = []
    var start = 0
    for place in places {
      result += text[start..<place] + mark
      start = place
    }
    return result + text[start...]
  }

  private static func contains(_ bytes: [UInt8], _ text: [UInt8]) -> Bool {
    text.count >= bytes.count
      && (0...text.count - bytes.count).contains {
        text[$0] == bytes[0] && text[$0..<$0 + bytes.count].elementsEqual(bytes)
      }
  }

  /// Whether a string or key of this value has these bytes.
  private static func contains(_ bytes: [UInt8], _ value: TemplateValue) -> Bool {
    switch value {
    case .string(let text): return contains(bytes, text)
    case .list(let elements): return elements.contains { contains(bytes, $0) }
    case .mapping(let mapping): return mapping.entries.contains { contains(bytes, $0.key) || contains(bytes, $0.value) }
    default: return false
    }
  }
}
