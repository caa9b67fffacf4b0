import CKernels

/// Choosing without the logits of the whole vocabulary, where the likeliest tokens tell what all would.
extension Sampler {
  /// How far sums of probabilities may be off that different machines computed, as a part of the whole.
  private static let tolerance = 1e-5

  /// Whether the likeliest tokens may be enough: nothing changes logits, and few tokens are to be left.
  public var isContentWithTop: Bool {
    guard options.logitBias.isEmpty, !options.penalizes, (options.topLogprobs ?? 0) <= TopCandidates.most else {
      return false
    }
    if options.isGreedy, !options.filtersTypical { return true }
    if hasTopK, options.topK <= TopCandidates.most { return true }
    if options.filtersTypical || (hasTopK && options.filtersTopP) { return false }
    return options.filtersTopP || options.filtersMinP
  }

  /// Whether these tell what ``sample(_:among:)`` would choose.
  public mutating func isDecided(by top: TopCandidates) -> Bool {
    guard isContentWithTop, let likeliest = top.tokens.first else { return false }
    let isPlain = options.isGreedy && !options.filtersTypical
    // Beside an infinite logit nothing has a probability.
    guard likeliest.logit < .infinity || (isPlain && options.topLogprobs == nil) else { return false }
    return isPlain || filter(top)
  }

  /// Chooses a token as ``sample(_:among:)`` does, by the same random number.
  ///
  /// - Returns: nil, and no random number is taken, where that needs all logits.
  public mutating func sample(_ top: TopCandidates) -> Sample? {
    guard isDecided(by: top), var chosen = top.tokens.first else { return nil }
    if !options.isGreedy || options.filtersTypical {
      guard let first = candidates.first else { return nil }
      chosen = options.isGreedy ? first : draw(first)
    }
    guard let count = options.topLogprobs else { return Sample(id: chosen.id, logprob: nil, top: []) }
    return Sample(
      id: chosen.id, logprob: Float(top.logprob(chosen.logit)),
      top: top.tokens.prefix(max(count, 0)).map { TokenLogprob(id: $0.id, logprob: Float(top.logprob($0.logit))) })
  }

  /// Filters as over the whole vocabulary; false where these do not tell what is left.
  private mutating func filter(_ top: TopCandidates) -> Bool {
    candidates.removeAll(keepingCapacity: true)
    candidates += top.tokens
    // Whether the candidates are all that is left, or only begin like it.
    var isExact = top.isWhole
    if hasTopK, options.topK <= TopCandidates.most || top.isWhole {
      candidates.keepFirst(options.topK)
      if options.filtersTypical { filterTypical() }
      if options.filtersTopP { filterTopP() }
      isExact = true
    } else if options.filtersTypical || (hasTopK && options.filtersTopP) {
      return false
    } else if options.filtersTopP {
      isExact = filterTopP(of: top.sum)
    } else if !options.filtersMinP {
      return false
    }
    let count = candidates.count
    if options.filtersMinP { filterMinP() }
    return isExact || candidates.count < count
  }

  /// Top-p over the whole vocabulary. False where only so many surely stay, and perhaps others.
  private mutating func filterTopP(of total: Double) -> Bool {
    guard let largest = candidates.first?.logit else { return false }
    let (target, tolerance) = (Double(options.topP) * total, Self.tolerance * total)
    var reached = 0.0
    for index in candidates.indices {
      reached += Double(ck_expf(candidates[index].logit - largest))
      guard reached >= target - tolerance else { continue }
      candidates.keepFirst(index + 1)
      return reached >= target + tolerance
    }
    return false
  }

  /// Whether top-k leaves anything out.
  private var hasTopK: Bool { options.topK > 0 && options.topK < vocabularySize }
}
