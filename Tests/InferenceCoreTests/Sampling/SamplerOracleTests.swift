import InferenceCore
import Testing

/// Held to llama.cpp: what its server (Python package xllamacpp 2026.10) leaves of SmolLM2's 48 likeliest tokens after
/// “The weather in spring is often”, asked with `post_sampling_probs`. Tokens are numbered by rank.
@Suite struct SamplerOracleTests {
  static let logprobs: [Float] = [
    -2.20135, -2.21149, -2.2734, -2.7197, -3.22251, -3.32595, -3.63957, -3.71718, -3.78789, -3.81258, -3.84106,
    -3.94615, -4.53495, -4.55638, -4.60755, -4.6538, -4.68079, -4.73555, -4.7889, -4.91785, -4.96927, -4.97432,
    -5.00777, -5.1527, -5.15963, -5.24918, -5.49231, -5.51962, -5.5663, -5.62531, -5.63308, -5.64257, -5.66735,
    -5.68821, -5.69467, -5.69746, -5.72072, -5.74295, -5.79739, -5.92363, -5.93145, -5.9442, -5.98442, -6.04993,
    -6.07478, -6.12104, -6.16565, -6.21199,
  ]

  struct Case: CustomTestStringConvertible {
    let testDescription: String
    let options: SamplingOptions
    /// Token and probability of all that is left, or of the first when there is more.
    let left: [(TokenID, Float)]
    var isAll = true
  }

  static func options(
    temperature: Float = 1, topK: Int = 48, topP: Float = 1, minP: Float = 0, typicalP: Float = 1,
    logitBias: [(token: TokenID, bias: Float)] = []
  ) -> SamplingOptions {
    SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, minP: minP, typicalP: typicalP, logitBias: logitBias)
  }

  static let cases = [
    Case(
      testDescription: "top-k 5, temperature 1.5", options: options(temperature: 1.5, topK: 5),
      left: [(0, 0.24036), (1, 0.23874), (2, 0.22909), (3, 0.17013), (4, 0.12168)]),
    Case(
      testDescription: "top-k 47, temperature 0.7", options: options(temperature: 0.7, topK: 47),
      left: [(0, 0.20461), (1, 0.20166), (2, 0.18459), (3, 0.09757), (4, 0.04757), (5, 0.04104)], isAll: false),
    Case(
      testDescription: "top-p 0.6", options: options(topP: 0.6),
      left: [
        (0, 0.22532), (1, 0.22304), (2, 0.20965), (3, 0.13418), (4, 0.08115), (5, 0.07318), (6, 0.05348),
      ]),
    Case(
      testDescription: "min-p 0.1, temperature 0.5", options: options(temperature: 0.5, minP: 0.1),
      left: [
        (0, 0.271), (1, 0.26556), (2, 0.23463), (3, 0.0961), (4, 0.03516), (5, 0.02859), (6, 0.01527), (7, 0.01307),
        (8, 0.01135), (9, 0.0108), (10, 0.0102), (11, 0.00827),
      ]),
    Case(
      testDescription: "typical 0.5", options: options(typicalP: 0.5),
      left: [
        (1, 0.22342), (2, 0.21), (3, 0.1344), (4, 0.08129), (5, 0.0733), (6, 0.05357), (7, 0.04957), (8, 0.04618),
        (9, 0.04506), (10, 0.04379), (11, 0.03942),
      ]),
    Case(
      testDescription: "typical 0.3, top-p 0.9, min-p 0.05, temperature 0.8",
      options: options(temperature: 0.8, topP: 0.9, minP: 0.05, typicalP: 0.3),
      left: [
        (3, 0.32007), (4, 0.17072), (5, 0.15001), (6, 0.10136), (7, 0.09199), (8, 0.08421), (9, 0.08165),
      ]),
    Case(
      testDescription: "top-k 20, typical 0.9, top-p 0.8, min-p 0.05, temperature 0.8",
      options: options(temperature: 0.8, topK: 20, topP: 0.8, minP: 0.05, typicalP: 0.9),
      left: [
        (0, 0.24305), (1, 0.24), (2, 0.22212), (3, 0.12715), (4, 0.06782), (5, 0.05959), (6, 0.04027),
      ]),
    Case(
      testDescription: "logit bias, a banned token, top-p 0.7",
      options: options(topP: 0.7, logitBias: [(0, -2), (3, 1.5), (5, -.infinity)]),
      left: [
        (3, 0.47564), (1, 0.17642), (2, 0.16583), (4, 0.06419), (6, 0.0423), (7, 0.03914), (8, 0.03647),
      ]),
    Case(testDescription: "top-p 0", options: options(topP: 0), left: [(0, 1)]),
    Case(testDescription: "min-p 1", options: options(minP: 1), left: [(0, 1)]),
  ]

  @Test(arguments: cases)
  func leavesTheTokensThatLlamaCppLeaves(_ expected: Case) {
    var logits = Self.logprobs
    var sampler = Sampler(expected.options, vocabularySize: logits.count)
    let sample = logits.withUnsafeMutableBufferPointer { sampler.sample($0) }
    let left = sampler.candidates
    let total = left.reduce(0) { $0 + $1.weight }
    if expected.isAll { #expect(left.map { $0.id } == expected.left.map { $0.0 }) }
    for ((id, probability), candidate) in zip(expected.left, left) {
      #expect(candidate.id == id)
      #expect(abs(candidate.weight / total - probability) < 1e-4 + (expected.isAll ? 0 : 0.001))
    }
    #expect(left.contains { $0.id == sample.id })
    #expect(logits == Self.logprobs)
  }

  @Test func greedyAfterTypicalTakesTheLikeliestOfWhatIsLeft() {
    var logits = Self.logprobs
    var sampler = Sampler(Self.options(temperature: 0, typicalP: 0.4), vocabularySize: logits.count)
    #expect(logits.withUnsafeMutableBufferPointer { sampler.sample($0) }.id == 2)
  }
}
