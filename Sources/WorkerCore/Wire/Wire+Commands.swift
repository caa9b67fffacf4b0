import InferenceCore

extension Wire {
  enum CommandKind {
    static let load: UInt8 = 1
    static let cancelLoad: UInt8 = 2
    static let unload: UInt8 = 3
    static let generate: UInt8 = 4
    static let cancel: UInt8 = 5
    static let cancelAll: UInt8 = 6
    static let tokenize: UInt8 = 7
    static let detokenize: UInt8 = 8
    static let applyTemplate: UInt8 = 9
    static let forget: UInt8 = 10
    static let embed: UInt8 = 11
  }

  /// A command as one frame.
  public static func encode(_ command: WorkerCommand) -> [UInt8] {
    switch command {
    case .load(let id, let load):
      var writer = WireWriter(kind: CommandKind.load, request: id)
      writer.string(load.model)
      writer.uint32(load.contextLength)
      writer.uint32(load.threads)
      writer.uint32(load.sequences)
      writer.byte(load.device.rawValue)
      return writer.finish()
    case .cancelLoad:
      return WireWriter(kind: CommandKind.cancelLoad, request: 0).finish()
    case .unload(let id):
      return WireWriter(kind: CommandKind.unload, request: id).finish()
    case .generate(let id, let generation):
      var writer = WireWriter(kind: CommandKind.generate, request: id)
      write(generation.input, to: &writer)
      write(generation.options, to: &writer)
      writer.string(generation.conversation)
      return writer.finish()
    case .cancel(let id):
      return WireWriter(kind: CommandKind.cancel, request: id).finish()
    case .cancelAll:
      return WireWriter(kind: CommandKind.cancelAll, request: 0).finish()
    case .tokenize(let id, let tokenize):
      var writer = WireWriter(kind: CommandKind.tokenize, request: id)
      writer.string(tokenize.text)
      writer.bool(tokenize.addSpecial)
      writer.bool(tokenize.parseSpecial)
      return writer.finish()
    case .detokenize(let id, let tokens):
      var writer = WireWriter(kind: CommandKind.detokenize, request: id)
      writer.list(tokens) { $0.int32($1) }
      return writer.finish()
    case .applyTemplate(let id, let chat):
      var writer = WireWriter(kind: CommandKind.applyTemplate, request: id)
      write(chat, to: &writer)
      return writer.finish()
    case .embed(let id, let embed):
      var writer = WireWriter(kind: CommandKind.embed, request: id)
      writer.list(embed.texts) { $0.string($1) }
      writer.string(embed.query)
      writer.byte(embed.pooling?.rawValue ?? 0)
      writer.bool(embed.normalizes)
      writer.bool(embed.truncates)
      return writer.finish()
    case .forget(let conversation):
      var writer = WireWriter(kind: CommandKind.forget, request: 0)
      writer.string(conversation)
      return writer.finish()
    }
  }

  /// The command in a frame, which must fill `bytes` exactly.
  public static func decodeCommand(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> WorkerCommand {
    var (header, reader) = try openFrame(bytes)
    let command = try readCommand(header, &reader)
    try reader.finish()
    return command
  }

  private static func readCommand(_ header: Header, _ reader: inout WireReader) throws(WireError) -> WorkerCommand {
    let id = header.request
    switch header.kind {
    case CommandKind.load:
      return .load(
        id,
        LoadCommand(
          model: try reader.string("the model"), contextLength: try reader.uint32("the context length"),
          threads: try reader.uint32("the number of threads"),
          sequences: try reader.uint32("the number of sequences"), device: try readChoice(&reader)))
    case CommandKind.cancelLoad: return .cancelLoad
    case CommandKind.unload: return .unload(id)
    case CommandKind.generate:
      let input = try readInput(&reader)
      let options = try readOptions(&reader)
      return .generate(
        id, GenerationCommand(input: input, options: options, conversation: try reader.string("the conversation")))
    case CommandKind.cancel: return .cancel(id)
    case CommandKind.cancelAll: return .cancelAll
    case CommandKind.tokenize:
      return .tokenize(
        id,
        TokenizeCommand(
          text: try reader.string("the text"), addSpecial: try reader.bool("add special tokens"),
          parseSpecial: try reader.bool("parse special tokens")))
    case CommandKind.detokenize: return .detokenize(id, try readTokens(&reader))
    case CommandKind.applyTemplate: return .applyTemplate(id, try readChat(&reader))
    case CommandKind.embed:
      let texts = try reader.list("texts", minimumSize: 4) { (r: inout WireReader) throws(WireError) in
        try r.string("a text")
      }
      return .embed(
        id,
        EmbedCommand(
          texts: texts, query: try reader.string("the query"), pooling: try readPooling(&reader),
          normalizes: try reader.bool("normalization"), truncates: try reader.bool("truncation")))
    case CommandKind.forget: return .forget(try reader.string("the conversation"))
    default:
      throw reader.error(.unknownKind, expected: "a command", found: "kind \(header.kind)")
    }
  }

  private static func readChoice(_ reader: inout WireReader) throws(WireError) -> DeviceChoice {
    let value = try reader.byte("the device")
    guard let choice = DeviceChoice(rawValue: value) else {
      throw reader.error(.badValue, expected: "0 to 2 for the device", found: "\(value)")
    }
    return choice
  }

  static func readTokens(_ reader: inout WireReader) throws(WireError) -> [TokenID] {
    try reader.list("tokens", minimumSize: 4) { (r: inout WireReader) throws(WireError) in try r.int32("a token") }
  }

  private static func write(_ input: GenerationInput, to writer: inout WireWriter) {
    switch input {
    case .chat(let chat):
      writer.byte(0)
      write(chat, to: &writer)
    case .text(let text):
      writer.byte(1)
      writer.string(text)
    case .tokens(let tokens):
      writer.byte(2)
      writer.list(tokens) { $0.int32($1) }
    }
  }

  private static func readInput(_ reader: inout WireReader) throws(WireError) -> GenerationInput {
    let kind = try reader.byte("the kind of input")
    switch kind {
    case 0: return .chat(try readChat(&reader))
    case 1: return .text(try reader.string("the text"))
    case 2: return .tokens(try readTokens(&reader))
    default: throw reader.error(.badValue, expected: "0 to 2 for the kind of input", found: "\(kind)")
    }
  }

  private static func write(_ chat: ChatInput, to writer: inout WireWriter) {
    writer.list(chat.messages) { writer, message in
      writer.string(message.role)
      writer.string(message.content)
      writer.string(message.extraJSON)
    }
    writer.bool(chat.addGenerationPrompt)
    writer.string(chat.toolsJSON)
    writer.string(chat.variablesJSON)
  }

  private static func readChat(_ reader: inout WireReader) throws(WireError) -> ChatInput {
    let messages = try reader.list("messages", minimumSize: 12) { (r: inout WireReader) throws(WireError) in
      ChatMessage(
        role: try r.string("a role"), content: try r.string("a message"), extraJSON: try r.string("a message's JSON"))
    }
    return ChatInput(
      messages: messages, addGenerationPrompt: try reader.bool("add a generation prompt"),
      toolsJSON: try reader.string("tools"), variablesJSON: try reader.string("template variables"))
  }

  private static func write(_ options: GenerationOptions, to writer: inout WireWriter) {
    writer.optional(options.maxTokens) { $0.count($1) }
    writer.optional(options.temperature) { $0.float($1) }
    writer.optional(options.topK) { $0.count($1) }
    writer.optional(options.topP) { $0.float($1) }
    writer.optional(options.minP) { $0.float($1) }
    writer.optional(options.typicalP) { $0.float($1) }
    writer.optional(options.repeatPenalty) { $0.float($1) }
    writer.optional(options.repeatLastN) { $0.int32(Int32(clamping: $1)) }
    writer.optional(options.frequencyPenalty) { $0.float($1) }
    writer.optional(options.presencePenalty) { $0.float($1) }
    writer.optional(options.seed) { $0.uint64($1) }
    writer.optional(options.logprobs) { $0.count($1) }
    writer.list(options.logitBias) { writer, bias in
      writer.int32(bias.token)
      writer.float(bias.bias)
    }
    writer.list(options.stop) { $0.string($1) }
    writer.list(options.stopTokens) { $0.int32($1) }
    writer.bool(options.ignoresEndOfGeneration)
    writer.byte(options.overflow.rawValue)
    writer.bool(options.speculation)
  }

  private static func readOptions(_ reader: inout WireReader) throws(WireError) -> GenerationOptions {
    var options = GenerationOptions()
    options.maxTokens = try readOptionalCount(&reader, "max tokens")
    options.temperature = try readOptionalFloat(&reader, "temperature")
    options.topK = try readOptionalCount(&reader, "top k")
    options.topP = try readOptionalFloat(&reader, "top p")
    options.minP = try readOptionalFloat(&reader, "min p")
    options.typicalP = try readOptionalFloat(&reader, "typical p")
    options.repeatPenalty = try readOptionalFloat(&reader, "repeat penalty")
    options.repeatLastN = try reader.optional("repeat last n") { (r: inout WireReader) throws(WireError) in
      Int(try r.int32("repeat last n"))
    }
    options.frequencyPenalty = try readOptionalFloat(&reader, "frequency penalty")
    options.presencePenalty = try readOptionalFloat(&reader, "presence penalty")
    options.seed = try reader.optional("seed") { (r: inout WireReader) throws(WireError) in try r.uint64("seed") }
    options.logprobs = try readOptionalCount(&reader, "log-probabilities")
    options.logitBias = try reader.list("logit biases", minimumSize: 8) { (r: inout WireReader) throws(WireError) in
      GenerationOptions.LogitBias(token: try r.int32("a token"), bias: try r.float("a bias"))
    }
    options.stop = try reader.list("stop strings", minimumSize: 4) { (r: inout WireReader) throws(WireError) in
      try r.string("a stop string")
    }
    options.stopTokens = try readTokens(&reader)
    options.ignoresEndOfGeneration = try reader.bool("ignore the end of generation")
    let overflow = try reader.byte("the overflow policy")
    guard let policy = GenerationOptions.ContextOverflow(rawValue: overflow) else {
      throw reader.error(.badValue, expected: "0 or 1 for the overflow policy", found: "\(overflow)")
    }
    options.overflow = policy
    options.speculation = try reader.bool("speculation")
    return options
  }

  private static func readOptionalFloat(
    _ reader: inout WireReader, _ what: StaticString
  ) throws(WireError) -> Float? {
    try reader.optional(what) { (r: inout WireReader) throws(WireError) in try r.float(what) }
  }

  private static func readOptionalCount(
    _ reader: inout WireReader, _ what: StaticString
  ) throws(WireError) -> Int? {
    try reader.optional(what) { (r: inout WireReader) throws(WireError) in try r.count(what) }
  }
}
