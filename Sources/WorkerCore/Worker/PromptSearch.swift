import InferenceCore

/// Finds a request's prompt: of a chat that is too long for the context, and whose caller allows it, the one without as few
/// of its oldest turns as possible. Messages are read once, and each attempt takes some slices of work.
struct PromptSearch {
  private let input: GenerationInput
  private let dropsTurns: Bool
  private let date: TemplateDate?
  /// Of a chat: how many of its messages may go from its beginning, ascending from none. What stays begins with a user's
  /// message, as many templates insist, unless what follows the last of them is too long; a system's messages always stay,
  /// and so does the last one.
  private var cuts: [Int] = [0]
  /// What is known: fewer cuts than `low` leave too much, `high` fits.
  private var low = 0
  private var high: Int
  private var found: [TokenID]?
  /// Of a chat: its messages, without those that no attempt has; nil before the first slice.
  private var reading: ChatReading?
  /// Of the messages that were read: how many stay of those before the first that may be the chat's first one.
  private var staying = 0
  /// The cut that reading begins at, and the place of the first message after it in the chat.
  private var least = 0
  private var first = 0
  /// The attempt under way.
  private var rendering: PromptFormat.Rendering?
  private var encoding: TextEncoding?

  /// Steps of reading and encoding that are a slice of work: some milliseconds.
  static let steps = 50_000

  init(_ command: GenerationCommand, date: TemplateDate?) {
    input = command.input
    dropsTurns = command.options.overflow == .dropOldestMessages
    self.date = date
    if case .chat(let chat) = command.input, dropsTurns {
      let messages = chat.messages
      let users = messages.indices.filter { sameBytes(messages[$0].role, "user") }
      // A tool's answer without its question would puzzle the model.
      let later = ((users.last ?? -1) + 1..<max(messages.count, (users.last ?? -1) + 1)).filter {
        !sameBytes(messages[$0].role, "tool") && !sameBytes(messages[$0].role, "function")
      }
      let going = messages.firstIndex { !Self.stays($0) } ?? messages.count
      cuts += (users + later).filter { $0 > going }
    }
    high = cuts.count
  }

  /// Goes on with an attempt, or begins one.
  ///
  /// - Returns: the prompt, or nil while there is more to try.
  /// - Throws: `contextOverflow` when no attempt fits; and what is wrong with the request.
  mutating func step(_ model: LoadedModel) throws(WorkerError) -> [TokenID]? {
    if case .chat(let chat) = input {
      guard try read(chat, model) else { return nil }
    }
    // Most conversations fit whole.
    let cut = found == nil && low == least ? low : (low + high) / 2
    guard let attempt = try advance(cut, model) else { return nil }
    encoding = nil
    switch attempt {
    case .fits(let tokens):
      guard !tokens.isEmpty else { throw WorkerError(.invalidRequest, "The prompt is empty.") }
      found = tokens
      high = cut
    case .tooLong(let count, let isExact):
      low = cut + 1
      if low == high, found == nil { throw model.overflow(tokens: count, isExact: isExact) }
    }
    return low < high ? nil : found
  }

  private enum Attempt {
    case fits([TokenID])
    case tooLong(tokens: Int, isExact: Bool)
  }

  /// - Returns: what became of an attempt; nil while it goes on.
  private mutating func advance(_ cut: Int, _ model: LoadedModel) throws(WorkerError) -> Attempt? {
    let most = model.info.contextLength
    if case .tokens(let given) = input {
      try model.checkTokens(given)
      return given.count <= most ? .fits(given) : .tooLong(tokens: given.count, isExact: true)
    }
    if encoding == nil { encoding = try begin(cut, model) }
    guard let encoding else { return nil }
    // What is too long whatever it says is not worth its time and memory.
    let fewest = encoding.byteCount / max(1, model.tokenizer.longestToken)
    guard fewest <= most else { return .tooLong(tokens: fewest, isExact: false) }
    // How much too long it is, only the last attempt has to know.
    if cut + 1 < cuts.count, encoding.tokens.count > most {
      return .tooLong(tokens: encoding.tokens.count, isExact: false)
    }
    guard encoding.advance(steps: Self.steps) else { return nil }
    var tokens = encoding.tokens
    // Many templates write the begin-of-text token themselves, others leave it to the tokenizer.
    if case .chat = input, model.tokenizer.addsBeginOfText, let begin = model.tokenizer.beginOfText,
      tokens.first != begin
    {
      tokens.insert(begin, at: 0)
    }
    return tokens.count <= most ? .fits(tokens) : .tooLong(tokens: tokens.count, isExact: true)
  }

  /// - Returns: what makes the tokens of an attempt; nil while its text is written.
  private mutating func begin(_ cut: Int, _ model: LoadedModel) throws(WorkerError) -> TextEncoding? {
    switch input {
    case .tokens: return nil
    case .text(let text):
      return TextEncoding(Array(text.utf8), addSpecial: true, parseSpecial: true, tokenizer: model.tokenizer)
    case .chat:
      guard let reading else { return nil }
      if rendering == nil {
        rendering = try model.format.rendering(of: messages(of: reading, cut), reading.variables, date: date)
      }
      guard let rendering, let text = try rendering.advance() else { return nil }
      self.rendering = nil
      guard let prompt = reading.marks?.remove(from: text) else { return nil }
      return TextEncoding(
        prompt.text, addSpecial: false, parseSpecial: true, plain: prompt.places, tokenizer: model.tokenizer)
    }
  }

  /// Goes on to read what the longest attempt has that is not too long to be read.
  ///
  /// - Returns: whether all of it is there.
  private mutating func read(_ chat: ChatInput, _ model: LoadedModel) throws(WorkerError) -> Bool {
    if reading == nil {
      var bytes = chat.byteCount
      while bytes > ChatReading.longest {
        guard low + 1 < cuts.count else { throw ChatReading.tooLong(bytes: bytes) }
        for message in chat.messages[cuts[low]..<cuts[low + 1]] where !Self.stays(message) {
          bytes -= message.byteCount
        }
        low += 1
      }
      (least, first) = (low, cuts[low])
      let begin = chat.messages[..<first].filter(Self.stays)
      staying = begin.count
      var wanted = chat
      wanted.messages = begin + chat.messages[first...]
      reading = try ChatReading(
        wanted, model.format, tokenizer: model.tokenizer, skipped: first - staying, marks: true)
    }
    return try reading?.advance(steps: Self.steps) ?? false
  }

  /// The messages of an attempt.
  private func messages(of reading: ChatReading, _ cut: Int) -> [TemplateMapping] {
    let gone = staying + cuts[cut] - first
    return reading.messages[..<gone].filter { Self.stays($0["role"]?.bytes ?? []) } + reading.messages[gone...]
  }

  private static func stays(_ message: ChatMessage) -> Bool {
    sameBytes(message.role, "system") || sameBytes(message.role, "developer")
  }

  private static func stays(_ role: [UInt8]) -> Bool {
    role.equals("system") || role.equals("developer")
  }
}
