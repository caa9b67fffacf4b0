/// A chat template: Jinja source that turns a conversation into a prompt.
///
/// Renders as Hugging Face's `apply_chat_template` does: block tags eat the newline after them and the blanks before
/// them (`trim_blocks`, `lstrip_blocks`), values cannot be changed, `tojson` is Python's `json.dumps` without ASCII
/// escapes, and `raise_exception`, `strftime_now`, `break` and `continue` exist.
public struct ChatTemplate: Sendable {
  fileprivate let statements: [TemplateStatement]
  fileprivate let names: [[UInt8]]

  /// Parses a template.
  public init(_ source: [UInt8]) throws(TemplateError) {
    var parser = TemplateParser(try TemplateLexer.tokens(of: source))
    statements = try parser.template()
    names = parser.names
  }

  /// Renders the prompt of a conversation.
  ///
  /// - Parameter now: the local time; without it `strftime_now` is undefined, which templates test for.
  public func render(
    _ chat: ChatVariables, now: TemplateDate? = nil, limits: TemplateLimits = TemplateLimits()
  ) throws(TemplateError) -> [UInt8] {
    try render(chat.variables, now: now, limits: limits)
  }

  /// Renders with any variables.
  public func render(
    _ variables: TemplateMapping, now: TemplateDate? = nil, limits: TemplateLimits = TemplateLimits()
  ) throws(TemplateError) -> [UInt8] {
    let rendering = try TemplateRendering(self, variables, now: now, limits: limits)
    while true {
      if let text = try rendering.advance() { return text }
    }
  }
}

/// A template on its way to becoming text, one slice of work at a time, so that nothing waits for a long conversation.
public final class TemplateRendering {
  private let interpreter: TemplateInterpreter

  /// - Parameters: as of ``ChatTemplate/render(_:now:limits:)``.
  public convenience init(
    _ template: ChatTemplate, _ chat: ChatVariables, now: TemplateDate? = nil,
    limits: TemplateLimits = TemplateLimits()
  ) throws(TemplateError) {
    try self.init(template, chat.variables, now: now, limits: limits)
  }

  /// Renders with any variables.
  public init(
    _ template: ChatTemplate, _ variables: TemplateMapping, now: TemplateDate? = nil,
    limits: TemplateLimits = TemplateLimits()
  ) throws(TemplateError) {
    interpreter = TemplateInterpreter(names: template.names, variables: variables, now: now, limits: limits)
    try interpreter.begin(template.statements, variables: variables)
  }

  /// Goes on with the template: at least with one statement, whatever macros and loops its expressions run.
  ///
  /// - Parameter steps: About how many steps of ``TemplateLimits/steps`` to take.
  /// - Returns: the text once it is whole.
  public func advance(steps: Int = .max) throws(TemplateError) -> [UInt8]? {
    try interpreter.advance(steps: steps) ? interpreter.output : nil
  }
}

/// What a chat template is given, under the names that templates expect.
public struct ChatVariables: Sendable {
  /// A list of mappings with `role`, `content` and whatever else a message carries (`tool_calls`, …).
  public var messages: TemplateValue
  /// A list of tool descriptions, or none.
  public var tools: TemplateValue = .none
  /// Whether the prompt ends with the opening of the assistant's next message.
  public var addGenerationPrompt = true
  /// Text of the vocabulary's begin-of-text token; undefined in the template when nil.
  public var beginOfText: [UInt8]?
  /// Text of the vocabulary's end-of-text token; undefined in the template when nil.
  public var endOfText: [UInt8]?
  /// Further arguments, such as `enable_thinking`; they win over the ones above.
  public var extra = TemplateMapping()

  public init(messages: TemplateValue) {
    self.messages = messages
  }

  /// The variables by name.
  package var variables: TemplateMapping {
    var variables = TemplateMapping()
    variables["messages"] = messages
    variables["tools"] = tools
    variables["documents"] = TemplateValue.none
    variables["add_generation_prompt"] = .bool(addGenerationPrompt)
    if let beginOfText { variables["bos_token"] = .string(beginOfText) }
    if let endOfText { variables["eos_token"] = .string(endOfText) }
    for entry in extra.entries { _ = variables.set(entry.key, to: entry.value) }
    return variables
  }
}
