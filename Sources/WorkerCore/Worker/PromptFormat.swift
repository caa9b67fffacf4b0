import InferenceCore

/// How a model wants conversations written.
struct PromptFormat {
  private enum Form {
    case template(ChatTemplate)
    /// The template in the file cannot be read; conversations fail with this error, raw text works.
    case broken(WorkerError)
    /// ChatML, which is what llama.cpp falls back to: the file has no template.
    case chatML
  }

  private let form: Form
  /// The template's source, which names the roles that it knows.
  private let source: [UInt8]

  init(_ file: GGUFFile) throws(WorkerError) {
    let source: UnsafeRawBufferPointer?
    do throws(GGUFError) { source = try file.string("tokenizer.chat_template") } catch { throw WorkerError(error) }
    self.source = source.map { [UInt8]($0) } ?? []
    guard source != nil else {
      form = .chatML
      return
    }
    do throws(TemplateError) {
      form = .template(try ChatTemplate(self.source))
    } catch {
      form = .broken(WorkerError(error))
    }
  }

  var hasTemplate: Bool {
    if case .chatML = form { return false }
    return true
  }

  /// Strings that end a reply besides the model's own tokens. A base model knows no end of turn as a token: it writes the
  /// markers of ChatML as text.
  var stops: [[UInt8]] {
    hasTemplate ? [] : [Array("<|im_end|>".utf8), Array("<|im_start|>".utf8)]
  }

  private static var chatMLMarkers: [UInt8] {
    Array("<|im_start|><|im_end|>".utf8)
  }

  /// The prompt of a conversation, as text.
  ///
  /// - Throws: `invalidRequest` when there are no messages, or one that no template can take.
  func render(_ chat: ChatInput, tokenizer: Tokenizer, date: TemplateDate?) throws(WorkerError) -> [UInt8] {
    try render(variables(chat, tokenizer), date)
  }

  /// What makes tokens of a conversation: special ones come from the template alone, whatever messages spell out.
  ///
  /// - Throws: as ``render(_:tokenizer:date:)``.
  func encoding(_ chat: ChatInput, tokenizer: Tokenizer, date: TemplateDate?) throws(WorkerError) -> TextEncoding {
    var marks = MessageMarks(tokenizer: tokenizer, template: hasTemplate ? source : Self.chatMLMarkers)
    var variables = try variables(chat, tokenizer)
    try marks.place(in: &variables)
    let prompt = marks.remove(from: try render(variables, date))
    return TextEncoding(
      prompt.text, addSpecial: false, parseSpecial: true, plain: prompt.places, tokenizer: tokenizer)
  }

  private func render(_ variables: ChatVariables, _ date: TemplateDate?) throws(WorkerError) -> [UInt8] {
    switch form {
    case .template(let template):
      do throws(TemplateError) {
        return try template.render(variables, now: date)
      } catch {
        throw WorkerError(error)
      }
    case .broken(let error): throw error
    case .chatML: return chatML(variables)
    }
  }

  private func variables(_ chat: ChatInput, _ tokenizer: Tokenizer) throws(WorkerError) -> ChatVariables {
    if case .broken(let error) = form { throw error }
    var variables = ChatVariables(messages: .list(try messages(chat).map { .mapping($0) }))
    if !chat.toolsJSON.utf8.isEmpty { variables.tools = try parse(chat.toolsJSON, "the tools") }
    if !chat.variablesJSON.utf8.isEmpty {
      guard let extra = try parse(chat.variablesJSON, "the template variables").mapping else {
        throw WorkerError(.invalidRequest, "The template variables must be a JSON object.")
      }
      variables.extra = extra
    }
    variables.addGenerationPrompt = chat.addGenerationPrompt
    variables.beginOfText = tokenizer.beginOfText.map { tokenizer.piece($0) }
    variables.endOfText = tokenizer.endOfText.map { tokenizer.piece($0) }
    return variables
  }

  /// The messages as the template gets them: content is text, whatever parts it came in.
  private func messages(_ chat: ChatInput) throws(WorkerError) -> [TemplateMapping] {
    guard !chat.messages.isEmpty else {
      throw WorkerError(.invalidRequest, "Expected a conversation of at least one message, found none.")
    }
    var result: [TemplateMapping] = []
    for message in chat.messages {
      let number = result.count + 1
      guard MessageRole.isKnown(message.role, template: source) else {
        throw WorkerError(
          .invalidRequest,
          "Message \(number) has the role “\(message.role)”: expected system, user, assistant, tool or another one that "
            + "the model's chat template names.")
      }
      var value = TemplateMapping()
      value["role"] = TemplateValue(message.role)
      value["content"] = TemplateValue(message.content)
      if !message.extraJSON.utf8.isEmpty {
        guard let extra = try parse(message.extraJSON, "a message").mapping else {
          throw WorkerError(.invalidRequest, "The further keys of a message must be a JSON object.")
        }
        for entry in extra.entries {
          if let key = entry.key.bytes { value[key] = entry.value }
        }
        value["content"] = try MessageContent.text(value["content"], message: number)
      }
      result.append(value)
    }
    return result
  }

  private func parse(_ json: String, _ what: StaticString) throws(WorkerError) -> TemplateValue {
    do throws(JSONError) {
      return try JSON.parse(Array(json.utf8))
    } catch {
      throw WorkerError(.invalidRequest, "The JSON of \(what) is wrong at byte \(error.offset): \(error.message)")
    }
  }

  private func chatML(_ chat: ChatVariables) -> [UInt8] {
    var prompt: [UInt8] = []
    for message in chat.messages.elements ?? [] {
      prompt += Array("<|im_start|>".utf8) + (message["role"]?.bytes ?? []) + Array("\n".utf8)
      prompt += (message["content"]?.bytes ?? []) + Array("<|im_end|>\n".utf8)
    }
    if chat.addGenerationPrompt { prompt += Array("<|im_start|>assistant\n".utf8) }
    return prompt
  }
}

extension WorkerError {
  init(_ error: TemplateError) {
    self.init(
      .templateFailed,
      error.kind == .raised
        ? "The model's chat template refused the conversation: \(error.message)"
        : "The model's chat template failed at line \(error.line), column \(error.column): \(error.message)")
  }

  init(_ error: ModelError) {
    let code: Code =
      switch error.kind {
      case .malformedFile, .missing, .invalid: .invalidModel
      case .unknownArchitecture, .unsupported: .unsupportedModel
      case .contextFull: .contextOverflow
      case .unknownToken: .invalidRequest
      case .outOfResources: .outOfMemory
      }
    self.init(code, error.message)
  }

  init(_ error: TokenizerError) {
    self.init(error.kind == .unsupported ? .unsupportedModel : .invalidModel, error.message)
  }
}
