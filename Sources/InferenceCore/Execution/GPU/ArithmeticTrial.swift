/// Finds the numbers with which a card takes prompts fastest, by trying each on those that come: what a card has is no promise
/// that it is fast, and nothing tells.
struct ArithmeticTrial {
  private let candidates: [GPUArithmetic]
  /// Of each candidate the passes that it took, and the least time for a row.
  private var results: [(passes: Int, time: Double)]

  /// Fewer rows say little.
  private static let fewestRows = 64
  /// Passes of each, of which the first may pay for more than itself.
  private static let passes = 3

  /// - Parameter candidates: At least one.
  init(_ candidates: [GPUArithmetic]) {
    self.candidates = candidates
    results = candidates.map { _ in (0, .infinity) }
  }

  /// What the next pass takes: a candidate that is not tried yet, or the fastest.
  func next(rows: Int) -> GPUArithmetic {
    let isAlone = candidates.count == 1
    if !isAlone, rows >= Self.fewestRows, let index = results.firstIndex(where: { $0.passes < Self.passes }) {
      return candidates[index]
    }
    let best = results.indices.min { results[$0].time < results[$1].time } ?? 0
    return candidates[best]
  }

  /// A pass over so many rows has come to its end after a time.
  mutating func took(_ time: Double, rows: Int, with arithmetic: GPUArithmetic) {
    guard rows >= Self.fewestRows, let index = candidates.firstIndex(of: arithmetic) else { return }
    results[index].passes += 1
    if results[index].passes > 1 { results[index].time = min(results[index].time, time / Double(rows)) }
  }

  /// The card is wrong with it.
  mutating func leaveOut(_ arithmetic: GPUArithmetic) {
    self = ArithmeticTrial(candidates.filter { $0 != arithmetic })
  }
}
