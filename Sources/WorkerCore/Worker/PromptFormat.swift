import InferenceCore

/// How a model wants conversations written.
struct PromptFormat {
  private enum Form {
    case template(ChatTemplate)
    /// The template in the file cannot be read; conversations fail with this error, raw text works.
    case broken(WorkerError)
  }

  private let form: Form
  /// How a query and a text are put to a model that ranks, with {query} and {document} in it; empty without one.
  private let ranking: [UInt8]
  /// The template's source, which names the roles that it knows.
  private let source: [UInt8]
  /// Whether the template is the file's own.
  let hasTemplate: Bool
  /// Strings that end a reply besides the model's own tokens. A base model knows no end of turn as a token: it writes the
  /// markers as text.
  let stops: [[UInt8]]
  /// Whether the template changes texts so that what is left may meet, or reads as another token.
  let joins: Bool

  /// Filters and methods, all of a row, by which parts of a text may come together or get another case.
  private static let joining: [[StaticString]] = [
    ["replace"], ["split", "join"], ["lower"], ["upper"], ["capitalize"], ["title"], ["swapcase"],
  ]

  init(_ file: GGUFFile, _ tokenizer: Tokenizer) throws(WorkerError) {
    let given: UnsafeRawBufferPointer?
    do throws(GGUFError) { given = try file.string("tokenizer.chat_template") } catch { throw WorkerError(error) }
    let standard = given == nil ? DefaultTemplate.of(tokenizer).template : nil
    let bytes = given.map { [UInt8]($0) } ?? standard?.source.withUTF8Buffer { [UInt8]($0) } ?? []
    ranking = (try? file.string("tokenizer.chat_template.rerank")).flatMap { $0 }.map { [UInt8]($0) } ?? []
    source = bytes
    hasTemplate = given != nil
    stops = (standard?.stops ?? []).map { $0.withUTF8Buffer { [UInt8]($0) } }
    joins =
      given != nil
      && Self.joining.contains { words in
        words.allSatisfy { word in
          word.withUTF8Buffer { word in
            bytes.indices.dropLast(word.count - 1).contains { bytes[$0..<$0 + word.count].elementsEqual(word) }
          }
        }
      }
    do throws(TemplateError) {
      form = .template(try ChatTemplate(self.source))
    } catch {
      form = .broken(WorkerError(error))
    }
  }

  /// The tokens of a query and a text that may answer it: by the file's template, or between the model's special tokens.
  func pair(query: String, text: String, tokenizer: Tokenizer) -> TextEncoding {
    let parts = [(Array("{query}".utf8), Array(query.utf8)), (Array("{document}".utf8), Array(text.utf8))]
    guard !ranking.isEmpty else { return TextEncoding(parts[0].1, followedBy: parts[1].1, tokenizer: tokenizer) }
    var (prompt, plain): ([UInt8], [Int]) = ([], [])
    var index = 0
    while index < ranking.count {
      if let (name, value) = parts.first(where: { ranking[index...].starts(with: $0.0) }) {
        // Special tokens come from the template alone.
        plain += prompt.count..<prompt.count + value.count
        prompt += value
        index += name.count
      } else {
        prompt.append(ranking[index])
        index += 1
      }
    }
    return TextEncoding(prompt, addSpecial: false, parseSpecial: true, plain: plain, tokenizer: tokenizer)
  }

  /// A prompt that is being written.
  struct Rendering {
    fileprivate let rendering: TemplateRendering

    /// Steps of a template that are a slice of work: some milliseconds.
    private static var steps: Int { 5000 }

    /// Goes on with it.
    ///
    /// - Returns: the text once it is whole.
    func advance() throws(WorkerError) -> [UInt8]? {
      do throws(TemplateError) { return try rendering.advance(steps: Self.steps) } catch { throw WorkerError(error) }
    }
  }

  /// Begins to write the prompt of these messages.
  func rendering(
    of messages: [TemplateMapping], _ variables: ChatVariables, date: TemplateDate?
  ) throws(WorkerError) -> Rendering {
    var variables = variables
    variables.messages = .list(messages.map { .mapping($0) })
    switch form {
    case .template(let template):
      do throws(TemplateError) {
        return Rendering(rendering: try TemplateRendering(template, variables, now: date))
      } catch {
        throw WorkerError(error)
      }
    case .broken(let error): throw error
    }
  }

  /// What the template gets beside the messages.
  ///
  /// - Throws: `invalidRequest` when there are no messages, or further variables that are none.
  func variables(_ chat: ChatInput, _ tokenizer: Tokenizer) throws(WorkerError) -> ChatVariables {
    if case .broken(let error) = form { throw error }
    guard !chat.messages.isEmpty else {
      throw WorkerError(.invalidRequest, "Expected a conversation of at least one message, found none.")
    }
    var variables = ChatVariables(messages: .list([]))
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

  /// A message as the template gets it: content is text, whatever parts it came in.
  ///
  /// - Throws: `invalidRequest` for a message that no template can take.
  func message(_ message: ChatMessage, number: Int) throws(WorkerError) -> TemplateMapping {
    guard MessageRole.isKnown(message.role, template: source) else {
      throw WorkerError(
        .invalidRequest,
        "Message \(number) has the role “\(message.role)”: expected system, user, assistant, tool or another one that "
          + "the model's chat template names.")
    }
    var value = TemplateMapping()
    value["role"] = TemplateValue(message.role)
    value["content"] = TemplateValue(message.content)
    guard !message.extraJSON.utf8.isEmpty else { return value }
    guard let extra = try parse(message.extraJSON, "a message").mapping else {
      throw WorkerError(.invalidRequest, "The further keys of a message must be a JSON object.")
    }
    for entry in extra.entries {
      // Who speaks is what was checked above.
      if let key = entry.key.bytes, !key.equals("role") { value[key] = entry.value }
    }
    value["content"] = try MessageContent.text(value["content"], message: number)
    return value
  }

  private func parse(_ json: String, _ what: StaticString) throws(WorkerError) -> TemplateValue {
    do throws(JSONError) {
      return try JSON.parse(Array(json.utf8))
    } catch {
      throw WorkerError(.invalidRequest, "The JSON of \(what) is wrong at byte \(error.offset): \(error.message)")
    }
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
      case .malformedFile, .missing, .invalid, .notFinite: .invalidModel
      case .unknownArchitecture, .unsupported: .unsupportedModel
      case .unsupportedOnDevice: .deviceUnavailable
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
