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

  /// Makes one attempt.
  ///
  /// - Returns: the prompt, or nil while there is more to try.
  /// - Throws: `contextOverflow` when no attempt fits; and what is wrong with the request.
  mutating func step(_ model: LoadedModel) throws(WorkerError) -> [TokenID]? {
    // Most conversations fit whole.
    let cut = low == 0 ? 0 : (low + high) / 2
    let tokens = try prompt(cut, model)
    guard !tokens.isEmpty else { throw WorkerError(.invalidRequest, "The prompt is empty.") }
    if tokens.count <= model.info.contextLength {
      found = tokens
      high = cut
    } else {
      low = cut + 1
    }
    if low < high { return nil }
    guard let found else { throw model.overflow(tokens: tokens.count) }
    return found
  }

  private func prompt(_ cut: Int, _ model: LoadedModel) throws(WorkerError) -> [TokenID] {
    switch input {
    case .tokens(let given):
      try model.checkTokens(given)
      return given
    case .text(let text):
      return model.tokenizer.encode(Array(text.utf8), addSpecial: true, parseSpecial: true)
    case .chat(var chat):
      let first = cuts[cut]
      chat.messages = chat.messages[..<first].filter(Self.stays) + chat.messages[first...]
      return try model.format.tokens(chat, tokenizer: model.tokenizer, date: date)
    }
  }

  private static func stays(_ message: ChatMessage) -> Bool {
    sameBytes(message.role, "system") || sameBytes(message.role, "developer")
  }
}
