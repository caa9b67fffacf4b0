import Foundation
import InferenceCore
import Testing

/// What is chosen by the likeliest tokens alone is what all logits give.
@Suite struct SamplerTopTests {
  /// The list of a row, as a graphics card sends it: with a sum that is off by a few millionths.
  private static func list(_ logits: [Float], error: Double = 0) -> TopCandidates {
    let possible = logits.indices.filter { logits[$0] > -.infinity }
    let sorted = possible.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(TopCandidates.most)
    var words = [UInt32](repeating: 0, count: TopCandidates.words)
    for index in 0..<TopCandidates.most {
      let id = index < sorted.count ? sorted[index] : nil
      words[index] = (id.map { logits[$0] } ?? -.infinity).bitPattern
      words[TopCandidates.most + index] = UInt32(id ?? 0)
    }
    let largest = Double(sorted.first.map { logits[$0] } ?? 0)
    let sum = possible.reduce(0) { $0 + exp(Double(logits[$1]) - largest) }
    words[2 * TopCandidates.most] = Float(sum * (1 + error)).bitPattern
    return words.withUnsafeBufferPointer { TopCandidates($0, tokenCount: logits.count) }
  }

  /// Every combination of filters, at the edge of what a list tells and beyond.
  private static let table: [SamplingOptions] = {
    var table: [SamplingOptions] = []
    for topK in [0, 1, 2, 40, 63, 64, 65, 300] {
      for topP: Float in [0, 0.3, 0.9, 0.95, 0.9999, 1] {
        for minP: Float in [0, 0.0001, 0.05, 1, 2] {
          for typicalP: Float in [0.5, 1] {
            table.append(
              SamplingOptions(
                temperature: [0, 0.8, 1.5][table.count % 3], topK: topK, topP: topP, minP: minP, typicalP: typicalP,
                topLogprobs: [nil, 0, 5, 64][table.count % 4]))
          }
        }
      }
    }
    return table
  }()

  private static let strange: [Float] = [.nan, -.infinity, 0, -0.0, .leastNonzeroMagnitude, 3]

  @Test(arguments: [1, 3, 63, 64, 65, 200, 3000])
  func theListGivesTheTokenThatAllLogitsGive(vocabulary: Int) throws {
    var generator = TestGenerator(state: UInt64(vocabulary))
    var decided = 0
    for (round, options) in Self.table.enumerated() {
      var options = options
      options.seed = UInt64(round)
      // Some flat and some steep, some with many equal ones, some with what is no number.
      let width: Float = [2, 10, 30][round % 3]
      let logits = (0..<vocabulary).map { _ in
        let value = Float.random(in: -width...width, using: &generator)
        switch round % 4 {
        case 0: return (value * 2).rounded() / 2
        case 1:
          return Int.random(in: 0..<4, using: &generator) == 0 ? Self.strange.randomElement(using: &generator)! : value
        default: return value
        }
      }
      var (whole, short) = (Sampler(options, vocabularySize: vocabulary), Sampler(options, vocabularySize: vocabulary))
      let top = Self.list(logits, error: Double.random(in: -5e-6...5e-6, using: &generator))
      var copy = logits
      // Several, so that both have taken as many random numbers.
      for _ in 0..<4 {
        let expected = copy.withUnsafeMutableBufferPointer { whole.sample($0) }
        guard let found = short.sample(top) else {
          let isDecided = short.isDecided(by: top)
          #expect(!isDecided)
          break
        }
        let isDecided = short.isDecided(by: top)
        #expect(short.isContentWithTop && isDecided)
        decided += 1
        #expect(found.id == expected.id, "\(options)")
        #expect(abs((found.logprob ?? 0) - (expected.logprob ?? 0)) < 1e-4)
        #expect(found.top.map { $0.id } == expected.top.map { $0.id })
        for (one, other) in zip(found.top, expected.top) { #expect(abs(one.logprob - other.logprob) < 1e-4) }
      }
    }
    #expect(decided > Self.table.count)
  }

  /// An undecided list takes no random number: the same sampler then goes on with all logits.
  @Test func whatTheListDoesNotTellIsLeftToAllLogits() {
    let flat = (0..<1000).map { -Float($0) / 1000 }
    let options = SamplingOptions(temperature: 1, topK: 0, topP: 0.5, minP: 0, seed: 5)
    var sampler = Sampler(options, vocabularySize: flat.count)
    for _ in 0..<3 {
      let sample = sampler.sample(Self.list(flat))
      #expect(sample == nil)
    }
    var copy = flat
    let chosen = copy.withUnsafeMutableBufferPointer { sampler.sample($0).id }
    #expect(chosen == SamplerTests.sample(options, flat).id)
  }

  /// A sum whose rounding decides whether one more token stays tells nothing.
  @Test func anEdgeWithinRoundingIsNotDecided() {
    let even: [Float] = Array(repeating: 0, count: 40) + Array(repeating: -.infinity, count: 40)
    for (topP, expected) in [(Float(0.5), false), (0.49, true), (0.51, true)] {
      var sampler = Sampler(SamplingOptions(topK: 0, topP: topP, minP: 0), vocabularySize: even.count)
      let isDecided = sampler.isDecided(by: Self.list(even))
      #expect(isDecided == expected)
    }
    // Where min-p keeps less than is sure, the edge does not matter.
    let steep = (0..<200).map { -Float($0) }
    var sampler = Sampler(SamplingOptions(topK: 0, topP: 0.99999994, minP: 0.05), vocabularySize: steep.count)
    let isDecided = sampler.isDecided(by: Self.list(steep))
    #expect(isDecided)
  }

  struct Wish: CustomTestStringConvertible {
    let testDescription: String
    var isContent = false
    let change: @Sendable (inout SamplingOptions) -> Void
  }

  /// From the defaults, with which the likeliest tokens are enough.
  static let wishes = [
    Wish(testDescription: "the defaults", isContent: true) { _ in },
    Wish(testDescription: "greedy", isContent: true) {
      $0 = SamplingOptions(temperature: 0, topK: 0, topP: 1, minP: 0)
    },
    Wish(testDescription: "a bias") { $0.logitBias = [(3, 0)] },
    Wish(testDescription: "repeat penalty") { $0.repeatPenalty = 1.1 },
    Wish(testDescription: "a penalty for none", isContent: true) { ($0.repeatPenalty, $0.repeatLastN) = (1.1, 0) },
    Wish(testDescription: "presence penalty, greedy") { ($0.temperature, $0.presencePenalty) = (0, 1) },
    Wish(testDescription: "temperature alone") { ($0.topK, $0.topP, $0.minP) = (0, 1, 0) },
    Wish(testDescription: "top-k of more, then top-p") { $0.topK = 65 },
    Wish(testDescription: "top-k of all", isContent: true) { $0.topK = 1000 },
    Wish(testDescription: "typical over the vocabulary") { ($0.topK, $0.typicalP) = (0, 0.9) },
    Wish(testDescription: "typical of a few", isContent: true) { $0.typicalP = 0.9 },
    Wish(testDescription: "64 log-probabilities", isContent: true) { $0.topLogprobs = 64 },
    Wish(testDescription: "65 log-probabilities") { $0.topLogprobs = 65 },
  ]

  @Test(arguments: wishes)
  func whatSurelyNeedsAllLogitsIsKnownBefore(wish: Wish) {
    var options = SamplingOptions()
    wish.change(&options)
    #expect(Sampler(options, vocabularySize: 1000).isContentWithTop == wish.isContent)
  }
}
