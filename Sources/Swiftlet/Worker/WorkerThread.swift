import Foundation
import InferenceCore
import WorkerCore

/// Runs a ``Worker`` on a thread of its own: the thread shell. Values go across as they are, nothing is encoded.
///
/// It decides nothing: it feeds commands, steps while there is work, sleeps while there is none, brings the bytes that the
/// worker asks for, and hands events to whoever sent the command they answer.
final class WorkerThread: Sendable {
  /// Hears the events that answer one request, on the worker's thread.
  typealias Handler = @Sendable (WorkerEvent) -> Void

  enum Message: Sendable {
    case command(WorkerCommand, Handler?)
    case progressed(FetchID, ModelProvider.Report)
    case arrived(FetchID, [MappedFile])
    case failed(FetchID, WorkerError)
    /// Ends the thread; the closure is its last act, when all memory has been given back.
    case stop(@Sendable () -> Void)
  }

  private let inbox = Inbox()

  /// - Parameters:
  ///   - provider: brings the models' bytes.
  ///   - threads: threads to compute with when a load does not say.
  ///   - memoryLimit: bytes that a model may take.
  ///   - conversations: where keys and values are kept; nil keeps none.
  ///   - onState: hears every change of the state, on the worker's thread.
  init(
    provider: ModelProvider, threads: Int, memoryLimit: UInt64, conversations: ConversationCache?,
    onState: @escaping @Sendable (ModelState) -> Void
  ) {
    let inbox = inbox
    let thread = Thread {
      let end = autoreleasing {
        WorkerLoop(
          inbox: inbox, provider: provider, threads: threads, memoryLimit: memoryLimit, conversations: conversations,
          onState: onState
        ).run()
      }
      end()
    }
    thread.name = "swiftlet worker"
    thread.qualityOfService = .userInitiated
    // Templates and grammars recurse, within bounds.
    thread.stackSize = 8 << 20
    thread.start()
  }

  func post(_ message: Message) {
    inbox.post(message)
  }
}

/// Messages to a worker's thread.
final class Inbox: @unchecked Sendable {
  // Safe to share: `messages` is only touched with the condition's lock held.
  private let condition = NSCondition()
  private var messages: [WorkerThread.Message] = []

  func post(_ message: WorkerThread.Message) {
    condition.lock()
    messages.append(message)
    condition.signal()
    condition.unlock()
  }

  /// All messages that have come; if there are none, waits for one or returns at once.
  func take(waiting: Bool) -> [WorkerThread.Message] {
    condition.lock()
    defer { condition.unlock() }
    while waiting, messages.isEmpty { condition.wait() }
    defer { messages.removeAll(keepingCapacity: true) }
    return messages
  }
}

/// The loop of a worker's thread, and everything that only this thread touches.
private final class WorkerLoop {
  private let inbox: Inbox
  private let provider: ModelProvider
  private let onState: @Sendable (ModelState) -> Void
  private let conversations: ConversationCache?
  private let prefixes: PrefixFiles?
  private var worker: Worker?
  private var handlers: [RequestID: (handler: WorkerThread.Handler, isLoad: Bool)] = [:]
  private var fetches: [FetchID: Task<Void, Never>] = [:]
  /// Bytes of the model that must be there before its header is looked at (again); nil when that is done.
  private var inspectionLength: UInt64?
  /// What the worker asked for about its files in this slice.
  private var prefixRequests: [WorkerEvent] = []
  private static let firstInspection: UInt64 = 1 << 20

  init(
    inbox: Inbox, provider: ModelProvider, threads: Int, memoryLimit: UInt64, conversations: ConversationCache?,
    onState: @escaping @Sendable (ModelState) -> Void
  ) {
    self.inbox = inbox
    self.provider = provider
    self.onState = onState
    self.conversations = conversations
    prefixes = conversations.map { PrefixFiles($0) }
    let start = DispatchTime.now().uptimeNanoseconds
    var host = WorkerHost(
      now: { Double(DispatchTime.now().uptimeNanoseconds - start) / 1e6 },
      seed: { UInt64.random(in: .min ... .max) }, date: { TemplateDate(Date()) }, memoryLimit: { memoryLimit },
      defaultThreads: threads, emit: { [unowned self] in emit($0) })
    host.prefixStorage = prefixes?.storage
    worker = Worker(host: host)
  }

  /// Works until it is told to stop.
  ///
  /// - Returns: what whoever stopped it wants done when this object is gone.
  func run() -> @Sendable () -> Void {
    worker?.start()
    var isBusy = false
    while true {
      for message in inbox.take(waiting: !isBusy) {
        if case .stop(let completion) = message {
          keepPrefix()
          end()
          return completion
        }
        handle(message)
      }
      servePrefixes()
      // Foundation's temporary objects of one slice go with it.
      isBusy = autoreleasing { worker?.step() == .again }
      if !prefixRequests.isEmpty { isBusy = true }
    }
  }

  private func handle(_ message: WorkerThread.Message) {
    switch message {
    case .command(let command, let handler):
      if let handler, let id = command.requestID { handlers[id] = (handler, command.isLoad) }
      worker?.receive(command)
    case .progressed(let fetch, let report):
      worker?.fetchProgressed(fetch, received: report.received, total: report.total, text: report.text)
      inspect(fetch, report)
    case .arrived(let fetch, let files):
      fetches[fetch] = nil
      // The files stay mapped as long as the closure lives.
      worker?.modelArrived(
        fetch, ModelBytes(parts: files.map(\.bytes)) { withExtendedLifetime(files) {} })
    case .failed(let fetch, let error):
      fetches[fetch] = nil
      worker?.fetchFailed(fetch, error)
    case .stop: break
    }
  }

  /// Shows the worker the header of a model that is still arriving.
  private func inspect(_ fetch: FetchID, _ report: ModelProvider.Report) {
    // Read, not mapped: a download that begins anew cuts the file off.
    guard fetches[fetch] != nil, let length = inspectionLength, report.received >= min(length, report.total),
      let url = report.beginning, let file = try? FileHandle(forReadingFrom: url),
      let prefix = try? file.read(upToCount: Int(clamping: min(length, report.total)))
    else { return }
    let verdict = prefix.withUnsafeBytes { worker?.inspectHeader(fetch, prefix: $0, fileSize: report.total) }
    switch verdict {
    case .needsMoreBytes(let count): inspectionLength = max(count, length * 2)
    case .fits, .refused, .moved, nil: inspectionLength = nil
    }
  }

  /// Writes what is still to be kept of the last conversation, unless somebody waits for something else.
  private func keepPrefix() {
    let start = ContinuousClock.now
    while handlers.isEmpty, fetches.isEmpty, ContinuousClock.now - start < .seconds(2) {
      servePrefixes()
      if worker?.step() != .again, prefixRequests.isEmpty { break }
    }
    servePrefixes()
  }

  private func end() {
    for fetch in fetches.values { fetch.cancel() }
    worker = nil
    let error = WorkerError(.terminated, "The worker was terminated.")
    let unanswered = handlers
    handlers = [:]
    for (id, entry) in unanswered { entry.handler(.failed(id, error)) }
  }

  private func emit(_ event: WorkerEvent) {
    switch event {
    case .state(let state): onState(state)
    case .progress: for entry in handlers.values where entry.isLoad { entry.handler(event) }
    case .fetch(let request):
      inspectionLength = Self.firstInspection
      fetches[request.id] = fetch(request)
    case .cancelFetch(let id): fetches.removeValue(forKey: id)?.cancel()
    case .openPrefix, .closePrefix, .deletePrefix: prefixRequests.append(event)
    // Only the browser opens graphics cards (`WorkerHost/opensDevices`).
    case .openDevice, .rememberDevice: break
    case .loaded(let id, _), .unloaded(let id), .finished(let id, _), .failed(let id, _), .tokens(let id, _),
      .rendered(let id, _):
      handlers.removeValue(forKey: id)?.handler(event)
    case .embedded(let id, let embedded):
      let handler = embedded.isLast ? handlers.removeValue(forKey: id) : handlers[id]
      handler?.handler(event)
    case .started(let id, _), .prompt(let id, _), .text(let id, _):
      handlers[id]?.handler(event)
    }
  }

  /// Does what the worker asked for about its files, between two of its slices.
  private func servePrefixes() {
    let requests = prefixRequests
    prefixRequests = []
    for request in requests {
      switch request {
      case .openPrefix(let id, let conversation):
        if let prefixes, let conversations, let size = prefixes.open(conversation) {
          worker?.prefixOpened(id, size: size, limit: conversations.byteLimit)
        } else {
          worker?.prefixUnavailable(id)
        }
      case .closePrefix: prefixes?.close()
      case .deletePrefix(let conversation): prefixes?.delete(conversation)
      default: break
      }
    }
  }

  private func fetch(_ request: FetchRequest) -> Task<Void, Never> {
    let (inbox, provider) = (inbox, provider)
    return Task.detached(priority: .userInitiated) {
      do {
        let files = try await provider.files(request) {
          inbox.post(.progressed(request.id, $0))
        }
        inbox.post(.arrived(request.id, try files.map { try MappedFile(path: $0.path) }))
      } catch {
        inbox.post(.failed(request.id, WorkerError(error)))
      }
    }
  }
}

extension WorkerCommand {
  /// The request that this command begins; nil for those that are not answered.
  fileprivate var requestID: RequestID? {
    switch self {
    case .load(let id, _), .unload(let id), .generate(let id, _), .tokenize(let id, _), .detokenize(let id, _),
      .applyTemplate(let id, _), .embed(let id, _):
      id
    case .cancelLoad, .cancel, .cancelAll, .forget: nil
    }
  }

  fileprivate var isLoad: Bool {
    if case .load = self { true } else { false }
  }
}

extension TemplateDate {
  /// A moment in local time.
  init(_ date: Date) {
    let parts = Calendar(identifier: .gregorian).dateComponents(
      [.year, .month, .day, .hour, .minute, .second], from: date)
    self.init(
      year: parts.year ?? 1970, month: parts.month ?? 1, day: parts.day ?? 1, hour: parts.hour ?? 0,
      minute: parts.minute ?? 0, second: parts.second ?? 0)
  }
}

/// Runs a block with an autorelease pool where there are such things.
private func autoreleasing<Result>(_ body: () -> Result) -> Result {
  #if canImport(ObjectiveC)
    autoreleasepool(invoking: body)
  #else
    body()
  #endif
}
