import InferenceCore

/// What a worker says.
public enum WorkerEvent: Equatable, Sendable {
  /// The state changed; this is all of it.
  case state(ModelState)
  /// A load went on.
  case progress(LoadProgress)
  /// Answers `load`: the model is ready.
  case loaded(RequestID, ModelInfo)
  /// Answers `unload`.
  case unloaded(RequestID)
  /// A generation request left the queue.
  case started(RequestID, StartedEvent)
  /// Part of the prompt went through the model.
  case prompt(RequestID, PromptProgress)
  /// More text.
  case text(RequestID, TextEvent)
  /// The last event of a generation request.
  case finished(RequestID, FinishedEvent)
  /// The last event of a request that failed; request 0 when no request is to blame (a frame that could not be read).
  case failed(RequestID, WorkerError)
  /// Answers `tokenize`.
  case tokens(RequestID, [TokenID])
  /// Answers `embed`, once for each text in order.
  case embedded(RequestID, EmbeddedEvent)
  /// Answers `applyTemplate` and `detokenize`.
  case rendered(RequestID, String)
  /// To the shell, not to users: bring this model's bytes.
  case fetch(FetchRequest)
  /// To the shell: stop bringing them.
  case cancelFetch(FetchID)
  /// To the shell: open the graphics card for this model, and report that. The id is the load's fetch.
  case openDevice(FetchID, model: String)
  /// To the shell: which device is to compute this model with the card that is open, from what was measured.
  case rememberDevice(ComputeDevice, model: String)
  /// To the shell: open the file with the keys and values of this conversation, so that ``PrefixStorage`` reads and writes
  /// it, and report that. The shell closes it when another one is to be opened.
  case openPrefix(PrefixFileID, conversation: String)
  /// To the shell: the file is not needed for now.
  case closePrefix(PrefixFileID)
  /// To the shell: delete the file of this conversation, or all of them when it is empty.
  case deletePrefix(conversation: String)
}

/// Numbers the fetches of a worker, so that a report about a cancelled one is recognized as late.
public typealias FetchID = UInt32

/// Numbers the openings of files with keys and values, so that a late report is recognized.
public typealias PrefixFileID = UInt32

/// A model whose bytes the shell shall bring.
public struct FetchRequest: Equatable, Sendable {
  public let id: FetchID
  /// As the load command named it.
  public let model: String
  /// The catalog's entry, when the model is in the catalog.
  public let entry: CatalogModel?

  public init(id: FetchID, model: String, entry: CatalogModel?) {
    self.id = id
    self.model = model
    self.entry = entry
  }
}

/// What is known about a loaded model.
public struct ModelInfo: Equatable, Sendable {
  /// As the load command named it, or the catalog's id.
  public var model: String
  /// `general.name` of the file, or empty.
  public var name: String
  public var architecture: String
  /// Weights in the file.
  public var parameters: UInt64
  public var vocabularySize: Int
  /// Tokens that a conversation may have here.
  public var contextLength: Int
  /// Tokens that the model was trained for.
  public var trainedContextLength: Int
  /// Without one, conversations are rendered as ChatML.
  public var hasChatTemplate: Bool
  /// Whether it writes text; others only make vectors or rank.
  public var generates: Bool
  /// How a text's vector is made of its tokens' where a request does not say; nil where the model's file does not.
  public var pooling: Pooling?
  /// Elements of a text's vector.
  public var embeddingLength: Int
  /// Bytes of the model's tensors.
  public var weightBytes: UInt64
  /// Bytes of the key-value cache and scratch memory.
  public var workingBytes: UInt64
  public var threads: Int
  /// From the bytes' arrival to readiness.
  public var loadMilliseconds: Double
  public var device: ComputeDevice
  /// What people call the graphics card; empty for the processor.
  public var deviceName: String
  /// Why the graphics card does not compute, where it might have; else empty.
  public var deviceNote: String
  /// What may make answers worse than they should be; else empty.
  public var warning: String

  public init(
    model: String, name: String, architecture: String, parameters: UInt64, vocabularySize: Int, contextLength: Int,
    trainedContextLength: Int, hasChatTemplate: Bool, generates: Bool = true, pooling: Pooling? = nil,
    embeddingLength: Int = 0, weightBytes: UInt64, workingBytes: UInt64, threads: Int,
    loadMilliseconds: Double, device: ComputeDevice = .cpu, deviceName: String = "", deviceNote: String = "",
    warning: String = ""
  ) {
    self.model = model
    self.name = name
    self.architecture = architecture
    self.parameters = parameters
    self.vocabularySize = vocabularySize
    self.contextLength = contextLength
    self.trainedContextLength = trainedContextLength
    self.hasChatTemplate = hasChatTemplate
    self.generates = generates
    self.pooling = pooling
    self.embeddingLength = embeddingLength
    self.weightBytes = weightBytes
    self.workingBytes = workingBytes
    self.threads = threads
    self.loadMilliseconds = loadMilliseconds
    self.device = device
    self.deviceName = deviceName
    self.deviceNote = deviceNote
    self.warning = warning
  }
}

/// A generation request that begins.
public struct StartedEvent: Equatable, Sendable {
  public let promptTokens: [TokenID]
  /// Tokens of the prompt that the cache already held.
  public let cachedCount: Int
  /// The seed in use: the request's or the one drawn for it.
  public let seed: UInt64

  public init(promptTokens: [TokenID], cachedCount: Int, seed: UInt64) {
    self.promptTokens = promptTokens
    self.cachedCount = cachedCount
    self.seed = seed
  }
}

/// How far a prompt has gone through the model.
public struct PromptProgress: Equatable, Sendable {
  /// Tokens done, cached ones included.
  public let done: Int
  public let total: Int

  public init(done: Int, total: Int) {
    self.done = done
    self.total = total
  }
}

/// A piece of text and the tokens that were generated since the last piece.
///
/// Text is whole characters, and is held back while it may become a stop string: a piece may carry tokens without text.
public struct TextEvent: Equatable, Sendable {
  public let text: String
  public let tokens: [GeneratedToken]

  public init(text: String, tokens: [GeneratedToken]) {
    self.text = text
    self.tokens = tokens
  }
}

/// One generated token.
public struct GeneratedToken: Equatable, Sendable {
  public let id: TokenID
  /// Log-probabilities, when the request asked for them.
  public let logprob: TokenScore?
  /// The likeliest tokens at this place, best first, when the request asked for them.
  public let top: [TokenScore]

  public init(id: TokenID, logprob: TokenScore? = nil, top: [TokenScore] = []) {
    self.id = id
    self.logprob = logprob
    self.top = top
  }
}

/// A token with its log-probability under the model, before any sampling option.
public struct TokenScore: Equatable, Sendable {
  public let id: TokenID
  /// The token's bytes: not always whole characters.
  public let bytes: [UInt8]
  public let logprob: Float

  public init(id: TokenID, bytes: [UInt8], logprob: Float) {
    self.id = id
    self.bytes = bytes
    self.logprob = logprob
  }
}

/// Why a reply ended.
public enum FinishReason: UInt8, CaseIterable, Sendable {
  /// The model ended it, or a stop string or stop token did.
  case stop = 0
  /// The token limit or the end of the context.
  case length = 1
  /// Someone cancelled it.
  case aborted = 2

  public var name: StaticString {
    switch self {
    case .stop: "stop"
    case .length: "length"
    case .aborted: "aborted"
    }
  }
}

/// The end of a reply.
public struct FinishedEvent: Equatable, Sendable {
  public let reason: FinishReason
  public let timings: Timings

  public init(reason: FinishReason, timings: Timings) {
    self.reason = reason
    self.timings = timings
  }
}

/// What a request cost. Times in milliseconds.
public struct Timings: Equatable, Sendable {
  /// How long the model took to load, from its bytes' arrival.
  public var loadMilliseconds: Double
  /// Prompt tokens that went through the model.
  public var promptCount: Int
  /// Prompt tokens that the cache already held, or that were read back.
  public var cachedCount: Int
  /// Those of them whose keys and values were read back from where they are kept between visits.
  public var restoredCount: Int
  public var promptMilliseconds: Double
  public var predictedCount: Int
  public var predictedMilliseconds: Double
  /// From the command's arrival to the first token.
  public var firstTokenMilliseconds: Double
  /// Tokens that were guessed and verified, several in one pass.
  public var draftCount: Int
  /// Those of them that were right; the rest of the generated tokens took a pass each.
  public var draftAcceptedCount: Int

  public init(
    loadMilliseconds: Double = 0, promptCount: Int = 0, cachedCount: Int = 0, restoredCount: Int = 0,
    promptMilliseconds: Double = 0, predictedCount: Int = 0, predictedMilliseconds: Double = 0,
    firstTokenMilliseconds: Double = 0,
    draftCount: Int = 0, draftAcceptedCount: Int = 0
  ) {
    self.loadMilliseconds = loadMilliseconds
    self.promptCount = promptCount
    self.cachedCount = cachedCount
    self.restoredCount = restoredCount
    self.promptMilliseconds = promptMilliseconds
    self.predictedCount = predictedCount
    self.predictedMilliseconds = predictedMilliseconds
    self.firstTokenMilliseconds = firstTokenMilliseconds
    self.draftCount = draftCount
    self.draftAcceptedCount = draftAcceptedCount
  }

  /// Tokens of the prompt per second, or 0.
  public var promptTokensPerSecond: Double {
    promptMilliseconds > 0 ? Double(promptCount) * 1000 / promptMilliseconds : 0
  }

  /// Generated tokens per second, or 0.
  public var predictedTokensPerSecond: Double {
    predictedMilliseconds > 0 ? Double(predictedCount) * 1000 / predictedMilliseconds : 0
  }
}
