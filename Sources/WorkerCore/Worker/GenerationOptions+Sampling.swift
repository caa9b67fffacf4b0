import InferenceCore

extension GenerationOptions {
  /// The sampler's options: what the request says, then what the model's makers recommend, then llama.cpp's defaults.
  func sampling(recommended: CatalogModel?, seed: UInt64) -> SamplingOptions {
    var sampling = SamplingOptions(seed: seed, topLogprobs: logprobs)
    sampling.temperature = temperature ?? recommended?.temperature ?? sampling.temperature
    sampling.topK = topK ?? sampling.topK
    sampling.topP = topP ?? recommended?.topP ?? sampling.topP
    sampling.minP = minP ?? sampling.minP
    sampling.typicalP = typicalP ?? sampling.typicalP
    sampling.repeatPenalty = repeatPenalty ?? sampling.repeatPenalty
    sampling.repeatLastN = repeatLastN ?? sampling.repeatLastN
    sampling.frequencyPenalty = frequencyPenalty ?? sampling.frequencyPenalty
    sampling.presencePenalty = presencePenalty ?? sampling.presencePenalty
    sampling.logitBias = logitBias.map { ($0.token, $0.bias) }
    return sampling
  }

  /// Throws when an option has a value it cannot have.
  func check(vocabularySize: Int) throws(WorkerError) {
    try check(temperature, "temperature", 0, 100)
    try check(topP, "top_p", 0, 1)
    try check(minP, "min_p", 0, 1)
    try check(typicalP, "typical_p", 0, 1)
    try check(repeatPenalty, "repeat_penalty", 0, 100)
    try check(frequencyPenalty, "frequency_penalty", -100, 100)
    try check(presencePenalty, "presence_penalty", -100, 100)
    try check(maxTokens, "max_tokens")
    try check(topK, "top_k")
    if let repeatLastN, repeatLastN < -1 {
      throw WorkerError(.invalidRequest, "The option repeat_last_n must be a number of tokens, or -1 for all.")
    }
    try check(logprobs, "logprobs")
    for bias in logitBias where bias.token < 0 || Int(bias.token) >= vocabularySize || bias.bias.isNaN {
      throw WorkerError(
        .invalidRequest,
        "The logit bias of token \(bias.token) is not possible: tokens are 0 to \(vocabularySize - 1), biases numbers.")
    }
  }

  private func check(_ value: Float?, _ name: StaticString, _ low: Int, _ high: Int) throws(WorkerError) {
    guard let value else { return }
    // Written so that a NaN fails.
    guard value >= Float(low), value <= Float(high) else {
      throw WorkerError(.invalidRequest, "The option \(name) must be a number from \(low) to \(high).")
    }
  }

  private func check(_ value: Int?, _ name: StaticString) throws(WorkerError) {
    if let value, value < 0 { throw WorkerError(.invalidRequest, "The option \(name) must not be negative.") }
  }
}
