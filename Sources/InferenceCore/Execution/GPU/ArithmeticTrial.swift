/// Finds the numbers with which a card takes prompts fastest, by trying each on those that come: what a card has is no promise
/// that it is fast, and nothing tells.
struct ArithmeticTrial {
  private let candidates: [GPUArithmetic]
  /// Of each candidate the passes that it took, and the least time for a row.
  private var results: [(passes: Int, time: Double)]
  /// Rows of the passes that are compared; a row costs less among more.
  private var rows = fewestRows

  /// Fewer rows say little.
  private static let fewestRows = 64
  /// Passes of each, of which the first may pay for more than itself.
  private static let passes = 3

  /// - Parameter candidates: At least one.
  init(_ candidates: [GPUArithmetic]) {
    self.candidates = candidates
    results = candidates.map { _ in (0, .infinity) }
  }

  /// What the next pass takes: of those that are tried the one that was tried least, since what a prompt costs grows with its
  /// length, or the fastest.
  mutating func next(rows: Int) -> GPUArithmetic {
    guard candidates.count > 1 else { return candidates[0] }
    if rows * 3 > self.rows * 4 {
      // What was measured on fewer says nothing of so many.
      self.rows = rows
      results = candidates.map { _ in (0, .infinity) }
    }
    let least = results.indices.min { results[$0].passes < results[$1].passes } ?? 0
    if isLikeOthers(rows), results[least].passes < Self.passes { return candidates[least] }
    return candidates[results.indices.min { results[$0].time < results[$1].time } ?? 0]
  }

  /// A pass over so many rows has come to its end after a time.
  mutating func took(_ time: Double, rows: Int, with arithmetic: GPUArithmetic) {
    guard isLikeOthers(rows), let index = candidates.firstIndex(of: arithmetic) else { return }
    results[index].passes += 1
    if results[index].passes > 1 { results[index].time = min(results[index].time, time / Double(rows)) }
  }

  private func isLikeOthers(_ rows: Int) -> Bool {
    rows >= Self.fewestRows && rows * 4 >= self.rows * 3 && rows * 3 <= self.rows * 4
  }
}
