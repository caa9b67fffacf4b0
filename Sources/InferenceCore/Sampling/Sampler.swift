import CKernels

/// Chooses the next token from the model's logits.
///
/// Semantics are llama.cpp's default chain; see ``SamplingOptions``. Every choice depends only on the logits, the
/// options (with the seed) and the tokens accepted before, and is the same on every machine. Logits that are NaN count
/// as impossible; if none is possible, token 0 is returned.
public struct Sampler {
  let options: SamplingOptions
  let vocabularySize: Int
  private var generator: SplitMix64
  private var history: TokenHistory
  /// Logits that biases and penalties have changed, to be put back.
  private var changed = [(id: Int, logit: Float)]()
  /// What the filters left at the last choice, unless every token was possible or the log-probabilities came after.
  package internal(set) var candidates = [Candidate]()
  /// Weights of the whole vocabulary, when a choice needs them.
  var weights = [Float]()
  /// How near each token's information is to the entropy, when typical needs it for the whole vocabulary.
  var nearness = [Float]()

  public init(_ options: SamplingOptions, vocabularySize: Int) {
    (self.options, self.vocabularySize) = (options, vocabularySize)
    generator = SplitMix64(seed: options.seed)
    history = TokenHistory(limit: options.repeatLastN < 0 ? nil : options.repeatLastN)
    let kept = options.topK > 0 ? min(options.topK, vocabularySize) : 0
    candidates.reserveCapacity(min(kept, 1024))
  }

  /// Whether all logits are finite numbers, as those of a model are whose weights are right.
  public static func isFinite(_ logits: UnsafeMutableBufferPointer<Float>) -> Bool {
    ck_is_finite(logits.baseAddress, Int32(logits.count)) != 0
  }

  /// Remembers a token of the prompt or the reply for the penalties.
  public mutating func accept(_ id: TokenID) {
    if options.penalizes { history.append(id) }
  }

  /// Chooses a token. `logits` has one element per token of the vocabulary, and the same contents afterwards.
  ///
  /// The chosen token is not accepted; see ``accept(_:)``.
  ///
  /// - Parameter mask: The tokens to choose among; nil for all.
  public mutating func sample(_ logits: UnsafeMutableBufferPointer<Float>, among mask: TokenMask? = nil) -> Sample {
    guard !logits.isEmpty else { return Sample(id: 0, logprob: nil, top: []) }
    mask?.forEachForbidden(in: logits.count) { id in
      changed.append((id, logits[id]))
      logits[id] = -.infinity
    }
    let forbidden = changed.count
    adjust(logits)
    let id = choose(logits)
    restore(logits, from: forbidden)
    defer { restore(logits, from: 0) }

    // Of the raw model's logits, among the tokens that may come.
    guard let count = options.topLogprobs else { return Sample(id: id, logprob: nil, top: []) }
    let scores = LogSoftmax(UnsafeBufferPointer(logits))
    candidates.selectTop(min(count, logits.count - forbidden), of: logits)
    return Sample(
      id: id, logprob: Float(scores.logprob(of: id)),
      top: candidates.map { TokenLogprob(id: $0.id, logprob: Float(scores.logprob(of: $0.id))) })
  }

  /// Takes changes back, in reverse, since a token may have been changed twice.
  private mutating func restore(_ logits: UnsafeMutableBufferPointer<Float>, from first: Int) {
    while changed.count > first, let change = changed.popLast() { logits[change.id] = change.logit }
  }

  /// Applies biases and penalties.
  private mutating func adjust(_ logits: UnsafeMutableBufferPointer<Float>) {
    for (token, bias) in options.logitBias {
      let id = Int(token)
      guard id >= 0, id < logits.count else { continue }
      changed.append((id, logits[id]))
      logits[id] += bias
    }
    guard options.penalizes else { return }
    for (token, count) in history.counts {
      let id = Int(token)
      guard id >= 0, id < logits.count else { continue }
      var logit = logits[id]
      changed.append((id, logit))
      if options.dividesLogits {
        // Dividing a negative logit would make the token likelier.
        logit = logit <= 0 ? logit * options.repeatPenalty : logit / options.repeatPenalty
      }
      logits[id] = logit - Float(count) * options.frequencyPenalty - options.presencePenalty
    }
  }

  private mutating func choose(_ logits: UnsafeMutableBufferPointer<Float>) -> TokenID {
    // Of the filters only typical can remove the likeliest token.
    if options.isGreedy && !options.filtersTypical { return likeliest(logits) }
    guard filter(logits) else { return drawFromAll(logits) }
    guard let first = candidates.first else { return likeliest(logits) }
    return options.isGreedy ? first.id : draw(first).id
  }

  private func likeliest(_ logits: UnsafeMutableBufferPointer<Float>) -> TokenID {
    ck_argmax(logits.baseAddress, Int32(logits.count))
  }

  /// Draws from the whole vocabulary by temperature alone.
  private mutating func drawFromAll(_ logits: UnsafeMutableBufferPointer<Float>) -> TokenID {
    let largest = likeliest(logits)
    let sum = weigh(logits, largest: logits[Int(largest)], factor: factor)
    let target = generator.nextUnit() * sum
    // An infinite logit or none that is possible.
    guard sum > 0 else { return largest }
    return weights.withUnsafeBufferPointer { weights in
      var reached = 0.0
      for id in weights.indices {
        reached += Double(weights[id])
        if reached > target { return TokenID(id) }
      }
      // The sums differ in rounding: the target may lie a trace past the end.
      return largest
    }
  }

  /// Draws from the candidates by temperature; `likeliest` is the first of them.
  mutating func draw(_ likeliest: Candidate) -> Candidate {
    let sum = weighCandidates(factor: factor)
    let target = generator.nextUnit() * sum
    guard sum > 0 else { return likeliest }
    var reached = 0.0
    for candidate in candidates {
      reached += Double(candidate.weight)
      if reached > target { return candidate }
    }
    return likeliest
  }

  /// What logits are multiplied by: finite, so that zero times it stays zero.
  private var factor: Float { min(1 / options.temperature, 1e30) }
}
