import InferenceCore
import Swiftlet
import WorkerCore

/// The JSON of `swiftlet run --json`.
struct ReplyOutput: Encodable {
  let model: String
  let promptTokens: [TokenID]
  let tokens: [TokenID]
  let text: String
  let finishReason: String
  let logprobs: [TokenOutput]?
  let timings: TimingsOutput

  enum CodingKeys: String, CodingKey {
    case model, tokens, text, logprobs, timings
    case promptTokens = "prompt_tokens"
    case finishReason = "finish_reason"
  }

  init(model: String, reply: GenerationReply, withLogprobs: Bool, loadMilliseconds: Double) {
    self.model = model
    promptTokens = reply.promptTokens
    tokens = reply.tokens.map(\.id)
    text = reply.text
    finishReason = (reply.finishReason ?? .aborted).name.description
    logprobs = withLogprobs ? reply.tokens.compactMap(TokenOutput.init) : nil
    timings = TimingsOutput(reply.timings, loadMilliseconds: loadMilliseconds)
  }
}

/// One token with its log-probability, and the likeliest ones at its place.
struct TokenOutput: Encodable {
  struct Score: Encodable {
    let token: TokenID
    let text: String
    let logprob: Float

    init(_ score: TokenScore) {
      token = score.id
      text = String(decoding: score.bytes, as: UTF8.self)
      logprob = score.logprob
    }
  }

  let token: TokenID
  let text: String
  let logprob: Float
  let top: [Score]

  init?(_ generated: GeneratedToken) {
    guard let score = generated.logprob else { return nil }
    token = score.id
    text = String(decoding: score.bytes, as: UTF8.self)
    logprob = score.logprob
    top = generated.top.map(Score.init)
  }
}

/// What a reply cost, in milliseconds and tokens.
struct TimingsOutput: Encodable {
  let loadMilliseconds: Double
  let promptCount: Int
  let cachedCount: Int
  let promptMilliseconds: Double
  let predictedCount: Int
  let predictedMilliseconds: Double
  let firstTokenMilliseconds: Double
  let draftCount: Int
  let draftAcceptedCount: Int

  enum CodingKeys: String, CodingKey {
    case loadMilliseconds = "load_ms"
    case promptCount = "prompt_n"
    case cachedCount = "cached_n"
    case promptMilliseconds = "prompt_ms"
    case predictedCount = "predicted_n"
    case predictedMilliseconds = "predicted_ms"
    case firstTokenMilliseconds = "ttft_ms"
    case draftCount = "draft_n"
    case draftAcceptedCount = "draft_n_accepted"
  }

  init(_ timings: Timings, loadMilliseconds: Double) {
    self.loadMilliseconds = loadMilliseconds
    promptCount = timings.promptCount
    cachedCount = timings.cachedCount
    promptMilliseconds = timings.promptMilliseconds
    predictedCount = timings.predictedCount
    predictedMilliseconds = timings.predictedMilliseconds
    firstTokenMilliseconds = timings.firstTokenMilliseconds
    draftCount = timings.draftCount
    draftAcceptedCount = timings.draftAcceptedCount
  }
}
