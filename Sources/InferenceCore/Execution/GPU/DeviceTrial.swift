import CKernels

/// What is asked of a graphics card before it computes the first reply: is it right, and is it faster than the processor.
///
/// Right is what the processor says of a small model of the same kernels. The card's speed is measured with the model itself,
/// the processor's with as many random weights as take it a moment.
public final class DeviceTrial {
  public enum Progress: Equatable, Sendable {
    /// Slices are left.
    case again
    /// The card computes.
    case waiting
    /// The card is wrong by this part of what it should have said.
    case wrong(Double)
    /// The card is right; with what each takes for a token, in milliseconds, where that was asked for.
    case passed(gpu: Double, cpu: Double)
  }

  /// Tokens of passes over the small model: a prompt with each of the numbers that it may be computed with, floats last, a few
  /// and one, which have kernels of their own.
  private var passes: [Int] { sample.arithmetics.map { _ in 12 } + [3, 1] }
  /// How far the card may be from the processor, which rounds activations to eight bits: that gives less than a hundredth.
  private static let tolerance = 0.05
  /// Tokens that are timed after as many that are not.
  private static let timedTokens = 4
  /// Bytes of weights that the processor is timed with: more than its caches hold.
  private static let timedBytes: Int64 = 48 << 20

  private let executor: GPUExecutor
  private let sample: GPUExecutor
  private let model: LanguageModel
  private let team: ThreadTeam
  private let measures: Bool
  private let now: () -> Double
  private var stage = Stage.start

  private enum Stage {
    case start
    /// How many passes over the sample are done, and its sequences on the card and beside it.
    case checking(Int, TokenSequence, CPUExecutor, TokenSequence)
    /// How many tokens went through the model on the card, since when, and the times of those that count.
    case timing(Int, TokenSequence, since: Double, [Double])
  }

  /// - Parameters:
  ///   - executor: Of the model, whose weights are there.
  ///   - device: For the small model.
  ///   - measures: Whether the speeds are wanted.
  public init(
    of executor: GPUExecutor, on device: any GraphicsDevice, team: ThreadTeam, measures: Bool,
    now: @escaping () -> Double
  ) throws(ModelError) {
    (self.executor, self.team, self.measures, self.now) = (executor, team, measures, now)
    model = try SampleModel.small(of: executor.model).model
    sample = try GPUExecutor(model: model, device: device, limits: Self.limits)
  }

  private static var limits: ExecutionLimits { ExecutionLimits(contextLength: 32) }

  /// Whether the small model's kernels are compiled.
  public var isReady: Bool { sample.isReady }

  /// The card has done what it was told with this ticket.
  public func finished(_ ticket: UInt32) {
    sample.finished(ticket)
    executor.finished(ticket)
  }

  /// One slice.
  public func advance() throws(ModelError) -> Progress {
    switch stage {
    case .start:
      let processor = try CPUExecutor(model: model, team: team, limits: Self.limits)
      stage = .checking(0, sample.makeSequence(), processor, processor.makeSequence())
      return .again
    case .checking(let done, let sequence, let processor, let other):
      // The last one is held to its likeliest tokens, which the card finds.
      let isLast = done + 1 == passes.count
      let arithmetic = done < sample.arithmetics.count ? sample.arithmetics.reversed()[done] : .floats
      if sample.tokensUnderWay == 0 {
        sample.onlyArithmetic = arithmetic
        if done < sample.arithmetics.count {
          sequence.rewind(to: 0)
          other.rewind(to: 0)
        }
        try sample.submit(Batch([span(done, sequence)], wantsAllLogits: !isLast))
      }
      switch sample.advance(layers: .max) {
      case .waiting: return .waiting
      case .idle, .again: return .again
      case .done: break
      }
      try processor.submit(Batch([span(done, other)]))
      while processor.advance(layers: .max) != .done {}
      let difference =
        isLast
        ? Self.difference(sample.candidates(ofRow: 0), processor.logits)
        : Self.difference(sample.logits, processor.logits)
      if difference > Self.tolerance {
        guard arithmetic != .floats else { return .wrong(difference) }
        executor.leaveOut(arithmetic)
      }
      if !isLast {
        stage = .checking(done + 1, sequence, processor, other)
        return .again
      }
      guard measures else { return .passed(gpu: 0, cpu: 0) }
      stage = .timing(0, executor.makeSequence(), since: now(), [])
      return .again
    case .timing(let done, let sequence, let since, var times):
      if executor.tokensUnderWay == 0 { try executor.submit(Batch([Batch.Span(sequence, tokens: [0])])) }
      switch executor.advance(layers: .max) {
      case .waiting: return .waiting
      case .idle, .again: return .again
      case .done: break
      }
      let time = now()
      if done >= Self.timedTokens { times.append(time - since) }
      guard times.count == Self.timedTokens || done + 1 == executor.limits.contextLength else {
        stage = .timing(done + 1, sequence, since: time, times)
        return .again
      }
      sequence.rewind(to: 0)
      // What cannot be compared is not.
      guard let time = try? processorTime() else { return .passed(gpu: 0, cpu: 0) }
      return .passed(gpu: times.min() ?? 0, cpu: time)
    }
  }

  /// Tokens of the small model's passes.
  private func span(_ pass: Int, _ sequence: TokenSequence) -> Batch.Span {
    let count = model.hyperparameters.vocabularySize
    return Batch.Span(sequence, tokens: (0..<passes[pass]).map { TokenID((37 * pass + 11 * $0) % count) })
  }

  /// The distance of two lists of numbers, as a part of the second one's length; what is no number is far away.
  private static func difference(
    _ a: UnsafeMutableBufferPointer<Float>, _ b: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    var (distance, length) = (0.0, 0.0)
    for (x, y) in zip(a, b) {
      distance += Double(x - y) * Double(x - y)
      length += Double(y) * Double(y)
    }
    guard a.count == b.count, distance.isFinite, length > 0 else { return .infinity }
    return (distance / length).squareRoot()
  }

  /// The same for the likeliest tokens alone, which must be some of the others' likeliest.
  private static func difference(
    _ top: TopCandidates?, _ logits: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    guard let top, let first = top.tokens.first, let largest = logits.max(), first.logit.isFinite else {
      return .infinity
    }
    var (distance, length) = (Double((first.logit - largest) * (first.logit - largest)), 0.0)
    for token in top.tokens {
      let (x, y) = (Double(token.logit), Double(logits[Int(token.id)]))
      distance += (x - y) * (x - y)
      length += y * y
    }
    let sum = logits.reduce(0) { $0 + Double(ck_expf($1 - largest)) }
    guard distance.isFinite, length > 0, abs(top.sum - sum) <= Self.tolerance * sum else { return .infinity }
    return (distance / length).squareRoot()
  }

  /// Milliseconds that a token of the model takes the processor, from those of some of its layers.
  private func processorTime() throws(ModelError) -> Double {
    let part = try SampleModel.cut(of: executor.model, bytes: Self.timedBytes)
    let processor = try CPUExecutor(model: part.model, team: team, limits: Self.limits)
    let sequence = processor.makeSequence()
    var best = Double.infinity
    for _ in 0..<Self.timedTokens {
      let start = now()
      try processor.submit(Batch([Batch.Span(sequence, tokens: [0])]))
      while processor.advance(layers: .max) != .done {}
      best = min(best, now() - start)
    }
    return best * Double(part.allBytesPerToken) / Double(part.bytesPerToken)
  }
}
