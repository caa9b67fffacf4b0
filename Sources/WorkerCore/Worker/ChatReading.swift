import InferenceCore

/// A conversation on its way to the chat template, one slice of work at a time: messages are read, and what they spell out
/// is marked.
final class ChatReading {
  /// The messages as the template gets them, those that have been read.
  private(set) var messages: [TemplateMapping] = []
  /// What the template gets beside them.
  private(set) var variables: ChatVariables
  /// What is to be taken out of the prompt again, if anything is.
  private(set) var marks: MessageMarks?

  private let chat: ChatInput
  private let tokenizer: Tokenizer
  private let format: PromptFormat
  /// Messages of the whole conversation that are not read.
  private let skipped: Int
  private var isMarkChosen = false
  /// Messages that are marked.
  private var marked = 0
  /// The search in the content of the message that is being marked.
  private var spelled: SpelledTokens?

  /// Bytes of the longest conversation that is read: a template makes no longer text of it.
  static let longest = TemplateLimits().outputBytes

  /// - Parameters:
  ///   - skipped: How many messages of the conversation are left out before these.
  ///   - marks: whether control tokens may come from the template alone, whatever messages spell out.
  /// - Throws: `invalidRequest` when there are no messages, or further variables that are none.
  init(
    _ chat: ChatInput, _ format: PromptFormat, tokenizer: Tokenizer, skipped: Int = 0, marks: Bool
  ) throws(WorkerError) {
    self.skipped = skipped
    self.chat = chat
    self.format = format
    self.tokenizer = tokenizer
    variables = try format.variables(chat, tokenizer)
    self.marks = marks ? MessageMarks() : nil
  }

  /// Goes on with the messages.
  ///
  /// - Parameter steps: about how much to do; see ``SpelledTokens/advance(steps:)``.
  /// - Returns: whether all of them are there.
  /// - Throws: `invalidRequest` for a message that no template can take.
  func advance(steps: Int) throws(WorkerError) -> Bool {
    var steps = max(1, steps)
    while messages.count < chat.messages.count {
      guard steps > 0 else { return false }
      let given = chat.messages[messages.count]
      steps -= 16 + given.content.utf8.count / 64 + given.extraJSON.utf8.count / 2
      let message = try format.message(given, number: skipped + messages.count + 1)
      marks?.note(.mapping(message))
      messages.append(message)
    }
    guard var marks else { return true }
    if !isMarkChosen {
      marks.note(variables.tools)
      marks.note(.mapping(variables.extra))
      try marks.choose()
      variables.tools = mark(variables.tools, marks)
      variables.extra = mark(variables.extra, marks)
      self.marks = marks
      isMarkChosen = true
    }
    while marked < messages.count {
      guard steps > 0 else { return false }
      guard try advanceMarking(marks, steps: &steps) else { return false }
      marked += 1
    }
    return true
  }

  /// Goes on with a message.
  private func advanceMarking(_ marks: MessageMarks, steps: inout Int) throws(WorkerError) -> Bool {
    let content = messages[marked]["content"]
    guard let text = content?.bytes else {
      messages[marked] = mark(message: messages[marked], marks)
      steps -= 16
      return true
    }
    if spelled == nil {
      messages[marked]["content"] = TemplateValue.none
      messages[marked] = mark(message: messages[marked], marks)
      messages[marked]["content"] = content
      spelled = SpelledTokens(in: text, joins: format.joins, tokenizer: tokenizer)
    }
    let isThrough = spelled?.advance(steps: &steps) == true
    let places = spelled?.places ?? []
    let count = text.count + places.count * MessageMarks.length
    guard count <= Self.longest else { throw Self.tooLong(bytes: count) }
    guard isThrough else { return false }
    spelled = nil
    messages[marked]["content"] = .string(marks.mark(text, at: places))
    steps -= 16
    return true
  }

  private func mark(_ value: TemplateValue, _ marks: MessageMarks) -> TemplateValue {
    switch value {
    case .string(let text): return .string(mark(text, marks))
    case .list(let elements): return .list(elements.map { mark($0, marks) })
    case .mapping(let mapping): return .mapping(mark(mapping, marks))
    default: return value
    }
  }

  @inline(never)
  private func mark(_ text: [UInt8], _ marks: MessageMarks) -> [UInt8] {
    var spelled = SpelledTokens(in: text, joins: format.joins, tokenizer: tokenizer)
    var steps = Int.max
    while !spelled.advance(steps: &steps) { steps = .max }
    return marks.mark(text, at: spelled.places)
  }

  /// Keys come from people too: the names of a tool's parameters.
  private func mark(_ mapping: TemplateMapping, _ marks: MessageMarks) -> TemplateMapping {
    var result = TemplateMapping()
    for entry in mapping.entries { _ = result.set(mark(entry.key, marks), to: mark(entry.value, marks)) }
    return result
  }

  /// Who speaks was checked when it was read.
  private func mark(message: TemplateMapping, _ marks: MessageMarks) -> TemplateMapping {
    var result = mark(message, marks)
    result["role"] = message["role"]
    return result
  }

  /// What to say of more text than is read.
  static func tooLong(bytes: Int) -> WorkerError {
    WorkerError(
      .contextOverflow,
      "The conversation has \(bytes) bytes of text; at most \(longest) are read. Shorten it, or start a new conversation."
    )
  }
}

/// A conversation on its way to becoming a prompt's text.
final class PromptRendering {
  private let format: PromptFormat
  private let date: TemplateDate?
  private let reading: ChatReading
  private var rendering: PromptFormat.Rendering?

  /// - Throws: as ``ChatReading/init(_:_:tokenizer:marks:)``.
  init(_ chat: ChatInput, _ format: PromptFormat, tokenizer: Tokenizer, date: TemplateDate?) throws(WorkerError) {
    let bytes = chat.byteCount
    guard bytes <= ChatReading.longest else { throw ChatReading.tooLong(bytes: bytes) }
    self.format = format
    self.date = date
    reading = try ChatReading(chat, format, tokenizer: tokenizer, marks: false)
  }

  /// Goes on with it.
  ///
  /// - Returns: the text once it is whole.
  func advance() throws(WorkerError) -> [UInt8]? {
    if rendering == nil {
      guard try reading.advance(steps: PromptSearch.steps) else { return nil }
      rendering = try format.rendering(of: reading.messages, reading.variables, date: date)
    }
    return try rendering?.advance()
  }
}

extension ChatInput {
  /// Bytes of all that is said.
  var byteCount: Int {
    messages.reduce(toolsJSON.utf8.count + variablesJSON.utf8.count) { $0 + $1.byteCount }
  }
}

extension ChatMessage {
  /// Bytes of all that it says.
  var byteCount: Int { role.utf8.count + content.utf8.count + extraJSON.utf8.count }
}
