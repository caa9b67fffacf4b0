import ArgumentParser
import Swiftlet
import WorkerCore

/// `swiftlet chat`: a conversation in the terminal.
struct ChatCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat", abstract: "Chat with a model.",
    discussion: """
      Ctrl-C stops a reply, Ctrl-D leaves, /help lists the commands of the chat. When standard input is not a terminal, \
      each of its lines is a message.
      """)

  @Argument(help: ModelArgument.help)
  var model = "quick"

  @Option(help: "System message at the beginning of the conversation.")
  var system: String?

  @Option(
    help: ArgumentHelp(
      "Go on with the conversation in this JSON file, which is written after every reply.", valueName: "file"))
  var conversation: String?

  @OptionGroup var beside: TemplateArguments
  @OptionGroup var load: LoadArguments
  @OptionGroup var generation: GenerationArguments

  func validate() throws {
    if conversation?.isEmpty == true { throw ValidationError("--conversation takes the name of a file.") }
  }

  func run() async throws {
    Interrupts.install()
    // Where the conversation cannot be kept, that is told before a model is loaded.
    let template = try beside.chat([])
    let file = try conversation.map { try ConversationFile($0) }
    defer { file?.close() }
    let engine = InferenceManager()
    let info = try await engine.load(model, load)
    let session = ChatSession(
      engine: engine, model: info, options: generation.options, template: template, system: system, file: file)
    try await session.run()
    await engine.terminate()
  }
}
