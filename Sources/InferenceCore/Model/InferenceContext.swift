import CKernels

/// The bytes a model takes at a context length.
public struct MemoryCost: Equatable, Sendable {
  /// The weights, where the file's bytes are.
  public let weights: Int64
  /// Keys and values of the whole context.
  public let cache: Int64
  /// Everything between input and logits.
  public let scratch: Int64

  /// What is needed besides the weights.
  public var working: Int64 { cache.saturatingSum(scratch) }
  public var total: Int64 { weights.saturatingSum(working) }
}

/// One sequence of tokens being read and continued by a model: its keys, values and logits.
public final class InferenceContext {
  /// Tokens of one slice of prefill.
  public static let prefillChunk = 256

  public let model: LanguageModel
  /// Tokens there is room for.
  public let contextLength: Int
  /// The ids whose keys and values the cache holds.
  public internal(set) var tokens: [TokenID] = []
  private var pass: Pass?

  private let team: ThreadTeam
  private let memory: UnsafeMutableRawPointer
  let scratch: Scratch
  private let logitRows: Int

  /// - Parameters:
  ///   - contextLength: Tokens to have room for, at least 1.
  ///   - logitRows: Most tokens of one ``evaluate(_:logitRows:)`` whose logits are wanted.
  /// - Throws: ``ModelError/Kind-swift.enum/outOfResources`` when this machine cannot address so much memory.
  public init(
    model: LanguageModel, contextLength: Int, team: ThreadTeam, logitRows: Int = 1
  ) throws(ModelError) {
    guard contextLength >= 1, contextLength <= 1 << 24, logitRows >= 1, logitRows <= Self.prefillChunk else {
      throw ModelError(.invalid, "The context has \(contextLength) tokens; expected from 1 to \(1 << 24).")
    }
    self.model = model
    self.contextLength = contextLength
    self.team = team
    self.logitRows = logitRows
    let h = model.hyperparameters
    let chunk = min(Self.prefillChunk, contextLength)
    var measure = Arena()
    let formats = model.inputFormats
    _ = Scratch(
      h, formats, contextLength: contextLength, chunk: chunk, logitRows: logitRows, lanes: team.count, in: &measure)
    guard let size = Int(exactly: measure.size), size < .max else {
      throw ModelError(
        .outOfResources, "A context of \(contextLength) tokens takes \(measure.size) bytes, more than can be had here.")
    }
    memory = .allocate(byteCount: size, alignment: 64)
    var arena = Arena(base: memory)
    scratch = Scratch(
      h, formats, contextLength: contextLength, chunk: chunk, logitRows: logitRows, lanes: team.count, in: &arena)
  }

  deinit {
    memory.deallocate()
  }

  /// How many tokens of `prompt`, from its first, the cache already holds.
  public func commonPrefix(with prompt: [TokenID]) -> Int {
    var length = 0
    while length < min(tokens.count, prompt.count), tokens[length] == prompt[length] { length += 1 }
    return length
  }

  /// Tokens of the pass that is under way, 0 when none is, and the layers that it is through.
  public var tokensUnderWay: Int { pass?.tokens.count ?? 0 }
  public var layersDone: Int { pass?.layersDone ?? 0 }

  /// Forgets all but the first `length` tokens, and a pass under way.
  public func truncate(to length: Int) {
    pass = nil
    if length < tokens.count { tokens.removeLast(tokens.count - max(0, length)) }
  }

  /// Appends tokens to the sequence, at most ``prefillChunk``.
  ///
  /// - Returns: Logits of the last `logitRows` tokens, [row][vocabulary], valid until the next call. With 0 none are
  ///   computed.
  /// - Throws: ``ModelError/Kind-swift.enum/contextFull`` and ``ModelError/Kind-swift.enum/unknownToken``; the sequence
  ///   is then as it was.
  @discardableResult
  public func evaluate(
    _ new: ArraySlice<TokenID>, logitRows: Int = 1
  ) throws(ModelError) -> UnsafeMutableBufferPointer<Float> {
    try begin(new, logitRows: logitRows)
    return advance(layers: model.hyperparameters.layerCount) ?? UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  /// Begins to append tokens as ``evaluate(_:logitRows:)`` does, for ``advance(layers:)`` to go on with. A pass that was
  /// under way is given up.
  public func begin(_ new: ArraySlice<TokenID>, logitRows: Int = 1) throws(ModelError) {
    pass = nil
    let h = model.hyperparameters
    guard new.count <= scratch.chunk, logitRows <= min(self.logitRows, new.count), logitRows >= 0 else {
      throw ModelError(.invalid, "One pass takes up to \(scratch.chunk) tokens, found \(new.count).")
    }
    guard tokens.count + new.count <= contextLength else {
      let over = tokens.count + new.count - contextLength
      throw ModelError(.contextFull, "The tokens are \(over) more than the context's \(contextLength).")
    }
    for id in new where id < 0 || Int(id) >= h.vocabularySize {
      throw ModelError(.unknownToken, "The token id \(id) is outside the vocabulary of \(h.vocabularySize).")
    }
    model.rotary.fill(
      first: tokens.count, count: new.count, cosines: scratch.rotary.cosines, sines: scratch.rotary.sines)
    model.windowRotary.fill(
      first: tokens.count, count: new.count, cosines: scratch.windowRotary.cosines, sines: scratch.windowRotary.sines)
    pass = Pass(tokens: Array(new), logitRows: logitRows)
  }

  /// Takes the pass under way through up to `count` more layers. Until it is through the last, the sequence is as it was.
  ///
  /// - Returns: The logits as ``evaluate(_:logitRows:)`` does, or nil while layers are left.
  public func advance(layers count: Int) -> UnsafeMutableBufferPointer<Float>? {
    guard let begun = pass else { return nil }
    let h = model.hyperparameters
    let slice = begun.layersDone..<min(begun.layersDone + max(count, 1), h.layerCount)
    if !begun.tokens.isEmpty { run(begun, slice) }
    guard slice.upperBound == h.layerCount else {
      pass?.layersDone = slice.upperBound
      return nil
    }
    pass = nil
    tokens.append(contentsOf: begun.tokens)
    return UnsafeMutableBufferPointer(start: scratch.logits, count: begun.logitRows * h.vocabularySize)
  }

  private func run(_ begun: Pass, _ slice: Range<Int>) {
    begun.tokens.withUnsafeBufferPointer { ids in
      guard let first = ids.baseAddress, let layers = model.layers.baseAddress else { return }
      var transformer = Transformer(
        h: model.hyperparameters, layers: layers, embedding: model.embedding, outputNorm: model.outputNorm,
        outputNormBias: model.outputNormBias, output: model.output, outputBias: model.outputBias, scratch: scratch,
        tokens: first, count: ids.count, position: tokens.count, logitRows: begun.logitRows, slice: slice)
      let handle = team.handle
      withUnsafeMutablePointer(to: &transformer) { transformer in
        var work = Work(transformer: UnsafePointer(transformer), team: handle)
        ck_team_run(
          handle,
          { context, index in
            guard let work = context?.assumingMemoryBound(to: Work.self) else { return }
            let transformer = work.pointee.transformer
            var lane = Lane(index: Int(index), team: work.pointee.team, steps: transformer.pointee.scratch.steps)
            transformer.pointee.run(&lane)
          }, &work, scratch.steps, Int32(scratch.stepCount), stallsToRest(tokens: ids.count))
      }
    }
  }

  /// After how many stalls a lane is held to be in the way: some quarter of the time that the pass takes. Passes over many
  /// tokens have so many pieces that a lane which is held up half of the time still pays.
  private func stallsToRest(tokens count: Int) -> Int32 {
    guard count <= 16 else { return .max }
    return Int32(clamping: max(3, model.weightBytes >> 25 * (1 + count / 4)))
  }

  /// A pass over tokens, through some of the layers.
  private struct Pass {
    let tokens: [TokenID]
    let logitRows: Int
    var layersDone = 0
  }

  private struct Work {
    let transformer: UnsafePointer<Transformer>
    let team: OpaquePointer
  }
}

extension LanguageModel {
  /// What a model needs at a context length, from its header alone.
  ///
  /// - Parameter logitRows: As ``InferenceContext`` takes them; by default as speculation needs them.
  public static func memoryCost(
    of file: GGUFFile, contextLength: Int, threads: Int = 1, logitRows: Int = Speculation.logitRows
  ) throws(ModelError) -> MemoryCost {
    let h = try Hyperparameters(file)
    guard contextLength >= 1, contextLength <= 1 << 24 else {
      throw ModelError(.invalid, "The context has \(contextLength) tokens; expected from 1 to \(1 << 24).")
    }
    var arena = Arena()
    let chunk = min(InferenceContext.prefillChunk, contextLength)
    _ = Scratch(
      h, InputFormats(), contextLength: contextLength, chunk: chunk, logitRows: logitRows, lanes: threads, in: &arena)
    let cache = h.cacheBytesPerToken.saturatingProduct(contextLength)
    return MemoryCost(weights: file.dataSize, cache: cache, scratch: arena.size - min(cache, arena.size))
  }
}
