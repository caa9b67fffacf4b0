import InferenceCore
import SwiftletTestSupport
import WorkerCore

/// A shell for tests: feeds a worker by hand, keeps its events, and has a clock that stands still unless told.
final class WorkerHarness {
  /// What the worker's closures use; outlives the worker.
  private final class Surroundings {
    var events: [WorkerEvent] = []
    var clock = 0.0
    var tick = 0.0
    var memoryLimit: UInt64 = 0
    var released = 0
  }

  private let surroundings = Surroundings()
  private(set) var worker: Worker!
  private var nextRequest: RequestID = 1

  var events: [WorkerEvent] { surroundings.events }
  /// Milliseconds.
  var clock: Double {
    get { surroundings.clock }
    set { surroundings.clock = newValue }
  }
  /// How far the clock goes on each time it is read.
  var tick: Double {
    get { surroundings.tick }
    set { surroundings.tick = newValue }
  }
  var memoryLimit: UInt64 {
    get { surroundings.memoryLimit }
    set { surroundings.memoryLimit = newValue }
  }
  /// Models' bytes that were given back.
  var released: Int { surroundings.released }

  init(catalog: [CatalogModel] = ModelCatalog.models) {
    let surroundings = surroundings
    let host = WorkerHost(
      now: {
        surroundings.clock += surroundings.tick
        return surroundings.clock
      },
      seed: { 99 }, date: { TemplateDate(year: 2026, month: 1, day: 2) },
      memoryLimit: { surroundings.memoryLimit }, defaultThreads: 1, emit: { surroundings.events.append($0) })
    worker = Worker(host: host, catalog: catalog)
  }

  func request() -> RequestID {
    defer { nextRequest += 1 }
    return nextRequest
  }

  /// Ends the worker, as a shell that terminates.
  func terminate() { worker = nil }

  /// The last fetch that was asked for.
  var fetch: FetchID? {
    events.reversed().compactMap { if case .fetch(let request) = $0 { request.id } else { nil } }.first
  }

  /// Hands over a model's bytes, in memory of their own.
  func arrive(_ bytes: [UInt8], for fetch: FetchID) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 64)
    memory.copyBytes(from: bytes)
    let part = UnsafeRawBufferPointer(start: memory.baseAddress, count: bytes.count)
    worker.modelArrived(
      fetch,
      ModelBytes(parts: [part]) { [surroundings] in
        surroundings.released += 1
        memory.deallocate()
      })
  }

  @discardableResult
  func run(atMost steps: Int = 100_000) -> Int {
    for count in 0..<steps where !worker.step() { return count + 1 }
    return steps
  }

  /// Loads a model to its end; the request that loaded it.
  @discardableResult
  func load(_ model: TinyModel = TinyModel(), _ command: LoadCommand = LoadCommand(model: "tiny.gguf")) -> RequestID {
    let id = request()
    worker.receive(.load(id, command))
    if let fetch { arrive(model.bytes(), for: fetch) }
    run()
    return id
  }

  /// Generates to the end of the reply.
  @discardableResult
  func generate(_ input: GenerationInput, _ options: GenerationOptions = .greedy(16)) -> Reply {
    let id = request()
    worker.receive(.generate(id, GenerationCommand(input: input, options: options)))
    run()
    return reply(id)
  }

  /// What was said about a request.
  func reply(_ id: RequestID) -> Reply {
    var reply = Reply()
    for event in events {
      switch event {
      case .started(id, let started): reply.started = started
      case .text(id, let text):
        reply.text += text.text
        reply.tokens += text.tokens
        reply.pieces += 1
      case .finished(id, let finished): reply.finished = finished
      case .failed(id, let error): reply.error = error
      default: continue
      }
    }
    return reply
  }

  struct Reply: Equatable {
    var started: StartedEvent?
    var text = ""
    var tokens: [GeneratedToken] = []
    var pieces = 0
    var finished: FinishedEvent?
    var error: WorkerError?

    var ids: [TokenID] { tokens.map(\.id) }
  }

  var states: [ModelState] { events.compactMap { if case .state(let state) = $0 { state } else { nil } } }
  var progress: [LoadProgress] { events.compactMap { if case .progress(let progress) = $0 { progress } else { nil } } }
}

extension GenerationOptions {
  static func greedy(_ maxTokens: Int) -> GenerationOptions {
    GenerationOptions(maxTokens: maxTokens, temperature: 0)
  }
}
