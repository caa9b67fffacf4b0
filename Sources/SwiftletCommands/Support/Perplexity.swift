import Foundation
import InferenceCore

/// Perplexity of a model on a text, computed as llama.cpp's tool does, so that the figures compare: the text's tokens in
/// chunks of one context each, the first token of each chunk replaced by begin-of-text where the tokenizer adds it, and
/// only the second half of each chunk scored.
struct Perplexity {
  /// Tokens of one pass whose logits are wanted; bounds the memory they take with a large vocabulary.
  private static let scoredSlice = 32

  /// One scored place: what the model foresaw there.
  struct Place: Encodable {
    /// The text's token, and the natural logarithm of its probability.
    let token: TokenID
    let logprob: Double
    /// The likeliest tokens, likeliest first, and theirs.
    let topTokens: [TokenID]
    let topLogprobs: [Float]

    enum CodingKeys: String, CodingKey {
      case token, logprob
      case topTokens = "top_tokens"
      case topLogprobs = "top_logprobs"
    }
  }

  /// The likeliest tokens to keep of each scored place; nil keeps no places.
  let topCount: Int?
  /// With ``topCount``: the tokens that were read, chunk after chunk, and the scored places.
  private(set) var tokens: [TokenID] = []
  private(set) var places: [Place] = []
  private(set) var chunkCount = 0
  private(set) var scoredCount = 0
  private var sum = 0.0
  private var sumOfSquares = 0.0

  init(topCount: Int? = nil) {
    self.topCount = topCount
  }

  /// exp of the mean negative log-likelihood; NaN before the first chunk.
  var value: Double { exp(sum / Double(scoredCount)) }

  /// One standard error of ``value``.
  var standardError: Double {
    let mean = sum / Double(scoredCount)
    let variance = max(sumOfSquares / Double(scoredCount) - mean * mean, 0)
    return scoredCount > 1 ? value * (variance / Double(scoredCount - 1)).squareRoot() : 0
  }

  /// Scores the whole chunks of `tokens`; `report` hears of each.
  ///
  /// - Parameter chunkLength: Tokens of one chunk.
  /// - Throws: ``CommandError`` when there are fewer than two chunks, ``ModelError``.
  mutating func score(
    _ tokens: [TokenID], chunkLength: Int, tokenizer: Tokenizer, model: LanguageModel, team: ThreadTeam,
    report: (Perplexity, _ chunks: Int) -> Void
  ) throws {
    guard tokens.count >= 2 * chunkLength else {
      throw CommandError(
        "The text has \(tokens.count) tokens; perplexity over chunks of \(chunkLength) needs at least \(2 * chunkLength). "
          + "Take a longer text or a smaller --context.")
    }
    let limits = ExecutionLimits(contextLength: chunkLength, logitRows: min(Self.scoredSlice, chunkLength))
    let executor = try CPUExecutor(model: model, team: team, limits: limits)
    let sequence = executor.makeSequence()
    let chunks = tokens.count / chunkLength
    for index in 0..<chunks {
      var chunk = Array(tokens[index * chunkLength..<(index + 1) * chunkLength])
      if tokenizer.addsBeginOfText, let begin = tokenizer.beginOfText { chunk[0] = begin }
      sequence.rewind(to: 0)
      if topCount != nil { self.tokens += chunk }
      try score(chunk, executor, sequence)
      chunkCount += 1
      report(self, chunks)
    }
  }

  private mutating func score(_ chunk: [TokenID], _ executor: CPUExecutor, _ sequence: TokenSequence) throws {
    let first = chunk.count / 2
    var position = 0
    // Nothing follows the last token, so it need not be read.
    let end = chunk.count - 1
    while position < end {
      let isScored = position >= first
      let length = isScored ? Self.scoredSlice : ExecutionLimits.mostRows
      let next = min(position + length, isScored ? end : first)
      let rows = isScored ? next - position : 0
      let logits = try executor.evaluate(chunk[position..<next], in: sequence, logitRows: rows)
      let vocabularySize = rows > 0 ? logits.count / rows : 0
      for row in 0..<rows {
        let values = UnsafeMutableBufferPointer(rebasing: logits[row * vocabularySize..<(row + 1) * vocabularySize])
        guard Sampler.isFinite(values) else { throw ModelError.notFinite }
        add(chunk[position + row + 1], values)
      }
      position = next
    }
  }

  private mutating func add(_ token: TokenID, _ logits: UnsafeMutableBufferPointer<Float>) {
    let logprob = Self.logProbability(of: Int(token), logits)
    sum -= logprob
    sumOfSquares += logprob * logprob
    scoredCount += 1
    guard let topCount else { return }
    var sampler = Sampler(
      SamplingOptions(temperature: 0, topLogprobs: topCount), vocabularySize: logits.count)
    let top = sampler.sample(logits).top
    places.append(
      Place(token: token, logprob: logprob, topTokens: top.map(\.id), topLogprobs: top.map(\.logprob)))
  }

  private static func logProbability(of token: Int, _ logits: UnsafeMutableBufferPointer<Float>) -> Double {
    var largest = -Float.infinity
    for logit in logits where logit > largest { largest = logit }
    var total = 0.0
    for logit in logits { total += Double(expf(logit - largest)) }
    return Double(logits[token] - largest) - log(total)
  }
}
