/// Decides which tokens to draft after the last one, so that one pass of the model verifies several.
///
/// A pass reads all weights for one token and, at little more cost, for several. The tokens drafted are those that
/// followed the same tokens earlier (``DraftLookup``); the model's own choices decide which of them are right, so a reply
/// is the same with and without (Leviathan et al., “Fast Inference from Transformers via Speculative Decoding”, 2023, with
/// a draft that is certain of itself). How many are drafted follows from how often such guesses were right in this
/// sequence and from what passes cost. Since a guess needs no pass to be found right or wrong, a sequence without
/// repetitions costs nothing.
public struct Speculation {
  /// Most tokens drafted at once.
  public static let longestDraft = 7
  /// How many tokens are drafted: few different numbers, so that what each costs is soon known.
  private static let lengths = [1, 3, longestDraft]
  /// Rows of logits that a context needs to verify the longest draft.
  public static let logitRows = longestDraft + 1

  private var lookup: DraftLookup
  /// By how many last tokens agree: how often the guess was right of late, and how often there was one.
  private var hits: [Double]
  private var trials: [Double]

  /// Chances that a guess is right, before any was seen, by how many last tokens agree: 1, 2, 3, 4 to 7, 8 to 15, and more.
  private static let priors = [0.1, 0.3, 0.5, 0.75, 0.9, 0.95]
  /// How many trials that belief counts for.
  private static let priorTrials = 2.0
  /// What an earlier trial counts less with each new one.
  private static let memory = 0.95
  /// What a draft must promise to be tried, in times of doing without: the estimates are not sure to a few percent.
  private static let worthwhile = 1.05

  /// - Parameters:
  ///   - prompt: The sequence so far.
  ///   - contextLength: How long it may become.
  public init(prompt: [TokenID], contextLength: Int) {
    lookup = DraftLookup(capacity: contextLength)
    hits = [Double](repeating: 0, count: Self.priors.count)
    trials = hits
    for id in prompt { lookup.append(id) }
  }

  /// Takes the next token of the sequence, whether it was drafted or not.
  public mutating func append(_ id: TokenID) {
    if let guess = lookup.guess {
      let kind = Self.kind(lookup.matchLength)
      trials[kind] = trials[kind] * Self.memory + 1
      hits[kind] = hits[kind] * Self.memory + (guess == id ? 1 : 0)
    }
    lookup.append(id)
  }

  /// The tokens that are worth verifying after the last one, often none.
  ///
  /// - Parameters:
  ///   - limit: Most tokens wanted.
  ///   - slice: Milliseconds that a pass should take at most.
  public func draft(limit: Int, costs: PassCosts, slice: Double) -> [TokenID] {
    guard lookup.matchLength > 0 else { return [] }
    var chance = 1.0
    var expected = 1.0
    var best = Self.worthwhile
    var length = 0
    var counted = 0
    for drafted in Self.lengths {
      guard drafted <= limit, costs.isShort(drafted: drafted, limit: slice) else { break }
      while counted < drafted {
        // The tokens before this one are right, or it does not count.
        chance *= chanceOfGuess(matchLength: lookup.matchLength + counted)
        expected += chance
        counted += 1
      }
      let gain = expected / costs.relativeCost(drafted: drafted)
      if gain > best {
        best = gain
        length = drafted
      }
    }
    return lookup.draft(length)
  }

  private func chanceOfGuess(matchLength: Int) -> Double {
    let kind = Self.kind(matchLength)
    return (hits[kind] + Self.priors[kind] * Self.priorTrials) / (trials[kind] + Self.priorTrials)
  }

  private static func kind(_ matchLength: Int) -> Int {
    switch matchLength {
    case ...3: max(0, matchLength - 1)
    case ...7: 3
    case ...15: 4
    default: 5
    }
  }
}
