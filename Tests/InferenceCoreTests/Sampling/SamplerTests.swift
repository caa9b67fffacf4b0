import Foundation
import InferenceCore
import Testing

@Suite struct SamplerTests {
  static func sample(_ options: SamplingOptions, _ logits: [Float], accepting accepted: [TokenID] = []) -> Sample {
    var sampler = Sampler(options, vocabularySize: logits.count)
    for id in accepted { sampler.accept(id) }
    var logits = logits
    return logits.withUnsafeMutableBufferPointer { sampler.sample($0) }
  }

  /// Draws `count` tokens with one sampler.
  static func draw(_ count: Int, _ options: SamplingOptions, _ logits: [Float]) -> [TokenID] {
    var sampler = Sampler(options, vocabularySize: logits.count)
    var logits = logits
    return logits.withUnsafeMutableBufferPointer { logits in (0..<count).map { _ in sampler.sample(logits).id } }
  }

  static let plain = SamplingOptions(temperature: 1, topK: 0, topP: 1, minP: 0)
  static let greedy = SamplingOptions(temperature: 0)

  @Test func oneNumberThatIsNotFiniteIsFound() {
    for count in [1, 7, 8, 9, 100] {
      var logits = (0..<count).map { index -> Float in Float(index - count / 2) * 1e36 }
      func isFinite() -> Bool { logits.withUnsafeMutableBufferPointer { Sampler.isFinite($0) } }
      #expect(isFinite())
      for value in [Float.nan, .infinity, -.infinity] {
        for index in 0..<count {
          let kept = logits[index]
          logits[index] = value
          #expect(!isFinite())
          logits[index] = kept
        }
      }
    }
  }

  // MARK: Greedy

  static let greedyTable: [(logits: [Float], id: TokenID)] = [
    ([3], 0), ([1, 2, 3], 2), ([3, 2, 1], 0), ([1, 5, 5, 2], 1), ([-3, -1, -2], 1),
    ([.nan, 1, 2], 2), ([1, .nan, 0], 0), ([.nan, .nan], 0), ([-.infinity, -.infinity, -1], 2),
    ([-.infinity, -.infinity], 0), ([1, .infinity, 2, .infinity], 1), ([-.infinity, .nan, -5], 2),
    (Array(repeating: 0, count: 17) + [1], 17), (Array(repeating: .nan, count: 9) + [-1], 9),
  ]

  @Test(arguments: greedyTable)
  func greedyTakesTheFirstOfTheLikeliest(logits: [Float], id: TokenID) {
    #expect(Self.sample(Self.greedy, logits).id == id)
    // Whatever the filters: none of them removes the likeliest.
    #expect(Self.sample(SamplingOptions(temperature: -1, topK: 1, topP: 0.1, minP: 0.9), logits).id == id)
  }

  @Test func aVocabularyOfNothingGivesTokenZero() {
    #expect(Self.sample(Self.greedy, []).id == 0)
    #expect(Self.sample(Self.plain, []).id == 0)
  }

  // MARK: Biases and penalties

  struct Penalties: CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout SamplingOptions) -> Void
    let accepted: [TokenID]
    let logits: [Float]
  }

  /// From the logits 2, -2, 1, 0, worked out by hand.
  static let penalties = [
    Penalties(
      testDescription: "repeat divides positive and multiplies negative logits", change: { $0.repeatPenalty = 2 },
      accepted: [0, 1, 0, 3], logits: [1, -4, 1, 0]),
    Penalties(
      testDescription: "frequency counts", change: { $0.frequencyPenalty = 0.5 }, accepted: [0, 1, 0, 0],
      logits: [0.5, -2.5, 1, 0]),
    Penalties(
      testDescription: "presence counts once", change: { $0.presencePenalty = 0.5 }, accepted: [0, 1, 0, 0],
      logits: [1.5, -2.5, 1, 0]),
    Penalties(
      testDescription: "all three, repeat first",
      change: {
        $0.repeatPenalty = 4
        $0.frequencyPenalty = 0.25
        $0.presencePenalty = 0.125
      }, accepted: [0, 0, 1], logits: [-0.125, -8.375, 1, 0]),
    Penalties(
      testDescription: "only the last two",
      change: {
        $0.presencePenalty = 1
        $0.repeatLastN = 2
      }, accepted: [0, 2, 1, 1, 3], logits: [2, -3, 1, -1]),
    Penalties(
      testDescription: "a token that falls out of the window is counted down",
      change: {
        $0.frequencyPenalty = 1
        $0.repeatLastN = 3
      }, accepted: [0, 0, 0, 2], logits: [0, -2, 0, 0]),
    Penalties(
      testDescription: "none remembered",
      change: {
        $0.presencePenalty = 1
        $0.repeatLastN = 0
      }, accepted: [0, 1], logits: [2, -2, 1, 0]),
    Penalties(
      testDescription: "all remembered",
      change: {
        $0.frequencyPenalty = 0.0078125
        $0.repeatLastN = -1
      }, accepted: Array(repeating: 0, count: 128), logits: [1, -2, 1, 0]),
    Penalties(
      testDescription: "tokens outside the vocabulary are passed over",
      change: {
        $0.presencePenalty = 1
        $0.logitBias = [(-1, 5), (99, 5)]
      }, accepted: [-1, 4, 99, .max, .min], logits: [2, -2, 1, 0]),
    Penalties(
      testDescription: "a bias comes before the penalties",
      change: {
        $0.logitBias = [(1, 4), (3, -1)]
        $0.repeatPenalty = 2
      }, accepted: [1, 3], logits: [2, 1, 1, -2]),
  ]

  @Test(arguments: penalties)
  func penaltiesChangeTheLogitsOfRecentTokens(_ table: Penalties) {
    // Min-p lists what is left with its logits, and leaves everything.
    var options = SamplingOptions(temperature: 1, topK: 0, topP: 1, minP: 1e-30)
    table.change(&options)
    var sampler = Sampler(options, vocabularySize: 4)
    for id in table.accepted { sampler.accept(id) }
    let original: [Float] = [2, -2, 1, 0]
    var logits = original
    _ = logits.withUnsafeMutableBufferPointer { sampler.sample($0) }
    #expect(sampler.candidates.sorted { $0.id < $1.id }.map { $0.logit } == table.logits)
    #expect(logits == original)
  }

  // MARK: Drawing

  @Test func oneSeedGivesOneSequenceAndAnotherSeedAnother() {
    let logits = (0..<1000).map { Float($0 % 37) / 10 }
    var options = SamplingOptions(seed: 7)
    let first = Self.draw(100, options, logits)
    #expect(Self.draw(100, options, logits) == first)
    options.seed = 8
    #expect(Self.draw(100, options, logits) != first)
  }

  @Test func theSequenceOfASeedIsTheSameOnEveryMachine() {
    // Recorded once; a change here changes what every user's seed gives.
    let logits = (0..<100).map { Float(($0 * 37) % 101) / 20 }
    #expect(Self.draw(12, SamplingOptions(seed: 42), logits) == Self.recordedFiltered)
    var options = Self.plain
    options.seed = 42
    #expect(Self.draw(12, options, logits) == Self.recordedPlain)
  }

  static let recordedFiltered: [TokenID] = [35, 90, 49, 79, 30, 13, 19, 95, 79, 87, 19, 98]
  static let recordedPlain: [TokenID] = [76, 19, 30, 35, 5, 87, 24, 79, 34, 60, 21, 49]

  static let frequencies: [(temperature: Float, expected: [Double])] = [
    (1, [0.5, 0.25, 0.125, 0.125]), (0.5, [16.0 / 22, 4.0 / 22, 1.0 / 22, 1.0 / 22]),
  ]

  @Test(arguments: frequencies)
  func withoutFiltersTokensComeAsOftenAsTheyAreLikely(temperature: Float, expected: [Double]) {
    let logits: [Float] = [0.5, 0.25, 0.125, 0.125, 0].map { Float(log($0)) } + [.nan]
    var options = Self.plain
    options.temperature = temperature
    let count = 20_000
    var counts = [Int](repeating: 0, count: logits.count)
    for id in Self.draw(count, options, logits) { counts[Int(id)] += 1 }
    // Five standard deviations.
    for (id, probability) in expected.enumerated() {
      let deviation = (probability * (1 - probability) / Double(count)).squareRoot()
      #expect(abs(Double(counts[id]) / Double(count) - probability) < 5 * deviation)
    }
    #expect(counts[4...] == [0, 0])
  }

  // MARK: Against plain sorting

  @Test(arguments: [1, 2, 7, 255, 256, 257, 5000])
  func filtersOverTheWholeVocabularyAgreeWithSortingIt(vocabulary: Int) {
    var generator = TestGenerator(state: UInt64(vocabulary))
    // Few values, so that many are equal.
    let logits = (0..<vocabulary).map { _ in (Float.random(in: -8...8, using: &generator) * 4).rounded() / 4 }
    let sorted = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }
    func left(_ options: SamplingOptions) -> [Int] {
      var sampler = Sampler(options, vocabularySize: vocabulary)
      var copy = logits
      _ = copy.withUnsafeMutableBufferPointer { sampler.sample($0) }
      return sampler.candidates.map { Int($0.id) }
    }
    for k in [1, 2, 40, 300, 4999] where k < vocabulary {
      #expect(left(SamplingOptions(topK: k, topP: 1, minP: 0)) == Array(sorted.prefix(k)))
    }
    let total = logits.reduce(0) { $0 + exp(Double($1)) }
    for p in [Float(0.01), 0.5, 0.95, 0.9999] {
      var reached = 0.0
      let end = sorted.firstIndex { id in
        reached += exp(Double(logits[id]))
        return reached >= Double(p) * total
      }
      let count = left(SamplingOptions(topK: 0, topP: p, minP: 0)).count
      // A rounding error may move the edge by one.
      #expect(abs(count - (end ?? vocabulary - 1) - 1) <= 1)
      #expect(left(SamplingOptions(topK: 0, topP: p, minP: 0)) == Array(sorted.prefix(count)))
    }
    for p in [Float(0.1), 0.5, 0.99] {
      let surprises = logits.map { log(total) - Double($0) }
      let entropy = surprises.reduce(0) { $0 + exp(-$1) * $1 }
      let kept = left(SamplingOptions(topK: 0, topP: 1, minP: 0, typicalP: p))
      #expect(kept == sorted.filter { Set(kept).contains($0) })
      let masses = kept.map { exp(-surprises[$0]) }
      // Together more than p, without the farthest not; nothing left out is nearer.
      #expect(masses.reduce(0, +) > Double(p) - 1e-5 || kept.count == vocabulary)
      let distances = kept.map { abs(surprises[$0] - entropy) }
      let farthest = distances.max() ?? 0
      let edge = zip(masses, distances).filter { $1 > farthest - 1e-4 }.map { $0.0 }.reduce(0, +)
      #expect(masses.reduce(0, +) - edge <= Double(p) + 1e-5)
      for id in sorted where !kept.contains(id) { #expect(abs(surprises[id] - entropy) > farthest - 1e-4) }
    }
    for p in [Float(0.001), 0.3, 1] {
      let least = logits[sorted[0]] + Float(log(Double(p)))
      #expect(left(SamplingOptions(topK: 0, topP: 1, minP: p)) == sorted.filter { logits[$0] >= least })
    }
  }

  @Test func logitsThatAreNoNumbersNeverCrashNorWin() {
    var generator = TestGenerator(state: 3)
    let strange: [Float] = [
      .nan, -.infinity, .infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, .leastNonzeroMagnitude,
    ]
    for round in 0..<3000 {
      let count = Int.random(in: 1...40, using: &generator)
      let logits = (0..<count).map { _ in
        Bool.random(using: &generator)
          ? strange.randomElement(using: &generator)! : Float.random(in: -9...9, using: &generator)
      }
      func pick(_ values: [Float]) -> Float { values.randomElement(using: &generator)! }
      let options = SamplingOptions(
        temperature: pick([0, 0.01, 1, .leastNonzeroMagnitude, 1e30, .infinity, .nan]),
        topK: Int(pick([-1, 0, 1, 5, 100])),
        topP: pick([-1, 0, 0.5, 1, .nan]), minP: pick([-1, 0, 0.1, 1, 2, .nan]), typicalP: pick([-1, 0, 0.5, 1, .nan]),
        repeatPenalty: pick([-1, 0, 1, 1.3, .infinity, .nan]), repeatLastN: Int(pick([-1, 0, 3])),
        frequencyPenalty: pick([0, 1, -1, .infinity]), logitBias: [(0, pick([0, .infinity, -.infinity, .nan]))],
        seed: UInt64(round), topLogprobs: Int(pick([-1, 0, 3, 100])))
      let accepted = (0..<5).map { _ in TokenID.random(in: -2...40, using: &generator) }
      let sample = Self.sample(options, logits, accepting: accepted)
      #expect(logits.indices.contains(Int(sample.id)))
      if options.logitBias[0].bias == 0, options.repeatPenalty == 1, options.frequencyPenalty == 0 {
        if logits.contains(where: { $0 > -.infinity }) { #expect(logits[Int(sample.id)] > -.infinity) }
      }
      for entry in sample.top { #expect(!entry.logprob.isNaN && entry.logprob <= 1e-5) }
    }
  }

  // MARK: Log-probabilities

  @Test func logProbabilitiesAreThoseOfTheRawLogits() throws {
    var generator = TestGenerator(state: 5)
    let logits = (0..<3001).map { _ in Float.random(in: -20...10, using: &generator) }
    let total = log(logits.reduce(0) { $0 + exp(Double($1)) })
    let sorted = logits.indices.sorted { logits[$0] > logits[$1] }
    let options = SamplingOptions(
      temperature: 0, repeatPenalty: 3, logitBias: [(TokenID(sorted[0]), -100), (7, 100)], topLogprobs: 20)
    let sample = Self.sample(options, logits, accepting: [TokenID(sorted[1])])
    #expect(sample.id == 7)
    #expect(abs(Double(try #require(sample.logprob)) - (Double(logits[7]) - total)) < 1e-5)
    #expect(sample.top.map { Int($0.id) } == Array(sorted.prefix(20)))
    for entry in sample.top { #expect(abs(Double(entry.logprob) - (Double(logits[Int(entry.id)]) - total)) < 1e-5) }
  }

  @Test func logProbabilitiesAreOnlyComputedWhenAskedFor() {
    let logits: [Float] = [0, 0]
    #expect(Self.sample(Self.greedy, logits).logprob == nil)
    let sample = Self.sample(SamplingOptions(temperature: 0, topLogprobs: 0), logits)
    #expect(abs((sample.logprob ?? 0) + 0.6931472) < 1e-6)
    #expect(sample.top.isEmpty)
  }

  @Test func impossibleTokensHaveLogProbabilityMinusInfinity() {
    let table: [(logits: [Float], logprobs: [Double])] = [
      ([0, -.infinity, .nan], [0, -.infinity, -.infinity]), ([.infinity, 1], [0, -.infinity]),
      ([-.infinity, -.infinity], [-.infinity, -.infinity]),
    ]
    for (logits, logprobs) in table {
      logits.withUnsafeBufferPointer { buffer in
        let scores = LogSoftmax(buffer)
        #expect(logits.indices.map { scores.logprob(of: TokenID($0)) } == logprobs)
        #expect(scores.logprob(of: -1) == -.infinity)
        #expect(scores.logprob(of: TokenID(logits.count)) == -.infinity)
      }
    }
  }

  // MARK: Masks

  @Test func onlyWhatAMaskAllowsIsChosen() {
    var mask = TokenMask(count: 130)
    for id in [0, 63, 64, 129] as [TokenID] { mask.forbid(id) }
    let allowed = (TokenID(0)..<140).filter { mask.allows($0) }
    #expect(allowed == (TokenID(0)..<130).filter { ![0, 63, 64, 129].contains($0) })
    #expect(!mask.allows(-1))
    let logits = (0..<140).map { Float($0 % 7) }
    for options in [Self.greedy, Self.plain, SamplingOptions(temperature: 5, topK: 3, logitBias: [(64, 100)])] {
      var sampler = Sampler(options, vocabularySize: 140)
      var copy = logits
      copy.withUnsafeMutableBufferPointer { copy in
        for _ in 0..<300 { #expect(mask.allows(sampler.sample(copy, among: mask).id)) }
      }
      #expect(copy == logits)
    }
    // Where nothing is forbidden, nothing changes.
    var (masked, plain) = (Sampler(Self.plain, vocabularySize: 140), Sampler(Self.plain, vocabularySize: 140))
    var copy = logits
    copy.withUnsafeMutableBufferPointer { copy in
      for _ in 0..<50 {
        let all = TokenMask(count: 140)
        #expect(masked.sample(copy, among: all) == plain.sample(copy))
      }
    }
  }
}
