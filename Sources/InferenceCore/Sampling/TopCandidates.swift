import CKernels

/// The likeliest tokens of one row of logits, and what the probabilities of all follow from: what a device that has the
/// logits sends instead of them.
public struct TopCandidates {
  /// Most tokens that are listed.
  public static let most = 64
  /// Numbers of 32 bits of a list.
  public static let words = 2 * most + 1

  /// Likeliest first, of equal logits the lower id; none that is impossible.
  let tokens: [Candidate]
  /// The sum of exp(logit - largest) over all tokens, to some millionths.
  let sum: Double

  /// Reads a list as `top.wgsl` writes it: logits, behind the last of which is negative infinity, then ids, then the sum.
  ///
  /// - Parameter tokenCount: Tokens of the vocabulary.
  public init(_ list: UnsafeBufferPointer<UInt32>, tokenCount: Int) {
    var tokens: [Candidate] = []
    tokens.reserveCapacity(Self.most)
    for index in 0..<Self.most {
      let (logit, id) = (Float(bitPattern: list[index]), list[Self.most + index])
      guard logit > -.infinity, id < UInt32(tokenCount) else { break }
      tokens.append(Candidate(id: TokenID(id), logit: logit))
    }
    self.tokens = tokens
    sum = Double(Float(bitPattern: list[2 * Self.most]))
  }

  /// Whether all tokens' logits are finite numbers, as far as the likeliest and the sum tell.
  public var isFinite: Bool { sum.isFinite && tokens.first.map { $0.logit.isFinite } == true }

  /// Whether these are all that are possible: there is room for more.
  var isWhole: Bool { tokens.count < Self.most }

  /// The natural logarithm of the probability of a token with this logit.
  func logprob(_ logit: Float) -> Double {
    guard let largest = tokens.first?.logit else { return -.infinity }
    return Double(logit) - Double(largest) - Double(ck_logf(Float(sum)))
  }
}
