import InferenceCore

extension Wire {
  enum EventKind {
    static let state: UInt8 = 128
    static let progress: UInt8 = 129
    static let loaded: UInt8 = 130
    static let unloaded: UInt8 = 131
    static let started: UInt8 = 132
    static let prompt: UInt8 = 133
    static let text: UInt8 = 134
    static let finished: UInt8 = 135
    static let failed: UInt8 = 136
    static let tokens: UInt8 = 137
    static let rendered: UInt8 = 138
    static let fetch: UInt8 = 139
    static let cancelFetch: UInt8 = 140
    static let openPrefix: UInt8 = 141
    static let closePrefix: UInt8 = 142
    static let deletePrefix: UInt8 = 143
    static let openDevice: UInt8 = 144
    static let rememberDevice: UInt8 = 145
    static let embedded: UInt8 = 146
  }

  /// An event as one frame.
  public static func encode(_ event: WorkerEvent) -> [UInt8] {
    var writer: WireWriter
    switch event {
    case .state(let state):
      writer = WireWriter(kind: EventKind.state, request: 0)
      write(state, to: &writer)
    case .progress(let progress):
      writer = WireWriter(kind: EventKind.progress, request: 0)
      write(progress, to: &writer)
    case .loaded(let id, let info):
      writer = WireWriter(kind: EventKind.loaded, request: id)
      write(info, to: &writer)
    case .unloaded(let id):
      writer = WireWriter(kind: EventKind.unloaded, request: id)
    case .started(let id, let started):
      writer = WireWriter(kind: EventKind.started, request: id)
      writer.count(started.cachedCount)
      writer.uint64(started.seed)
      writer.list(started.promptTokens) { $0.int32($1) }
    case .prompt(let id, let progress):
      writer = WireWriter(kind: EventKind.prompt, request: id)
      writer.count(progress.done)
      writer.count(progress.total)
    case .text(let id, let text):
      writer = WireWriter(kind: EventKind.text, request: id)
      write(text, to: &writer)
    case .finished(let id, let finished):
      writer = WireWriter(kind: EventKind.finished, request: id)
      writer.byte(finished.reason.rawValue)
      write(finished.timings, to: &writer)
    case .failed(let id, let error):
      writer = WireWriter(kind: EventKind.failed, request: id)
      write(error, to: &writer)
    case .tokens(let id, let tokens):
      writer = WireWriter(kind: EventKind.tokens, request: id)
      writer.list(tokens) { $0.int32($1) }
    case .embedded(let id, let embedded):
      writer = WireWriter(kind: EventKind.embedded, request: id)
      writer.count(embedded.index)
      writer.count(embedded.count)
      writer.count(embedded.tokenCount)
      writer.list(embedded.vector) { $0.float($1) }
    case .rendered(let id, let text):
      writer = WireWriter(kind: EventKind.rendered, request: id)
      writer.string(text)
    case .fetch(let request):
      writer = WireWriter(kind: EventKind.fetch, request: request.id)
      writer.string(request.model)
      writer.optional(request.entry) { write($1, to: &$0) }
    case .cancelFetch(let id):
      writer = WireWriter(kind: EventKind.cancelFetch, request: id)
    case .openDevice(let id, let model):
      writer = WireWriter(kind: EventKind.openDevice, request: id)
      writer.string(model)
    case .rememberDevice(let device, let model):
      writer = WireWriter(kind: EventKind.rememberDevice, request: 0)
      writer.byte(device.rawValue)
      writer.string(model)
    case .openPrefix(let id, let conversation):
      writer = WireWriter(kind: EventKind.openPrefix, request: id)
      writer.string(conversation)
    case .closePrefix(let id):
      writer = WireWriter(kind: EventKind.closePrefix, request: id)
    case .deletePrefix(let conversation):
      writer = WireWriter(kind: EventKind.deletePrefix, request: 0)
      writer.string(conversation)
    }
    return writer.finish()
  }

  /// The event in a frame, which must fill `bytes` exactly.
  public static func decodeEvent(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> WorkerEvent {
    var (header, reader) = try openFrame(bytes)
    let event = try readEvent(header, &reader)
    try reader.finish()
    return event
  }

  private static func readEvent(_ header: Header, _ reader: inout WireReader) throws(WireError) -> WorkerEvent {
    let id = header.request
    switch header.kind {
    case EventKind.state: return .state(try readState(&reader))
    case EventKind.progress: return .progress(try readProgress(&reader))
    case EventKind.loaded: return .loaded(id, try readInfo(&reader))
    case EventKind.unloaded: return .unloaded(id)
    case EventKind.started:
      let cached = try reader.count("the cached tokens")
      let seed = try reader.uint64("the seed")
      return .started(id, StartedEvent(promptTokens: try readTokens(&reader), cachedCount: cached, seed: seed))
    case EventKind.prompt:
      return .prompt(
        id, PromptProgress(done: try reader.count("the tokens done"), total: try reader.count("the tokens in all")))
    case EventKind.text: return .text(id, try readText(&reader))
    case EventKind.finished:
      let reason = try reader.byte("the finish reason")
      guard let reason = FinishReason(rawValue: reason) else {
        throw reader.error(.badValue, expected: "0 to 2 for the finish reason", found: "\(reason)")
      }
      return .finished(id, FinishedEvent(reason: reason, timings: try readTimings(&reader)))
    case EventKind.failed: return .failed(id, try readError(&reader))
    case EventKind.tokens: return .tokens(id, try readTokens(&reader))
    case EventKind.embedded:
      let (index, texts) = (try reader.count("the text's number"), try reader.count("the texts"))
      let count = try reader.count("the text's tokens")
      let vector = try reader.list("elements", minimumSize: 4) { (r: inout WireReader) throws(WireError) in
        try r.float("an element")
      }
      return .embedded(id, EmbeddedEvent(index: index, count: texts, tokenCount: count, vector: vector))
    case EventKind.rendered: return .rendered(id, try reader.string("the text"))
    case EventKind.fetch:
      let model = try reader.string("the model")
      let entry = try reader.optional("the catalog's entry", readModel)
      return .fetch(FetchRequest(id: id, model: model, entry: entry))
    case EventKind.cancelFetch: return .cancelFetch(id)
    case EventKind.openDevice: return .openDevice(id, model: try reader.string("the model"))
    case EventKind.rememberDevice:
      let device = try readDevice(&reader)
      return .rememberDevice(device, model: try reader.string("the model"))
    case EventKind.openPrefix: return .openPrefix(id, conversation: try reader.string("the conversation"))
    case EventKind.closePrefix: return .closePrefix(id)
    case EventKind.deletePrefix: return .deletePrefix(conversation: try reader.string("the conversation"))
    default:
      throw reader.error(.unknownKind, expected: "an event", found: "kind \(header.kind)")
    }
  }

  private static func write(_ text: TextEvent, to writer: inout WireWriter) {
    writer.string(text.text)
    writer.list(text.tokens) { writer, token in
      writer.int32(token.id)
      writer.optional(token.logprob) { write($1, to: &$0) }
      writer.list(token.top) { write($1, to: &$0) }
    }
  }

  private static func readText(_ reader: inout WireReader) throws(WireError) -> TextEvent {
    let text = try reader.string("the text")
    let tokens = try reader.list("tokens", minimumSize: 9) { (r: inout WireReader) throws(WireError) in
      GeneratedToken(
        id: try r.int32("a token"), logprob: try r.optional("a log-probability", readScore),
        top: try r.list("likeliest tokens", minimumSize: 12, readScore))
    }
    return TextEvent(text: text, tokens: tokens)
  }

  private static func write(_ score: TokenScore, to writer: inout WireWriter) {
    writer.int32(score.id)
    writer.float(score.logprob)
    writer.blob(score.bytes)
  }

  private static func readScore(_ reader: inout WireReader) throws(WireError) -> TokenScore {
    let id = try reader.int32("a token")
    let logprob = try reader.float("a log-probability")
    return TokenScore(id: id, bytes: try reader.blob("a token's bytes"), logprob: logprob)
  }

  private static func write(_ timings: Timings, to writer: inout WireWriter) {
    writer.double(timings.loadMilliseconds)
    writer.count(timings.promptCount)
    writer.count(timings.cachedCount)
    writer.count(timings.restoredCount)
    writer.double(timings.promptMilliseconds)
    writer.count(timings.predictedCount)
    writer.double(timings.predictedMilliseconds)
    writer.double(timings.firstTokenMilliseconds)
    writer.count(timings.draftCount)
    writer.count(timings.draftAcceptedCount)
  }

  private static func readTimings(_ reader: inout WireReader) throws(WireError) -> Timings {
    Timings(
      loadMilliseconds: try reader.double("load time"), promptCount: try reader.count("prompt tokens"),
      cachedCount: try reader.count("cached tokens"), restoredCount: try reader.count("restored tokens"),
      promptMilliseconds: try reader.double("prompt time"),
      predictedCount: try reader.count("generated tokens"),
      predictedMilliseconds: try reader.double("generation time"),
      firstTokenMilliseconds: try reader.double("time to first token"),
      draftCount: try reader.count("drafted tokens"),
      draftAcceptedCount: try reader.count("accepted drafted tokens"))
  }
}
