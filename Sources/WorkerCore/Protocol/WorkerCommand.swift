import InferenceCore

/// Names one request; the events that answer it carry the same number. Chosen by whoever sends the command; 0 is no one's.
public typealias RequestID = UInt32

/// What a worker can be asked to do.
public enum WorkerCommand: Equatable, Sendable {
  /// Loads a model, replacing the one that is loaded or loading. Answered by `loaded` or `failed`.
  case load(RequestID, LoadCommand)
  /// Stops a load that is under way; the load is answered by `failed` with code `cancelled`.
  case cancelLoad
  /// Ends all requests, frees the model and clears a load's error. Answered by `unloaded`.
  case unload(RequestID)
  /// Generates text, after the requests before it or beside them (``LoadCommand/sequences``). Answered by `started`, any number of `text`, then `finished`; or `failed`.
  case generate(RequestID, GenerationCommand)
  /// Ends this request, running or waiting. A generation is answered by `finished` with reason `aborted`, anything else (a
  /// load goes on if another request waits for it) by `failed` with code `cancelled`.
  case cancel(RequestID)
  /// Ends every generation request.
  case cancelAll
  /// Turns text into tokens. Answered by `tokens`.
  case tokenize(RequestID, TokenizeCommand)
  /// Turns tokens into text. Answered by `rendered`.
  case detokenize(RequestID, [TokenID])
  /// Renders messages as the model's prompt. Answered by `rendered`.
  case applyTemplate(RequestID, ChatInput)
  /// Turns texts into vectors, after the requests before it. Answered by `embedded` for each text, or `failed`.
  case embed(RequestID, EmbedCommand)
  /// Deletes the keys and values that are kept of this conversation; of all conversations when it is empty.
  case forget(String)
}

/// Which model to load, and how.
public struct LoadCommand: Equatable, Sendable {
  /// A tier, a catalog id, a path or `org/repo[:quant]`; the shell that brings the bytes understands it.
  public var model: String
  /// Tokens of context; 0 for the shell's usual choice, bounded by what the model was trained for.
  public var contextLength: UInt32
  /// Threads to compute with; 0 for the shell's choice.
  public var threads: UInt32
  /// Generation requests that run together, each with a context of its own; 0 for one after the other.
  public var sequences: UInt32
  public var device: DeviceChoice

  public init(
    model: String, contextLength: UInt32 = 0, threads: UInt32 = 0, sequences: UInt32 = 0, device: DeviceChoice = .auto
  ) {
    self.model = model
    self.contextLength = contextLength
    self.threads = threads
    self.sequences = sequences
    self.device = device
  }
}

/// Text to tokenize.
public struct TokenizeCommand: Equatable, Sendable {
  public var text: String
  /// Adds the tokens that the model expects around a text (begin of text), if it does.
  public var addSpecial: Bool
  /// Reads special tokens that are written out in the text (`<|im_end|>`) as such.
  public var parseSpecial: Bool

  public init(text: String, addSpecial: Bool = true, parseSpecial: Bool = false) {
    self.text = text
    self.addSpecial = addSpecial
    self.parseSpecial = parseSpecial
  }
}

/// One message of a conversation.
public struct ChatMessage: Equatable, Sendable {
  /// `system`, `developer`, `user`, `assistant`, `tool`, `function`, or one that the model's template names.
  public var role: String
  public var content: String
  /// A JSON object with further keys for the template (`tool_calls`, `name`, `reasoning_content`); a `content` in it, text
  /// or a list of parts with text, replaces ``content``. Empty for none.
  public var extraJSON: String

  public init(role: String, content: String, extraJSON: String = "") {
    self.role = role
    self.content = content
    self.extraJSON = extraJSON
  }

  public static func system(_ content: String) -> ChatMessage { ChatMessage(role: "system", content: content) }
  public static func user(_ content: String) -> ChatMessage { ChatMessage(role: "user", content: content) }
  public static func assistant(_ content: String) -> ChatMessage { ChatMessage(role: "assistant", content: content) }
}

/// A conversation as the chat template takes it.
public struct ChatInput: Equatable, Sendable {
  public var messages: [ChatMessage]
  /// Whether the prompt ends where the assistant's reply begins.
  public var addGenerationPrompt: Bool
  /// A JSON array of tools; empty for none.
  public var toolsJSON: String
  /// A JSON object of further template variables (`enable_thinking`); empty for none.
  public var variablesJSON: String

  public init(
    messages: [ChatMessage], addGenerationPrompt: Bool = true, toolsJSON: String = "", variablesJSON: String = ""
  ) {
    self.messages = messages
    self.addGenerationPrompt = addGenerationPrompt
    self.toolsJSON = toolsJSON
    self.variablesJSON = variablesJSON
  }
}

/// What to continue.
public enum GenerationInput: Equatable, Sendable {
  /// A conversation, rendered with the model's chat template.
  case chat(ChatInput)
  /// Text as it is, with the model's begin-of-text token if it has one.
  case text(String)
  /// Tokens as they are.
  case tokens([TokenID])
}

/// A generation request.
public struct GenerationCommand: Equatable, Sendable {
  public var input: GenerationInput
  public var options: GenerationOptions
  /// Names the conversation, so that its keys and values are kept for later requests, also of later processes and
  /// visits; empty when they are not to be kept.
  public var conversation: String

  public init(
    input: GenerationInput, options: GenerationOptions = GenerationOptions(), conversation: String = ""
  ) {
    self.input = input
    self.options = options
    self.conversation = conversation
  }
}
