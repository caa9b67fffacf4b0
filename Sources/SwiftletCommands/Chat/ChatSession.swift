import Foundation
import Swiftlet
import WorkerCore

/// A conversation in the terminal: reads messages, streams replies, and keeps what was said.
final class ChatSession {
  private let engine: InferenceManager
  private let model: ModelInfo
  private let input = MessageInput()
  private let printer = ReplyPrinter()
  private var options: GenerationOptions
  /// What the chat template gets beside the messages.
  private let template: ChatInput
  private var system: String?
  private var messages: [ChatMessage] = []
  private var lastReply: GenerationReply?
  /// The file that the conversation goes on in; nil when it ends with the program.
  private let file: ConversationFile?
  /// Why the file lacks what was said last.
  private var lost: (any Error)?

  /// - Parameters:
  ///   - engine: with the model loaded.
  ///   - file: where the conversation is kept, with what is there already.
  init(
    engine: InferenceManager, model: ModelInfo, options: GenerationOptions,
    template: ChatInput = ChatInput(messages: []), system: String?, file: ConversationFile? = nil
  ) {
    self.file = file
    messages = file?.saved?.chatMessages ?? []
    self.engine = engine
    self.model = model
    self.options = options
    self.template = template
    self.system = system ?? file?.saved?.system
  }

  /// The name under which the engine keeps keys and values.
  private var conversation: String? { file.map { URL(fileURLWithPath: $0.path).standardizedFileURL.path } }

  /// Talks until the person leaves or the input ends.
  func run() async throws {
    if Terminal.inputIsTerminal {
      let name = model.name.isEmpty ? model.model : model.name
      let context = "\(model.contextLength) tokens of context"
      note("\(TerminalText.harmless(name)), \(context). /help lists commands, Ctrl-D leaves.")
      if !messages.isEmpty { note("The conversation goes on after \(messages.count) messages.") }
    }
    if let file, let saved = file.saved, !saved.messages.isEmpty, saved.model != model.model {
      let (old, new) = (TerminalText.harmless(saved.model), TerminalText.harmless(model.model))
      complain("\(file.path): this conversation was with the model \(old) and goes on with \(new).")
    }
    try await talk()
    if let lost { throw lost }
  }

  /// Reads and answers until the end.
  private func talk() async throws {
    // Where nobody reads the complaint, nothing more is said that would be lost.
    while lost == nil || Terminal.inputIsTerminal {
      switch await input.next() {
      case .endOfInput: return
      case .interrupted(let wasEmpty):
        if wasEmpty { note("Ctrl-D or /quit leaves.") }
      case .line(let line):
        if line.trimmed.isEmpty { continue }
        guard try await perform(ChatInputCommand(line)) else { return }
      }
    }
  }

  /// Does what a line asks for; false when it asks to leave.
  private func perform(_ command: ChatInputCommand) async throws -> Bool {
    switch command {
    case .message(let text):
      messages.append(.user(text))
      try await reply()
    case .regenerate:
      guard messages.contains(where: { $0.role == "user" }) else {
        complain("There is no reply to regenerate yet.")
        break
      }
      if messages.last?.role == "assistant" { messages.removeLast() }
      try await reply()
    case .clear:
      messages = []
      lastReply = nil
      if let conversation { engine.forget(conversation: conversation) }
      keep()
      note("The conversation is empty again.")
    case .help: Terminal.write(Self.help)
    case .stats: showStatistics()
    case .showSettings: showSettings()
    case .set(let setting):
      setting.apply(to: &options)
      if case .system(let text) = setting { system = text }
      note("Set.")
    case .save(let path): save(to: path)
    case .unknown(let name): complain("There is no command \(name); /help lists them.")
    case .invalid(let message): complain(message)
    case .quit: return false
    }
    return true
  }

  /// Generates and shows the next reply. What Ctrl-C cuts short stays in the conversation.
  private func reply() async throws {
    var chat = template
    chat.messages = (system.map { [.system($0)] } ?? []) + messages
    let running = engine.generate(.chat(chat), options: options, conversation: conversation)
    do {
      let reply = try await Interrupts.handle {
        running.abort()
      } during: {
        try await printer.show(running)
        return try await running.finished
      }
      messages.append(.assistant(reply.text))
      keep()
      lastReply = reply
      if reply.finishReason == .aborted { note("Stopped.") }
    } catch {
      printer.endLine()
      // The message that could not be answered goes, so that the next one is not about it too.
      if messages.last?.role == "user" { messages.removeLast() }
      guard Terminal.inputIsTerminal else { throw error }
      complain(SwiftletCommand.message(for: error))
    }
  }

  /// Writes the conversation to its file, if it has one.
  private func keep() {
    guard let file else { return }
    do {
      try file.replace(with: SavedConversation(model: model.model, system: system, messages: messages))
      lost = nil
    } catch {
      lost = error
      if Terminal.inputIsTerminal { complain(SwiftletCommand.message(for: error)) }
    }
  }

  private func showStatistics() {
    guard let reply = lastReply else { return complain("There is no reply yet.") }
    let timings = reply.timings
    let used = reply.promptTokens.count + reply.tokens.count
    let rows = [
      [
        "prompt", "\(timings.promptCount) tokens (\(timings.cachedCount) more were cached)",
        "\(Format.decimal(timings.promptTokensPerSecond)) tokens/s",
      ],
      ["reply", "\(timings.predictedCount) tokens", "\(Format.decimal(timings.predictedTokensPerSecond)) tokens/s"],
      ["speculation", "\(timings.draftAcceptedCount) of \(timings.draftCount) drafted tokens were right"],
      ["first token after", "\(Format.decimal(timings.firstTokenMilliseconds)) ms"],
      ["context", "\(used) of \(model.contextLength) tokens"],
      ["seed", "\(reply.seed)"],
      ["memory", "\(Format.bytes(ProcessMemory.peak)) at most"],
    ]
    Terminal.write(Format.table(rows))
  }

  private func showSettings() {
    func shown(_ value: (some CustomStringConvertible)?) -> String { value.map { "\($0)" } ?? "default" }
    Terminal.write(
      Format.table([
        ["temperature", shown(options.temperature)], ["top-k", shown(options.topK)], ["top-p", shown(options.topP)],
        ["min-p", shown(options.minP)], ["repeat-penalty", shown(options.repeatPenalty)],
        ["max-tokens", shown(options.maxTokens)], ["seed", shown(options.seed)], ["system", shown(system)],
      ]))
  }

  private func save(to path: String?) {
    do {
      let path = try SavedConversation(model: model.model, system: system, messages: messages).save(to: path)
      note("Saved as \(path).")
      lost = nil
    } catch {
      complain(SwiftletCommand.message(for: error))
    }
  }

  /// A remark of the program, told apart from the model's words; silent where nobody looks.
  private func note(_ text: String) {
    if Terminal.inputIsTerminal { Terminal.write(TerminalText.dim(text) + "\n") }
  }

  private func complain(_ text: String) {
    Terminal.writeError(text + "\n")
  }

  private static let help = """
    /help                    this list
    /clear                   forget the conversation
    /regenerate              another reply to the last message
    /set NAME VALUE          \(ChatSetting.names.joined(separator: ", "));
                             VALUE default goes back, /set alone shows all
    /save [FILE]             write the conversation to a JSON file
    /stats                   speed and size of the last reply
    /quit                    leave (also Ctrl-D)
    \"""                      begin and end a message of several lines
    Ctrl-C                   stop a reply, or drop the line

    """
}
