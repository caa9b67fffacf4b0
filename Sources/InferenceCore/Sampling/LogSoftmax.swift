import CKernels

/// Log-probabilities of one row of logits, which it borrows.
public struct LogSoftmax {
  private let logits: UnsafeBufferPointer<Float>
  private let largest: Float
  /// The logarithm of the sum of exp(logit - largest).
  private let logSum: Double

  /// Goes once over `logits`, one per token of the vocabulary.
  public init(_ logits: UnsafeBufferPointer<Float>) {
    self.logits = logits
    guard !logits.isEmpty else {
      largest = 0
      logSum = 0
      return
    }
    largest = logits[Int(ck_argmax(logits.baseAddress, Int32(logits.count)))]
    let sum = ck_softmax_weights(logits.baseAddress, largest, 1, Int32(logits.count), nil)
    logSum = Double(ck_logf(Float(sum)))
  }

  /// The natural logarithm of a token's probability; negative infinity for one that is impossible or does not exist.
  public func logprob(of id: TokenID) -> Double {
    guard id >= 0, Int(id) < logits.count else { return -.infinity }
    let logit = logits[Int(id)]
    guard logit > -.infinity else { return -.infinity }
    guard largest < .infinity else { return logit == largest ? 0 : -.infinity }
    return Double(logit) - Double(largest) - logSum
  }
}
