import Foundation
import WorkerCore

/// The decoded form of a frame as `Tests/Fixtures/wire-frames.json` holds it for the codecs of other languages:
/// `kind`, `id` where the kind has one, and the fields by their name in `Documentation/WireFormat.md`. Absent optional
/// fields are null, 64-bit seeds decimal strings, bytes lists of numbers.
extension WireSample {
  var json: [String: Any] {
    switch value {
    case .command(let command): Self.json(command)
    case .event(let event): Self.json(event)
    }
  }

  private static func json(_ command: WorkerCommand) -> [String: Any] {
    switch command {
    case .load(let id, let c):
      [
        "kind": "load", "id": id, "model": c.model, "contextLength": c.contextLength, "threads": c.threads,
        "sequences": c.sequences, "device": "\(c.device.name)",
      ]
    case .cancelLoad: ["kind": "cancelLoad"]
    case .unload(let id): ["kind": "unload", "id": id]
    case .generate(let id, let c):
      [
        "kind": "generate", "id": id, "input": json(c.input), "options": json(c.options),
        "conversation": c.conversation,
      ]
    case .cancel(let id): ["kind": "cancel", "id": id]
    case .cancelAll: ["kind": "cancelAll"]
    case .tokenize(let id, let c):
      ["kind": "tokenize", "id": id, "text": c.text, "addSpecial": c.addSpecial, "parseSpecial": c.parseSpecial]
    case .detokenize(let id, let tokens): ["kind": "detokenize", "id": id, "tokens": tokens]
    case .applyTemplate(let id, let chat):
      ["kind": "applyTemplate", "id": id].merging(json(chat)) { old, _ in old }
    case .embed(let id, let c):
      [
        "kind": "embed", "id": id, "texts": c.texts, "query": c.query,
        "pooling": orNull(c.pooling.map { "\($0.name)" }),
        "normalize": c.normalizes, "truncate": c.truncates,
      ]
    case .forget(let conversation): ["kind": "forget", "conversation": conversation]
    }
  }

  private static func json(_ input: GenerationInput) -> [String: Any] {
    switch input {
    case .chat(let chat): ["type": "chat"].merging(json(chat)) { old, _ in old }
    case .text(let text): ["type": "text", "text": text]
    case .tokens(let tokens): ["type": "tokens", "tokens": tokens]
    }
  }

  private static func json(_ chat: ChatInput) -> [String: Any] {
    [
      "messages": chat.messages.map { ["role": $0.role, "content": $0.content, "extraJSON": $0.extraJSON] },
      "addGenerationPrompt": chat.addGenerationPrompt, "toolsJSON": chat.toolsJSON,
      "variablesJSON": chat.variablesJSON,
    ]
  }

  private static func json(_ o: GenerationOptions) -> [String: Any] {
    [
      "maxTokens": orNull(o.maxTokens), "temperature": orNull(o.temperature), "topK": orNull(o.topK),
      "topP": orNull(o.topP), "minP": orNull(o.minP), "typicalP": orNull(o.typicalP),
      "repeatPenalty": orNull(o.repeatPenalty), "repeatLastN": orNull(o.repeatLastN),
      "frequencyPenalty": orNull(o.frequencyPenalty), "presencePenalty": orNull(o.presencePenalty),
      "seed": orNull(o.seed.map(String.init)), "logprobs": orNull(o.logprobs),
      "logitBias": o.logitBias.map { ["token": $0.token, "bias": $0.bias] as [String: Any] }, "stop": o.stop,
      "stopTokens": o.stopTokens, "ignoresEndOfGeneration": o.ignoresEndOfGeneration,
      "overflow": o.overflow == .fail ? "fail" : "dropOldestMessages", "speculation": o.speculation,
    ]
  }

  private static func json(_ event: WorkerEvent) -> [String: Any] {
    switch event {
    case .state(let state):
      [
        "kind": "state", "currentModel": orNull(state.currentModel), "isLoading": state.isLoading,
        "downloadProgress": state.downloadProgress, "loadingStep": "\(state.loadingStep.name)",
        "error": orNull(state.error.map(json)), "availableModels": state.availableModels.map(json),
      ]
    case .progress(let p):
      [
        "kind": "progress", "progress": p.progress, "bytes": p.bytes, "totalBytes": p.totalBytes,
        "timeElapsed": p.timeElapsed, "remaining": orNull(p.remaining), "step": "\(p.step.name)", "text": p.text,
      ]
    case .loaded(let id, let i):
      [
        "kind": "loaded", "id": id, "model": i.model, "name": i.name, "architecture": i.architecture,
        "parameters": i.parameters, "vocabularySize": i.vocabularySize, "contextLength": i.contextLength,
        "trainedContextLength": i.trainedContextLength, "hasChatTemplate": i.hasChatTemplate,
        "generates": i.generates, "pooling": orNull(i.pooling.map { "\($0.name)" }),
        "embeddingLength": i.embeddingLength,
        "weightBytes": i.weightBytes, "workingBytes": i.workingBytes, "threads": i.threads,
        "loadMilliseconds": i.loadMilliseconds, "device": "\(i.device.name)", "deviceName": i.deviceName,
        "deviceNote": i.deviceNote, "warning": i.warning,
      ]
    case .unloaded(let id): ["kind": "unloaded", "id": id]
    case .started(let id, let s):
      [
        "kind": "started", "id": id, "promptTokens": s.promptTokens, "cachedCount": s.cachedCount,
        "seed": String(s.seed),
      ]
    case .prompt(let id, let p): ["kind": "prompt", "id": id, "done": p.done, "total": p.total]
    case .text(let id, let t):
      [
        "kind": "text", "id": id, "text": t.text,
        "tokens": t.tokens.map {
          ["id": $0.id, "logprob": orNull($0.logprob.map(json)), "top": $0.top.map(json)] as [String: Any]
        },
      ]
    case .finished(let id, let f):
      ["kind": "finished", "id": id, "reason": "\(f.reason.name)", "timings": json(f.timings)]
    case .failed(let id, let error): ["kind": "failed", "id": id, "error": json(error)]
    case .tokens(let id, let tokens): ["kind": "tokens", "id": id, "tokens": tokens]
    case .embedded(let id, let e):
      ["kind": "embedded", "id": id, "index": e.index, "count": e.count, "tokens": e.tokenCount, "vector": e.vector]
    case .rendered(let id, let text): ["kind": "rendered", "id": id, "text": text]
    case .fetch(let f):
      ["kind": "fetch", "id": f.id, "model": f.model, "entry": orNull(f.entry.map(json))]
    case .cancelFetch(let id): ["kind": "cancelFetch", "id": id]
    case .openDevice(let id, let model): ["kind": "openDevice", "id": id, "model": model]
    case .rememberDevice(let device, let model):
      ["kind": "rememberDevice", "device": "\(device.name)", "model": model]
    case .openPrefix(let id, let conversation): ["kind": "openPrefix", "id": id, "conversation": conversation]
    case .closePrefix(let id): ["kind": "closePrefix", "id": id]
    case .deletePrefix(let conversation): ["kind": "deletePrefix", "conversation": conversation]
    }
  }

  private static func json(_ score: TokenScore) -> [String: Any] {
    ["id": score.id, "bytes": score.bytes.map(Int.init), "logprob": score.logprob]
  }

  private static func json(_ t: Timings) -> [String: Any] {
    [
      "loadMilliseconds": t.loadMilliseconds, "promptCount": t.promptCount, "cachedCount": t.cachedCount,
      "restoredCount": t.restoredCount,
      "promptMilliseconds": t.promptMilliseconds, "predictedCount": t.predictedCount,
      "predictedMilliseconds": t.predictedMilliseconds, "firstTokenMilliseconds": t.firstTokenMilliseconds,
      "draftCount": t.draftCount, "draftAcceptedCount": t.draftAcceptedCount,
    ]
  }

  private static func json(_ error: WorkerError) -> [String: Any] {
    ["code": "\(error.code.name)", "message": error.message, "need": error.need, "limit": error.limit]
  }

  private static func json(_ m: CatalogModel) -> [String: Any] {
    [
      "id": m.id, "name": m.name, "tier": "\(m.tier.name)", "description": m.description, "parameters": m.parameters,
      "quantization": m.quantization, "file": m.file, "fileSize": m.fileSize, "sha256": orNull(m.sha256),
      "contextLength": m.contextLength, "defaultContextLength": m.defaultContextLength, "memoryBase": m.memoryBase,
      "memoryPerToken": m.memoryPerToken, "license": m.license, "temperature": m.temperature, "topP": m.topP,
      "sources": m.sources.map { source -> [String: Any] in
        switch source {
        case .hub(let repository, let revision, let file):
          ["type": "hub", "repository": repository, "revision": revision, "file": file]
        case .pythonPackage(let name, let version, let member):
          ["type": "pythonPackage", "name": name, "version": version, "member": member]
        }
      },
    ]
  }

  private static func orNull(_ value: Any?) -> Any { value ?? NSNull() }
}
