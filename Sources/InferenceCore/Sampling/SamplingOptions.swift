/// How the next token is chosen. The defaults are llama.cpp's.
///
/// The filters apply in the order of llama.cpp's default chain: logit bias, penalties, top-k, typical, top-p, min-p,
/// temperature. A value outside a filter's range turns that filter off.
public struct SamplingOptions: Sendable {
  /// Divides the logits; 0 or less takes the likeliest token (greedy).
  public var temperature: Float
  /// Keeps the k likeliest tokens; 0 or less keeps all.
  public var topK: Int
  /// Keeps the smallest set of likeliest tokens whose probabilities add up to this; 1 keeps all.
  /// Holtzman et al., “The Curious Case of Neural Text Degeneration”, 2019.
  public var topP: Float
  /// Keeps tokens at least this likely relative to the likeliest; 0 keeps all.
  /// Nguyen et al., “Min-p Sampling”, 2024.
  public var minP: Float
  /// Keeps tokens whose information is near the entropy, up to this probability together; 1 keeps all.
  /// Meister et al., “Locally Typical Sampling”, 2022.
  public var typicalP: Float
  /// Divides the positive and multiplies the negative logits of recent tokens; 1 changes nothing.
  /// Keskar et al., “CTRL”, 2019.
  public var repeatPenalty: Float
  /// How many recent tokens the penalties look at; 0 for none, less than 0 for all.
  public var repeatLastN: Int
  /// Subtracted from a recent token's logit for each time it occurs.
  public var frequencyPenalty: Float
  /// Subtracted from a recent token's logit once.
  public var presencePenalty: Float
  /// Added to the logits of these tokens; negative infinity bans one.
  public var logitBias: [(token: TokenID, bias: Float)]
  /// Same seed, same choices.
  public var seed: UInt64
  /// Log-probabilities: nil for none, 0 for the chosen token's, n for the n likeliest tokens beside it.
  public var topLogprobs: Int?

  public init(
    temperature: Float = 0.8, topK: Int = 40, topP: Float = 0.95, minP: Float = 0.05, typicalP: Float = 1,
    repeatPenalty: Float = 1, repeatLastN: Int = 64, frequencyPenalty: Float = 0, presencePenalty: Float = 0,
    logitBias: [(token: TokenID, bias: Float)] = [], seed: UInt64 = 0, topLogprobs: Int? = nil
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.typicalP = typicalP
    self.repeatPenalty = repeatPenalty
    self.repeatLastN = repeatLastN
    self.frequencyPenalty = frequencyPenalty
    self.presencePenalty = presencePenalty
    self.logitBias = logitBias
    self.seed = seed
    self.topLogprobs = topLogprobs
  }

  /// Whether tokens generated earlier change later choices.
  var penalizes: Bool {
    repeatLastN != 0 && (dividesLogits || frequencyPenalty != 0 || presencePenalty != 0)
  }

  var dividesLogits: Bool { repeatPenalty > 0 && repeatPenalty != 1 }
  var filtersTypical: Bool { typicalP < 1 }
  var filtersTopP: Bool { topP < 1 }
  var filtersMinP: Bool { minP > 0 }
  var isGreedy: Bool { !(temperature > 0) }
}

/// A token and the natural logarithm of its probability.
public struct TokenLogprob: Equatable, Sendable {
  public let id: TokenID
  public let logprob: Float

  public init(id: TokenID, logprob: Float) {
    self.id = id
    self.logprob = logprob
  }
}

/// A chosen token.
///
/// Its log-probabilities are those of the model's own logits, before biases, penalties, filters and temperature.
public struct Sample: Equatable, Sendable {
  public let id: TokenID
  /// Nil unless ``SamplingOptions/topLogprobs`` asked for it.
  public let logprob: Float?
  /// The likeliest tokens, likeliest first; as many as ``SamplingOptions/topLogprobs``.
  public let top: [TokenLogprob]
}
