import InferenceCore

/// Finds a request's prompt: of a chat that is too long for the context, and whose caller allows it, the one without as few
/// of its oldest turns as possible. Each attempt is a slice of work.
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
  /// The attempt under way.
  private var encoding: TextEncoding?

  /// Steps of an encoding that are a slice of work: some milliseconds.
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
      cuts += (users + later).filter { first in messages[..<first].contains { !Self.stays($0) } }
    }
    high = cuts.count
  }

  /// Goes on with an attempt, or begins one.
  ///
  /// - Returns: the prompt, or nil while there is more to try.
  /// - Throws: `contextOverflow` when no attempt fits; and what is wrong with the request.
  mutating func step(_ model: LoadedModel) throws(WorkerError) -> [TokenID]? {
    // Most conversations fit whole.
    let cut = low == 0 ? 0 : (low + high) / 2
    guard let attempt = try advance(cut, model) else { return nil }
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
    guard var current = encoding else { return nil }
    // The one reference, so that its arrays are not copied.
    encoding = nil
    // What is too long whatever it says is not worth its time and memory.
    let fewest = current.byteCount / max(1, model.tokenizer.longestToken)
    guard fewest <= most else { return .tooLong(tokens: fewest, isExact: false) }
    // How much too long it is, only the last attempt has to know.
    if cut + 1 < cuts.count, current.tokens.count > most {
      return .tooLong(tokens: current.tokens.count, isExact: false)
    }
    guard current.advance(steps: Self.steps) else {
      encoding = current
      return nil
    }
    var tokens = current.tokens
    // Many templates write the begin-of-text token themselves, others leave it to the tokenizer.
    if case .chat = input, model.tokenizer.addsBeginOfText, let begin = model.tokenizer.beginOfText,
      tokens.first != begin
    {
      tokens.insert(begin, at: 0)
    }
    return tokens.count <= most ? .fits(tokens) : .tooLong(tokens: tokens.count, isExact: true)
  }

  private func begin(_ cut: Int, _ model: LoadedModel) throws(WorkerError) -> TextEncoding? {
    switch input {
    case .tokens: return nil
    case .text(let text):
      return TextEncoding(Array(text.utf8), addSpecial: true, parseSpecial: true, tokenizer: model.tokenizer)
    case .chat(var chat):
      let first = cuts[cut]
      chat.messages = chat.messages[..<first].filter(Self.stays) + chat.messages[first...]
      return try model.format.encoding(chat, tokenizer: model.tokenizer, date: date)
    }
  }

  private static func stays(_ message: ChatMessage) -> Bool {
    sameBytes(message.role, "system") || sameBytes(message.role, "developer")
  }
}
