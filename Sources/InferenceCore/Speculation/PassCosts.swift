/// What a pass over several tokens takes compared with one over a single token, learned from their times.
public struct PassCosts: Sendable {
  /// Milliseconds of a pass over one token; 0 before the first.
  private var single = 0.0
  /// Of a pass over n + 1 tokens, in passes over one.
  private var relative: [Double]

  /// What each further token is thought to cost before it was measured: little, or it would never be tried.
  private static let expected = 0.1
  /// How much a measurement changes what is believed of its number of tokens, and how much of what is believed of the
  /// others is forgotten, so that they are tried again some time.
  private static let learning = 0.5
  private static let forgetting = 0.001
  /// How many passes over one token a pass may take where one alone fills a worker's slice. Whoever cancels waits for the
  /// end of a pass, so drafts add at most half to what cannot be shortened anyway.
  private static let longest = 1.5

  public init() {
    relative = (0...Speculation.longestDraft).map { Self.prior($0) }
  }

  private static func prior(_ drafted: Int) -> Double { 1 + expected * Double(drafted) }

  /// Takes notice of how long a pass over the last token and `drafted` more took.
  public mutating func passTook(_ milliseconds: Double, drafted: Int) {
    guard milliseconds > 0, relative.indices.contains(drafted) else { return }
    for other in relative.indices.dropFirst() {
      relative[other] += (Self.prior(other) - relative[other]) * Self.forgetting
    }
    if drafted == 0 {
      single += (milliseconds - single) * (single > 0 ? 0.125 : 1)
    } else if single > 0 {
      // What takes far more than a pass for each token is the machine doing something else.
      let measured = min(milliseconds / single, 2 * Double(drafted + 1))
      relative[drafted] += (measured - relative[drafted]) * Self.learning
    }
  }

  /// Passes over a single token that one over the last token and `drafted` more takes.
  func relativeCost(drafted: Int) -> Double { relative[drafted] }

  /// Whether such a pass keeps within a slice of the worker or, where single tokens hardly do, is not much longer than one.
  func isShort(drafted: Int, limit milliseconds: Double) -> Bool {
    single * relative[drafted] <= max(milliseconds, Self.longest * single)
  }
}
