import CKernels

/// The bytes a model takes at a context length.
public struct MemoryCost: Equatable, Sendable {
  /// The weights, where the file's bytes are.
  public let weights: Int
  /// Keys and values of the whole context.
  public let cache: Int
  /// Everything between input and logits.
  public let scratch: Int

  public var total: Int { weights + cache + scratch }
}

/// One sequence of tokens being read and continued by a model: its keys, values and logits.
public final class InferenceContext {
  /// Tokens of one slice of prefill.
  public static let prefillChunk = 128

  public let model: LanguageModel
  /// Tokens there is room for.
  public let contextLength: Int
  /// The ids whose keys and values the cache holds.
  public private(set) var tokens: [TokenID] = []

  private let team: ThreadTeam
  private let memory: UnsafeMutableRawPointer
  private let scratch: Scratch
  private let logitRows: Int

  /// - Parameters:
  ///   - contextLength: Tokens to have room for, at least 1.
  ///   - logitRows: Most tokens of one ``evaluate(_:logitRows:)`` whose logits are wanted.
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
    _ = Scratch(
      h, contextLength: contextLength, chunk: chunk, logitRows: logitRows, lanes: team.count, in: &measure)
    memory = .allocate(byteCount: measure.size, alignment: 64)
    var arena = Arena(base: memory)
    scratch = Scratch(
      h, contextLength: contextLength, chunk: chunk, logitRows: logitRows, lanes: team.count, in: &arena)
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

  /// Forgets all but the first `length` tokens.
  public func truncate(to length: Int) {
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
    let logits = UnsafeMutableBufferPointer(start: scratch.logits, count: logitRows * h.vocabularySize)
    if new.isEmpty { return logits }

    model.rotary.fill(
      first: tokens.count, count: new.count, cosines: scratch.rotary.cosines, sines: scratch.rotary.sines)
    model.windowRotary.fill(
      first: tokens.count, count: new.count, cosines: scratch.windowRotary.cosines, sines: scratch.windowRotary.sines)
    new.withUnsafeBufferPointer { ids in
      guard let first = ids.baseAddress, let layers = model.layers.baseAddress else { return }
      var pass = Transformer(
        h: h, layers: layers, embedding: model.embedding, outputNorm: model.outputNorm,
        outputNormBias: model.outputNormBias, output: model.output, outputBias: model.outputBias, scratch: scratch,
        contextLength: contextLength, tokens: first, count: ids.count, position: tokens.count, logitRows: logitRows)
      let handle = team.handle
      withUnsafeMutablePointer(to: &pass) { pass in
        var work = Work(pass: UnsafePointer(pass), team: handle)
        ck_team_run(
          handle,
          { context, lane, lanes in
            guard let work = context?.assumingMemoryBound(to: Work.self) else { return }
            work.pointee.pass.pointee.run(Lane(index: Int(lane), count: Int(lanes), team: work.pointee.team))
          }, &work)
      }
    }
    tokens.append(contentsOf: new)
    return logits
  }

  private struct Work {
    let pass: UnsafePointer<Transformer>
    let team: OpaquePointer
  }
}

extension LanguageModel {
  /// What a model needs at a context length, from its header alone.
  public static func memoryCost(
    of file: GGUFFile, contextLength: Int, threads: Int = 1
  ) throws(ModelError) -> MemoryCost {
    let h = try Hyperparameters(file)
    guard contextLength >= 1, contextLength <= 1 << 24 else {
      throw ModelError(.invalid, "The context has \(contextLength) tokens; expected from 1 to \(1 << 24).")
    }
    var arena = Arena()
    let chunk = min(InferenceContext.prefillChunk, contextLength)
    _ = Scratch(h, contextLength: contextLength, chunk: chunk, logitRows: 1, lanes: threads, in: &arena)
    let cache = contextLength * h.cacheBytesPerToken
    return MemoryCost(weights: Int(file.dataSize), cache: cache, scratch: arena.size - cache)
  }
}
