import CKernels
import InferenceCore
import SwiftletTestSupport
import WorkerCore

/// Runs a test that makes kernels simpler, which are the whole program's, and puts the fastest ones back.
func puttingKernelsBack(_ test: () throws -> Void) rethrows {
  let standard = String(cString: ck_instruction_set())
  defer { _ = ck_select_instruction_set(standard) }
  try test()
}

/// A shell for tests: feeds a worker by hand, keeps its events, and has a clock that stands still unless told.
final class WorkerHarness {
  /// What the worker's closures use; outlives the worker.
  private final class Surroundings {
    var events: [WorkerEvent] = []
    var clock = 0.0
    var tick = 0.0
    var memoryLimit: UInt64 = 0
    var released = 0
    var kernelsPass: (KernelCheck) -> Bool = { $0.passes() }
    var files: [String: [UInt8]] = [:]
    var open = ""
    var room = Int.max
    var reads = 0
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
  /// What a check of the kernels finds.
  var kernelsPass: (KernelCheck) -> Bool {
    get { surroundings.kernelsPass }
    set { surroundings.kernelsPass = newValue }
  }
  /// What is kept of each conversation.
  var files: [String: [UInt8]] {
    get { surroundings.files }
    set { surroundings.files = newValue }
  }
  /// Bytes that a file may have before writing fails.
  var room: Int {
    get { surroundings.room }
    set { surroundings.room = newValue }
  }
  /// Bytes that were read from files.
  var bytesRead: Int { surroundings.reads }
  /// Bytes of a file that the worker is told it may have.
  var prefixLimit: UInt64 = 1 << 30
  /// Whether the shell can open files.
  var opensPrefixes = true
  private var served = 0
  /// Models' bytes that were given back.
  var released: Int { surroundings.released }

  /// One with a model loaded.
  static func loaded(_ model: TinyModel = TinyModel()) -> WorkerHarness {
    let harness = WorkerHarness()
    harness.load(model)
    return harness
  }

  init(catalog: [CatalogModel] = ModelCatalog.models, keepsPrefixes: Bool = false, opensDevices: Bool = false) {
    let surroundings = surroundings
    var host = WorkerHost(
      now: {
        surroundings.clock += surroundings.tick
        return surroundings.clock
      },
      seed: { 99 }, date: { TemplateDate(year: 2026, month: 1, day: 2) },
      memoryLimit: { surroundings.memoryLimit }, defaultThreads: 1, emit: { surroundings.events.append($0) })
    host.opensDevices = opensDevices
    host.kernelsPass = { surroundings.kernelsPass($0) }
    if keepsPrefixes {
      host.prefixStorage = PrefixStorage(
        read: { offset, bytes in
          guard let file = surroundings.files[surroundings.open], Int(offset) + bytes.count <= file.count else {
            return false
          }
          surroundings.reads += bytes.count
          bytes.copyBytes(from: file[Int(offset)..<Int(offset) + bytes.count])
          return true
        },
        write: { offset, bytes in
          guard Int(offset) + bytes.count <= surroundings.room, var file = surroundings.files[surroundings.open] else {
            return false
          }
          file.replaceSubrange(Int(offset)..<min(file.count, Int(offset) + bytes.count), with: bytes)
          surroundings.files[surroundings.open] = file
          return true
        },
        truncate: { size in surroundings.files[surroundings.open]?.removeSubrange(Int(size)...) })
    }
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

  /// Does a slice of work; whether more is left that waits for nothing.
  @discardableResult
  func step() -> Bool { worker.step() == .again }

  @discardableResult
  func run(atMost steps: Int = 100_000) -> Int {
    for count in 0..<steps {
      let goesOn = step()
      if !servePrefixes() && !goesOn { return count + 1 }
    }
    return steps
  }

  /// Opens and deletes the files that the worker asked for; whether one was opened or refused.
  func servePrefixes() -> Bool {
    var isAnswered = false
    while served < events.count {
      let event = events[served]
      served += 1
      switch event {
      case .openPrefix(let id, let conversation):
        isAnswered = true
        surroundings.open = conversation
        if opensPrefixes {
          surroundings.files[conversation, default: []] += []
          worker.prefixOpened(id, size: UInt64(files[conversation]!.count), limit: prefixLimit)
        } else {
          worker.prefixUnavailable(id)
        }
      case .closePrefix: surroundings.open = ""
      case .deletePrefix(let conversation):
        if conversation.isEmpty { files = [:] } else { files[conversation] = nil }
      default: continue
      }
    }
    return isAnswered
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
  func generate(
    _ input: GenerationInput, _ options: GenerationOptions = .greedy(16), conversation: String = ""
  ) -> Reply {
    let id = request()
    worker.receive(.generate(id, GenerationCommand(input: input, options: options, conversation: conversation)))
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
