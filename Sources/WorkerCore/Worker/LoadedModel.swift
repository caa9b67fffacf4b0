import InferenceCore

/// A model that is ready, and everything that reads its bytes.
final class LoadedModel {
  let command: LoadCommand
  let entry: CatalogModel?
  let info: ModelInfo
  let bytes: ModelBytes
  let tokenizer: Tokenizer
  let format: PromptFormat
  let context: InferenceContext
  /// Milliseconds in which one token of a prompt passes one layer; 0 before the first was measured.
  private var tokenLayerTime = 0.0
  /// What verifying a draft costs here.
  var passCosts = PassCosts()
  /// Tells this model's file from others, once it is needed.
  var fingerprint = ModelFingerprint()

  /// Fewest tokens of one pass: fewer would be slower for each token.
  private static let smallestChunk = 16
  /// Milliseconds that a slice should take at most, since what comes meanwhile, such as a cancel, waits for its end.
  static let sliceTime = 300.0

  init(
    command: LoadCommand, entry: CatalogModel?, info: ModelInfo, bytes: ModelBytes, tokenizer: Tokenizer,
    format: PromptFormat, context: InferenceContext
  ) {
    self.command = command
    self.entry = entry
    self.info = info
    self.bytes = bytes
    self.tokenizer = tokenizer
    self.format = format
    self.context = context
  }

  /// Layers through which one slice takes `count` tokens of the prompt.
  func layersOfSlice(tokens count: Int) -> Int {
    let all = context.model.hyperparameters.layerCount
    guard count >= Self.smallestChunk else { return all }
    guard tokenLayerTime > 0 else { return 1 }
    return max(1, Int(min(Self.sliceTime / (tokenLayerTime * Double(count)), Double(all))))
  }

  /// Tokens of the prompt that one pass reads: all that there is room for, unless a single layer takes too long.
  var promptChunk: Int {
    guard tokenLayerTime > 0 else { return InferenceContext.prefillChunk }
    let affordable = Int(min(Self.sliceTime / tokenLayerTime, Double(InferenceContext.prefillChunk)))
    return max(Self.smallestChunk, affordable / Self.smallestChunk * Self.smallestChunk)
  }

  /// Milliseconds that a token of a prompt takes; 0 before the first was measured.
  var promptTokenTime: Double { tokenLayerTime * Double(context.model.hyperparameters.layerCount) }

  /// Learns from a slice that took `count` tokens through `layers` layers.
  func sliceTook(_ milliseconds: Double, tokens count: Int, layers: Int) {
    guard layers > 0, count >= Self.smallestChunk else { return }
    let measured = max(milliseconds, 0.001) / Double(count * layers)
    tokenLayerTime += (measured - tokenLayerTime) * (tokenLayerTime > 0 ? 0.25 : 1)
  }

  /// A conversation as the text of a prompt.
  func render(_ chat: ChatInput, date: TemplateDate?) throws(WorkerError) -> [UInt8] {
    try format.render(
      chat, beginOfText: tokenizer.beginOfText.map { tokenizer.piece($0) },
      endOfText: tokenizer.endOfText.map { tokenizer.piece($0) }, date: date)
  }

  /// The tokens of a request's prompt; of a chat, without the messages that its overflow policy drops.
  func promptTokens(_ command: GenerationCommand, date: TemplateDate?) throws(WorkerError) -> [TokenID] {
    let tokens: [TokenID]
    switch command.input {
    case .tokens(let given):
      try checkTokens(given)
      tokens = given
    case .text(let text):
      tokens = tokenizer.encode(Array(text.utf8), addSpecial: true, parseSpecial: true)
    case .chat(var chat):
      var fitting = try chatTokens(chat, date)
      while fitting.count > info.contextLength, command.options.overflow == .dropOldestMessages,
        let oldest = droppable(chat.messages)
      {
        chat.messages.remove(at: oldest)
        fitting = try chatTokens(chat, date)
      }
      tokens = fitting
    }
    guard !tokens.isEmpty else { throw WorkerError(.invalidRequest, "The prompt is empty.") }
    let excess = tokens.count - info.contextLength
    guard excess <= 0 else {
      throw WorkerError(
        .contextOverflow,
        "The prompt has \(tokens.count) tokens, \(excess) more than the context of \(info.contextLength) holds. "
          + "Shorten it, start a new conversation, or load the model with a longer context"
          + (info.contextLength < info.trainedContextLength ? " (up to \(info.trainedContextLength))." : "."),
        need: UInt64(tokens.count), limit: UInt64(info.contextLength))
    }
    return tokens
  }

  /// The oldest message that may go: not the system's, not the last.
  private func droppable(_ messages: [ChatMessage]) -> Int? {
    messages.dropLast().firstIndex { !sameBytes($0.role, "system") }
  }

  private func chatTokens(_ chat: ChatInput, _ date: TemplateDate?) throws(WorkerError) -> [TokenID] {
    let prompt = try render(chat, date: date)
    var tokens = tokenizer.encode(prompt, addSpecial: false, parseSpecial: true)
    // Many templates write the begin-of-text token themselves, others leave it to the tokenizer.
    if tokenizer.addsBeginOfText, let begin = tokenizer.beginOfText, tokens.first != begin {
      tokens.insert(begin, at: 0)
    }
    return tokens
  }

  /// Throws when a token is not one of the model's.
  func checkTokens(_ tokens: [TokenID]) throws(WorkerError) {
    for token in tokens where token < 0 || Int(token) >= tokenizer.vocabularySize {
      throw WorkerError(
        .invalidRequest, "Token \(token) does not exist: the model's tokens are 0 to \(tokenizer.vocabularySize - 1).")
    }
  }

  /// The text of tokens, with the special ones written out.
  func text(of tokens: [TokenID]) -> String {
    var detokenizer = Detokenizer(tokenizer, skipsControlTokens: false)
    var bytes: [UInt8] = []
    for token in tokens { bytes += detokenizer.append(token) }
    bytes += detokenizer.finish()
    return String(decoding: bytes, as: UTF8.self)
  }
}
