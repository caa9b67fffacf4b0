import ArgumentParser
import Foundation
import InferenceCore
import Swiftlet
import WorkerCore

/// `swiftlet template`: what a model is really given.
struct TemplateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "template", abstract: "Render a conversation as a model's prompt.",
    discussion: "Prints the prompt exactly, with no newline added.")

  @Option(help: "Model whose chat template to use.")
  var model: String?

  @Option(help: "File with a chat template (Jinja) to use; - is standard input.")
  var template: String?

  @Option(help: "JSON file with the list of messages; - is standard input.")
  var messages: String

  @OptionGroup var beside: TemplateArguments

  @Option(help: "Text of the begin-of-text token, if not the model's.")
  var bosToken: String?

  @Option(help: "Text of the end-of-text token, if not the model's.")
  var eosToken: String?

  @Flag(help: "Leave out the opening of the assistant's next message.")
  var noGenerationPrompt = false

  func validate() throws {
    guard (model == nil) != (template == nil) else {
      let found = model == nil ? "none" : "both"
      throw ValidationError("Expected one of --model MODEL and --template FILE, found \(found).")
    }
    if [template, messages, beside.tools, beside.documents].filter({ $0 == "-" }).count > 1 {
      throw ValidationError(
        "Only one of --template, --messages, --tools and --documents can be read from standard input.")
    }
  }

  func run() async throws {
    var chat = ChatVariables(messages: try TemplateArguments.list(messages, of: "messages"))
    chat.tools = try beside.toolList()
    chat.extra = try beside.mapping()
    chat.addGenerationPrompt = !noGenerationPrompt
    let source = try template.map(TextFile.read) ?? LocalModel(model!).read { try Self.template(of: $0, &chat) }
    if let bosToken { chat.beginOfText = Array(bosToken.utf8) }
    if let eosToken { chat.endOfText = Array(eosToken.utf8) }
    Terminal.write(try ChatTemplate(source).render(chat, now: .localNow))
  }

  /// The template in a model's file; sets the texts of its special tokens.
  private static func template(of file: GGUFFile, _ chat: inout ChatVariables) throws -> [UInt8] {
    let tokenizer = try Tokenizer(file)
    chat.beginOfText = tokenizer.beginOfText.map(tokenizer.piece)
    chat.endOfText = tokenizer.endOfText.map(tokenizer.piece)
    if let text = try file.string("tokenizer.chat_template") { return Array(text) }
    warn(DefaultTemplate.warning(tokenizer))
    return "\(DefaultTemplate.of(tokenizer).template.source)".utf8.map { $0 }
  }
}

extension TemplateDate {
  /// The wall clock, in the local time zone.
  static var localNow: TemplateDate {
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    return TemplateDate(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday), hour: Int(parts.tm_hour),
      minute: Int(parts.tm_min), second: Int(parts.tm_sec))
  }
}
