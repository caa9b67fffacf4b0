import InferenceCore

/// A model that is ready, and everything that reads its bytes.
final class LoadedModel {
  let command: LoadCommand
  let entry: CatalogModel?
  let info: ModelInfo
  let bytes: ModelBytes
  let tokenizer: Tokenizer
  let format: PromptFormat
  let executor: any Executor
  /// The tokens that there are, where the model's matrices have rows beyond the vocabulary; nil where they have none.
  let existing: TokenMask?
  /// One for each request that may run; the one that was used last comes last.
  private(set) var sequences: [TokenSequence]
  /// Milliseconds in which one token of a prompt passes one layer; 0 before the first was measured.
  private var tokenLayerTime = 0.0
  /// What verifying a draft costs here.
  var passCosts = PassCosts()
  var readAhead = ReadAheadTrial()
  /// When the slice began that a device computes, by the host's clock.
  var sliceBegan: Double?
  /// Tells this model's file from others, once it is needed.
  var fingerprint: ModelFingerprint

  /// Fewest tokens of one pass: fewer would be slower for each token.
  private static let smallestChunk = 16
  /// Milliseconds that a slice should take at most, since what comes meanwhile, such as a cancel, waits for its end.
  static let sliceTime = 300.0

  init(
    command: LoadCommand, entry: CatalogModel?, info: ModelInfo, bytes: ModelBytes, tokenizer: Tokenizer,
    format: PromptFormat, executor: any Executor
  ) {
    self.command = command
    self.entry = entry
    self.info = info
    self.bytes = bytes
    self.tokenizer = tokenizer
    self.format = format
    self.executor = executor
    fingerprint = ModelFingerprint(of: executor.model)
    let isPadded = tokenizer.vocabularySize < executor.model.hyperparameters.vocabularySize
    existing = isPadded ? TokenMask(count: tokenizer.vocabularySize) : nil
    sequences = (0..<executor.limits.sequences).map { _ in executor.makeSequence() }
  }

  /// Layers through which one slice takes `count` tokens of the prompt.
  func layersOfSlice(tokens count: Int) -> Int {
    guard count >= Self.smallestChunk else { return layerCount }
    guard tokenLayerTime > 0 else { return 1 }
    return max(1, Int(min(Self.sliceTime / (tokenLayerTime * Double(count)), Double(layerCount))))
  }

  /// Tokens of the prompt that one pass reads: all that there is room for, unless a single layer takes too long.
  var promptChunk: Int {
    chunk(within: tokenLayerTime)
  }

  /// Tokens of prompts that a pass reads for which replies wait: its end comes with the slice.
  var sharedPromptChunk: Int { min(chunk(within: promptTokenTime), executor.limits.rows - sequences.count) }

  private func chunk(within tokenTime: Double) -> Int {
    let most = executor.limits.rows
    guard tokenTime > 0 else { return most }
    let affordable = Int(min(Self.sliceTime / tokenTime, Double(most)))
    return min(most, max(Self.smallestChunk, affordable / Self.smallestChunk * Self.smallestChunk))
  }

  var layerCount: Int { executor.model.hyperparameters.layerCount }

  /// Milliseconds that a token of a prompt takes; 0 before the first was measured.
  var promptTokenTime: Double { tokenLayerTime * Double(layerCount) }

  /// Learns from a slice that took `count` tokens through `layers` layers.
  func sliceTook(_ milliseconds: Double, tokens count: Int, layers: Int) {
    guard layers > 0, count >= Self.smallestChunk else { return }
    let measured = max(milliseconds, 0.001) / Double(count * layers)
    tokenLayerTime += (measured - tokenLayerTime) * (tokenLayerTime > 0 ? 0.25 : 1)
  }

  /// A sequence for a prompt, of those that are free: one that loses little by it, or else the one that was not used for
  /// the longest time. Where another has more of the prompt, the two share pages.
  ///
  /// - Parameters:
  ///   - most: Tokens of the prompt that the sequence may have.
  ///   - busy: Those that are not free; fewer than there are.
  /// - Returns: the sequence, and how many tokens of the prompt it has.
  func sequence(
    for prompt: [TokenID], upTo most: Int, besides busy: [TokenSequence]
  ) -> (TokenSequence, cached: Int) {
    func common(_ sequence: TokenSequence) -> Int { min(sequence.commonPrefix(with: prompt), most) }
    let free = sequences.filter { sequence in !busy.contains { $0 === sequence } }
    var (chosen, longest) = (free.first, -1)
    for sequence in free {
      let length = common(sequence)
      // What nobody used yet loses nothing, and a conversation that goes on loses nothing of itself.
      guard length > longest, sequence.tokens.count - length <= length else { continue }
      (chosen, longest) = (sequence, length)
    }
    guard let chosen else { return (executor.makeSequence(), 0) }
    var (source, cached) = (chosen, common(chosen))
    for sequence in sequences where common(sequence) > cached { (source, cached) = (sequence, common(sequence)) }
    let count = source === chosen ? chosen.rewind(to: cached) : chosen.share(prefixOf: source, upTo: cached)
    sequences.removeAll { $0 === chosen }
    sequences.append(chosen)
    return (chosen, count)
  }

  /// Forgets what all sequences have.
  func forgetTokens() {
    for sequence in sequences { sequence.rewind(to: 0) }
  }

  /// Forgets how long passes take, since they are computed in another way from now on.
  func forgetSpeeds() {
    tokenLayerTime = 0
    passCosts = PassCosts()
    readAhead = ReadAheadTrial()
  }

  /// What people call it.
  var displayName: String {
    entry?.name ?? (info.name.utf8.isEmpty ? info.model : info.name)
  }

  /// Throws when the model writes nothing.
  func checkGenerates() throws(WorkerError) {
    guard !info.generates else { return }
    let (does, how) =
      info.pooling == .rank
      ? ("ranks texts", "Ask it for ranks with a query") : ("turns texts into vectors", "Ask it for embeddings")
    throw WorkerError(
      .unsupportedModel,
      "\(displayName) (\(info.architecture)) \(does) and cannot write. \(how), or load a model for chat.")
  }

  /// What to say of a prompt that is too long.
  func overflow(tokens count: Int, isExact: Bool = true) -> WorkerError {
    WorkerError(
      .contextOverflow,
      "The prompt has \(isExact ? "" : "at least ")\(count) tokens, \(count - info.contextLength) more than the context of \(info.contextLength) holds. "
        + "Shorten it, start a new conversation, or load the model with a longer context"
        + (info.contextLength < info.trainedContextLength ? " (up to \(info.trainedContextLength))." : "."),
      need: UInt64(count), limit: UInt64(info.contextLength))
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
