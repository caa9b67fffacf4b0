import Foundation
import InferenceCore
import WorkerCore

/// One golden frame: a command or an event, by name.
struct WireSample {
  enum Value: Equatable {
    case command(WorkerCommand)
    case event(WorkerEvent)
  }

  let name: String
  let value: Value

  init(_ name: String, _ command: WorkerCommand) {
    self.name = name
    value = .command(command)
  }

  init(_ name: String, _ event: WorkerEvent) {
    self.name = name
    value = .event(event)
  }

  var frame: [UInt8] {
    switch value {
    case .command(let command): Wire.encode(command)
    case .event(let event): Wire.encode(event)
    }
  }

  func decode(_ bytes: [UInt8]) throws -> Value {
    try bytes.withUnsafeBytes { bytes in
      switch value {
      case .command: .command(try Wire.decodeCommand(bytes))
      case .event: .event(try Wire.decodeEvent(bytes))
      }
    }
  }

  /// At least one frame of every kind, with every optional field once absent and once present.
  static let all: [WireSample] = [
    WireSample(
      "load", .load(1, LoadCommand(model: "quick", contextLength: 4096, threads: 2, sequences: 3, device: .gpu))),
    WireSample("load defaults", .load(2, LoadCommand(model: "org/repo:Q8_0"))),
    WireSample("cancel load", .cancelLoad),
    WireSample("unload", .unload(3)),
    WireSample(
      "generate chat",
      .generate(
        4,
        GenerationCommand(
          input: .chat(
            ChatInput(
              messages: [
                .system("Be brief."),
                ChatMessage(role: "user", content: "Grüße 👋🏽", extraJSON: "{\"name\":\"Ann\"}"),
              ],
              toolsJSON: "[]", variablesJSON: "{\"enable_thinking\":false}"))))),
    WireSample(
      "generate text with every option",
      .generate(
        5,
        GenerationCommand(
          input: .text("Once upon a time"),
          options: GenerationOptions(
            maxTokens: 64, temperature: 0.5, topK: 40, topP: 0.875, minP: 0.0625, typicalP: 1, repeatPenalty: 1.25,
            repeatLastN: 64, frequencyPenalty: -0.5, presencePenalty: 0.25,
            logitBias: [.init(token: 17, bias: -100)], seed: 42, stop: ["\n\n", "END"], stopTokens: [2, 7], logprobs: 5,
            ignoresEndOfGeneration: true, overflow: .dropOldestMessages, speculation: false)))),
    WireSample("generate tokens", .generate(6, GenerationCommand(input: .tokens([1, 2, 49_151])))),
    WireSample(
      "generate for a conversation", .generate(7, GenerationCommand(input: .text("Hi"), conversation: "c-1 \u{E9}"))),
    WireSample("cancel", .cancel(6)),
    WireSample("cancel all", .cancelAll),
    WireSample("tokenize", .tokenize(7, TokenizeCommand(text: "a\u{0}b", addSpecial: false, parseSpecial: true))),
    WireSample("detokenize", .detokenize(8, [3, 4])),
    WireSample("apply template", .applyTemplate(9, ChatInput(messages: [.user("Hi")], addGenerationPrompt: false))),
    WireSample("embed", .embed(10, EmbedCommand(texts: ["one", "", "zw\u{F6}lf"]))),
    WireSample(
      "rank",
      .embed(
        11, EmbedCommand(texts: ["a"], query: "why?", pooling: .rank, normalizes: false, truncates: true))),
    WireSample("forget", .forget("c-1")),
    WireSample("state idle", .state(ModelState())),
    WireSample(
      "state error",
      .state(
        ModelState(
          currentModel: "genius", isLoading: false, downloadProgress: 0.25, loadingStep: .error,
          error: WorkerError(.notEnoughMemory, "Too big.", need: 4_500_000_000, limit: 4_294_967_296),
          availableModels: [model, modelWithoutHash]))),
    WireSample(
      "progress",
      .progress(
        LoadProgress(
          progress: 0.5, bytes: 49_181_216, totalBytes: 98_362_432, timeElapsed: 1.5, remaining: 1.75,
          step: .downloading, text: "Downloading: 49 of 98 MB"))),
    WireSample(
      "progress without estimate",
      .progress(
        LoadProgress(
          progress: 0, bytes: 0, totalBytes: 0, timeElapsed: 0, remaining: nil, step: .compiling, text: ""))),
    WireSample(
      "loaded",
      .loaded(
        1,
        ModelInfo(
          model: "quick", name: "Smollm2 135M", architecture: "llama", parameters: 134_515_008,
          vocabularySize: 49_152, contextLength: 4096, trainedContextLength: 8192, hasChatTemplate: true,
          weightBytes: 96_578_304, workingBytes: 100_000_000, threads: 2, loadMilliseconds: 123.5))),
    WireSample(
      "loaded on a graphics card",
      .loaded(
        2,
        ModelInfo(
          model: "smart", name: "Gemma 3 1b It", architecture: "gemma3", parameters: 999_885_952,
          vocabularySize: 262_144, contextLength: 4096, trainedContextLength: 32_768, hasChatTemplate: true,
          weightBytes: 799_525_120, workingBytes: 120_000_000, threads: 1, loadMilliseconds: 800, device: .gpu,
          deviceName: "A card", deviceNote: "", warning: "Half of it."))),
    WireSample(
      "loaded for vectors",
      .loaded(
        3,
        ModelInfo(
          model: "minilm", name: "all-MiniLM-L6-v2", architecture: "bert", parameters: 22_565_376,
          vocabularySize: 30_522,
          contextLength: 512, trainedContextLength: 512, hasChatTemplate: false, generates: false, pooling: .mean,
          embeddingLength: 384, weightBytes: 45_600_000, workingBytes: 22_000_000, threads: 2, loadMilliseconds: 20))),
    WireSample("embedded", .embedded(10, EmbeddedEvent(index: 1, count: 3, tokenCount: 2, vector: [0.5, -0.25, 1]))),
    WireSample("unloaded", .unloaded(3)),
    WireSample("started", .started(4, StartedEvent(promptTokens: [1, 9, 30], cachedCount: 2, seed: 42))),
    WireSample("prompt", .prompt(4, PromptProgress(done: 512, total: 2000))),
    WireSample(
      "text", .text(4, TextEvent(text: "Hé", tokens: [GeneratedToken(id: 5), GeneratedToken(id: 6)]))),
    WireSample(
      "text with log-probabilities",
      .text(
        4,
        TextEvent(
          text: "",
          tokens: [
            GeneratedToken(
              id: 5, logprob: TokenScore(id: 5, bytes: [0xF0, 0x9F], logprob: -0.5),
              top: [
                TokenScore(id: 5, bytes: [0xF0, 0x9F], logprob: -0.5), TokenScore(id: 6, bytes: [], logprob: -1.25),
              ])
          ]))),
    WireSample(
      "finished",
      .finished(
        4,
        FinishedEvent(
          reason: .length,
          timings: Timings(
            loadMilliseconds: 123.5, promptCount: 28, cachedCount: 2, restoredCount: 1, promptMilliseconds: 40.25,
            predictedCount: 64,
            predictedMilliseconds: 512.5, firstTokenMilliseconds: 44.75,
            draftCount: 21, draftAcceptedCount: 17)))),
    WireSample(
      "failed", .failed(4, WorkerError(.contextOverflow, "904 tokens over.", need: 5000, limit: 4096))),
    WireSample("tokens", .tokens(7, [10, 11])),
    WireSample("rendered", .rendered(9, "<|im_start|>user\nHi<|im_end|>\n")),
    WireSample("fetch", .fetch(FetchRequest(id: 1, model: "quick", entry: model))),
    WireSample("fetch of an unknown model", .fetch(FetchRequest(id: 2, model: "org/repo", entry: nil))),
    WireSample("cancel fetch", .cancelFetch(2)),
    WireSample("open device", .openDevice(7, model: "smart")),
    WireSample("remember device", .rememberDevice(.gpu, model: "smart")),
    WireSample("open prefix", .openPrefix(1, conversation: "c-1")),
    WireSample("close prefix", .closePrefix(1)),
    WireSample("delete prefix", .deletePrefix(conversation: "")),
  ]

  static let model = CatalogModel(
    id: "tiny", name: "Tiny", tier: .quick, description: "For tests.", parameters: 1000, quantization: "Q8_0",
    file: "tiny.gguf", fileSize: 5_000_000_000, sha256: "ab12", contextLength: 8192, defaultContextLength: 4096,
    memoryBase: 1100, memoryPerToken: 16, license: "Apache-2.0",
    sources: [
      .hub(repository: "org/repo", revision: "main", file: "dir/tiny.gguf"),
      .pythonPackage(name: "tiny", version: "1.0", member: "tiny/tiny.gguf"),
    ], temperature: 0.25, topP: 0.875)

  static let modelWithoutHash = CatalogModel(
    id: "other", name: "Other", tier: .other, description: "", parameters: 0, quantization: "", file: "", fileSize: 0,
    sha256: nil, contextLength: 0, defaultContextLength: 0, memoryBase: 0, memoryPerToken: 0, license: "", sources: [],
    temperature: 0, topP: 1)
}
