/// Which tokens may come next: what stands between the model's logits and the sampler.
///
/// It knows nothing of why: a vocabulary with rows that are no tokens, and one day a grammar or a forced text.
public struct TokenMask: Equatable, Sendable {
  /// One bit for each token.
  private var words: [UInt64]
  /// Tokens that are spoken of; every later one is forbidden.
  public let count: Int

  /// Allows all of `0..<count`.
  public init(count: Int) {
    self.count = count
    words = Array(repeating: .max, count: count / 64)
    if count % 64 > 0 { words.append((1 << UInt64(count % 64)) - 1) }
  }

  public func allows(_ id: TokenID) -> Bool {
    id >= 0 && Int(id) < count && words[Int(id) / 64] >> UInt64(id % 64) & 1 == 1
  }

  public mutating func forbid(_ id: TokenID) {
    guard allows(id) else { return }
    words[Int(id) / 64] &= ~(1 << UInt64(id % 64))
  }

  /// Calls `body` with each token of a vocabulary that may not come, in order.
  func forEachForbidden(in vocabulary: Int, _ body: (Int) -> Void) {
    let spoken = min(count, vocabulary)
    for word in words.indices where words[word] != .max && word * 64 < spoken {
      for id in word * 64..<min(word * 64 + 64, spoken) where words[word] >> UInt64(id % 64) & 1 == 0 {
        body(id)
      }
    }
    for id in spoken..<vocabulary { body(id) }
  }
}
