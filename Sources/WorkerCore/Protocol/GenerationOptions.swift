import InferenceCore

/// How to generate. What is nil takes the model's recommended value, then a general default.
public struct GenerationOptions: Equatable, Sendable {
  /// Most tokens to generate; nil for as many as the context holds.
  public var maxTokens: Int?
  /// 0 is greedy.
  public var temperature: Float?
  /// Keeps the k likeliest tokens; 0 keeps all.
  public var topK: Int?
  /// Keeps the smallest set of likeliest tokens whose probabilities add up to this; 1 keeps all.
  public var topP: Float?
  /// Keeps tokens at least this likely relative to the likeliest; 0 keeps all.
  public var minP: Float?
  /// Keeps tokens whose information is typical; 1 keeps all.
  public var typicalP: Float?
  /// Divides the logits of recent tokens; 1 changes nothing.
  public var repeatPenalty: Float?
  /// Recent tokens that penalties look at; -1 for all.
  public var repeatLastN: Int?
  public var frequencyPenalty: Float?
  public var presencePenalty: Float?
  /// Added to the logits of these tokens.
  public var logitBias: [LogitBias]
  /// Same seed, same text; nil draws one.
  public var seed: UInt64?
  /// Strings that end the reply and are not part of it.
  public var stop: [String]
  /// Tokens that end the reply and are not part of it, besides the model's own.
  public var stopTokens: [TokenID]
  /// Log-probabilities: nil for none, 0 for the generated token's, n for the n likeliest beside it.
  public var logprobs: Int?
  /// Goes on past the tokens that end a text, for measurements.
  public var ignoresEndOfGeneration: Bool
  /// What to do with a conversation that does not fit the context.
  public var overflow: ContextOverflow
  /// Verifies several tokens in one pass where the text repeats what it had before. The reply is the same without, only
  /// slower.
  public var speculation: Bool

  /// The tokens of one bias.
  public struct LogitBias: Equatable, Sendable {
    public var token: TokenID
    public var bias: Float
    public init(token: TokenID, bias: Float) {
      self.token = token
      self.bias = bias
    }
  }

  /// What to do with a prompt that is longer than the context.
  public enum ContextOverflow: UInt8, CaseIterable, Sendable {
    /// Fails with `contextOverflow`, saying how many tokens over.
    case fail = 0
    /// Drops the oldest messages of a chat, keeping the system message and the last one.
    case dropOldestMessages = 1
  }

  public init(
    maxTokens: Int? = nil, temperature: Float? = nil, topK: Int? = nil, topP: Float? = nil, minP: Float? = nil,
    typicalP: Float? = nil, repeatPenalty: Float? = nil, repeatLastN: Int? = nil, frequencyPenalty: Float? = nil,
    presencePenalty: Float? = nil, logitBias: [LogitBias] = [], seed: UInt64? = nil, stop: [String] = [],
    stopTokens: [TokenID] = [], logprobs: Int? = nil, ignoresEndOfGeneration: Bool = false,
    overflow: ContextOverflow = .fail, speculation: Bool = true
  ) {
    self.maxTokens = maxTokens
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
    self.stop = stop
    self.stopTokens = stopTokens
    self.logprobs = logprobs
    self.ignoresEndOfGeneration = ignoresEndOfGeneration
    self.overflow = overflow
    self.speculation = speculation
  }
}
