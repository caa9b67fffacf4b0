import InferenceCore

/// Keeps what people and tools write from being read as tokens that only the template may write, such as the end of a turn.
///
/// What is spelled like a control token, or could become one together with its neighbours, gets a mark: a character that
/// Unicode reserves for the inside of programs. It goes through the template together with the text and is taken out again;
/// no special token covers the place where it stood.
struct MessageMarks {
  /// The noncharacter U+FDD0 or one of the 31 after it: the first that the conversation does not have itself.
  private var mark: [UInt8] = []
  /// Which of the 32 it has.
  private var used: UInt32 = 0

  /// Looks for marks that a value has itself; before ``choose()``.
  mutating func note(_ value: TemplateValue) {
    switch value {
    case .string(let text):
      for index in text.indices.dropLast(2) where text[index] == 0xEF && text[index + 1] == 0xB7 {
        if (0x90...0xAF).contains(text[index + 2]) { used |= 1 << UInt32(text[index + 2] - 0x90) }
      }
    case .list(let elements):
      for element in elements { note(element) }
    case .mapping(let mapping):
      for entry in mapping.entries {
        note(entry.key)
        note(entry.value)
      }
    default: break
    }
  }

  /// Chooses the mark.
  mutating func choose() throws(WorkerError) {
    guard used != .max else {
      throw WorkerError(
        .invalidRequest,
        "The messages have all 32 characters from U+FDD0 to U+FDEF, which no text may have: leave one out.")
    }
    mark = [0xEF, 0xB7, 0x90 + UInt8((~used).trailingZeroBitCount)]
  }

  /// Bytes of one mark.
  static var length: Int { 3 }

  /// A text with a mark at each of these places, which ascend.
  func mark(_ text: [UInt8], at places: [Int]) -> [UInt8] {
    guard !places.isEmpty else { return text }
    var result: [UInt8] = []
    result.reserveCapacity(text.count + places.count * Self.length)
    var start = 0
    for place in places {
      for index in start..<place { result.append(text[index]) }
      for byte in mark { result.append(byte) }
      start = place
    }
    return result + text[start...]
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
      if prompt[index] == 0xEF, index + 2 < prompt.count, prompt[index + 1] == mark[1], prompt[index + 2] == mark[2] {
        places.append(text.count)
        index += Self.length
      } else {
        text.append(prompt[index])
        index += 1
      }
    }
    return (text, places)
  }
}
