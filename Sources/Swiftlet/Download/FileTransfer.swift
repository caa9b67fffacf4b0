import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Fetches one file of the hub into a ``PartialFile``, from where it ends to the size that the hub announced.
///
/// The file comes in ranges of a few MB, some of them in flight at once: memory stays flat, cancelling is prompt, and
/// what breaks off costs little. A server that knows no ranges gives one stream; what is already here of it is skipped.
struct FileTransfer: Sendable {
  let client: HubClient
  let file: HubModelFile
  let facts: HubFileFacts
  let partial: PartialFile
  let settings: TransferSettings
  /// Told the length of the file's prefix whenever it grows.
  let onProgress: @Sendable (UInt64) -> Void

  private let source: Source

  init(
    client: HubClient, file: HubModelFile, facts: HubFileFacts, partial: PartialFile, settings: TransferSettings,
    onProgress: @escaping @Sendable (UInt64) -> Void
  ) {
    self.client = client
    self.file = file
    self.facts = facts
    self.partial = partial
    self.settings = settings
    self.onProgress = onProgress
    source = Source(location: facts.location)
  }

  /// Fetches what is missing.
  ///
  /// - Throws: ``DownloadError``, ``ContentChanged`` when the content changes while it is fetched, `CancellationError`.
  func run() async throws {
    var next = partial.committed
    guard next < facts.size else { return }
    // Only the first answer tells whether the server knows ranges.
    next = min(next + settings.rangeSize, facts.size)
    if try await fetch(partial.committed..<next) { return }

    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        var inFlight = 0
        while next < facts.size || inFlight > 0 {
          let furthest = partial.committed + UInt64(settings.parallelRanges) * settings.rangeSize
          while next < facts.size, inFlight < settings.parallelRanges, next < furthest {
            let range = next..<min(next + settings.rangeSize, facts.size)
            group.addTask { _ = try await fetch(range) }
            inFlight += 1
            next = range.upperBound
          }
          try await group.next()
          inFlight -= 1
        }
      }
    } catch {
      partial.dropAhead()
      throw error
    }
  }

  /// Fetches one range, however often its connection breaks, as long as the attempts bring something.
  ///
  /// - Returns: Whether the server gave the whole file instead, and all of it is here.
  private func fetch(_ range: Range<UInt64>) async throws -> Bool {
    let state = Protected(RangeState(range: range))
    var failures = 0
    var refreshes = 0
    while true {
      let before = state.withLock { $0.furthest }
      let failure: TransientFailure
      do {
        try await attempt(state)
        let (isComplete, isWholeFile) = state.withLock { ($0.position >= $0.end, $0.isWholeFile) }
        if isComplete { return isWholeFile }
        failure = TransientFailure(reason: "the server ended the connection too early", serverAsks: nil)
      } catch is ExpiredLocation where refreshes < 3 {
        refreshes += 1
        let fresh = try await client.facts(about: file)
        guard fresh.etag == facts.etag else { throw ContentChanged() }
        source.move(to: fresh.location)
        continue
      } catch let error as ExpiredLocation {
        throw client.refusal(of: error.response, repository: file.repository, what: "file \(file.path)")
      } catch {
        guard let transient = TransientFailure(error: error) else { throw error }
        failure = transient
      }
      failures = state.withLock { $0.furthest } > before ? 1 : failures + 1
      guard failures < client.retry.attempts else {
        throw DownloadError.connectionLost(
          url: address, received: partial.committed, total: facts.size, reason: failure.reason)
      }
      try await Task.sleep(
        for: .seconds(client.retry.delay(afterFailures: failures, serverAsks: failure.serverAsks)))
    }
  }

  /// One request for what is missing of a range, redirects included.
  private func attempt(_ state: Protected<RangeState>) async throws {
    var location = source.location
    for _ in 0..<5 {
      let response = try await send(to: location, state)
      switch response.statusCode {
      case 200, 206: return
      case 300...399: location = try client.redirectTarget(of: response, from: location)
      case 400, 401, 403, 410:
        // Addresses in the storage are signed and expire.
        guard client.isHub(location) else { throw ExpiredLocation(response: response) }
        throw client.refusal(of: response, repository: file.repository, what: "file \(file.path)")
      case 412, 416: throw ContentChanged()
      default:
        if let transient = TransientFailure(response: response) { throw transient }
        throw client.refusal(of: response, repository: file.repository, what: "file \(file.path)")
      }
    }
    throw DownloadError.badAnswer(url: location.absoluteString, detail: "it redirects in circles")
  }

  private func send(to location: URL, _ state: Protected<RangeState>) async throws -> HTTPURLResponse {
    var request = client.request(location, timeout: client.configuration.idleTimeout)
    let asked = state.withLock { state in
      state.takesData = false
      return state.isWholeFile ? nil : state.position..<state.end
    }
    if let asked {
      request.setValue("bytes=\(asked.lowerBound)-\(asked.upperBound - 1)", forHTTPHeaderField: "Range")
      if let tag = source.tag { request.setValue(tag, forHTTPHeaderField: "If-Range") }
    }
    return try await client.transport.perform(request) { response in
      switch response.statusCode {
      case 206:
        try source.check(response, start: asked?.lowerBound, size: facts.size)
        state.withLock { $0.takesData = true }
      case 200:
        // After a partial answer, the whole file means that it is no longer the same (`If-Range`).
        guard !source.knowsRanges else { throw ContentChanged() }
        let length = response.value(forHTTPHeaderField: "Content-Length").flatMap(UInt64.init)
        guard length == nil || length == facts.size else { throw ContentChanged() }
        state.withLock { $0.becomeWholeFile(size: facts.size) }
      default: break
      }
    } onData: { data in
      guard let offset = try state.withLock({ try $0.take(data.count) }) else { return }
      let range = state.withLock { $0.start }
      onProgress(try partial.append(data, at: offset, rangeStart: range))
    }
  }

  private var address: String { facts.location.host() ?? facts.location.absoluteString }
}

/// How much of one range has come.
private struct RangeState {
  private(set) var start: UInt64
  private(set) var end: UInt64
  /// Where the next byte belongs.
  private(set) var position: UInt64
  /// The furthest position of all attempts.
  private(set) var furthest: UInt64
  private(set) var isWholeFile = false
  /// Whether the answer under way is the content, and not a page about an error.
  var takesData = false

  init(range: Range<UInt64>) {
    (start, end) = (range.lowerBound, range.upperBound)
    (position, furthest) = (start, start)
  }

  mutating func becomeWholeFile(size: UInt64) {
    (start, position, end) = (0, 0, size)
    (isWholeFile, takesData) = (true, true)
  }

  /// Moves on by `count` bytes and gives the offset of the first; nil when they are not content.
  mutating func take(_ count: Int) throws -> UInt64? {
    guard takesData else { return nil }
    let offset = position
    guard UInt64(count) <= end - offset else {
      throw TransientFailure(reason: "the server sends more bytes than it was asked for", serverAsks: nil)
    }
    position += UInt64(count)
    furthest = max(furthest, position)
    return offset
  }
}

/// Where the bytes come from, and what the server's answers said about them.
private final class Source: Sendable {
  private struct State {
    var location: URL
    var tag: String?
    var knowsRanges = false
  }
  private let state: Protected<State>

  init(location: URL) {
    state = Protected(State(location: location))
  }

  var location: URL { state.withLock { $0.location } }
  /// The strong etag of the first answer, for `If-Range`; the storage's is not the hub's.
  var tag: String? { state.withLock { $0.tag } }
  var knowsRanges: Bool { state.withLock { $0.knowsRanges } }

  func move(to location: URL) {
    state.withLock { $0 = State(location: location, tag: nil, knowsRanges: $0.knowsRanges) }
  }

  /// Checks that a partial answer is what was asked for, of the same content as the answers before.
  func check(_ response: HTTPURLResponse, start: UInt64?, size: UInt64) throws {
    let url = response.url?.host() ?? "the server"
    let range = response.value(forHTTPHeaderField: "Content-Range") ?? ""
    // bytes 0-4194303/98362432
    let numbers = range.split { !$0.isNumber }.compactMap { UInt64($0) }
    guard range.hasPrefix("bytes "), let start, numbers.first == start else {
      throw DownloadError.badAnswer(url: url, detail: "the range \"\(range)\" is not the one asked for")
    }
    guard numbers.count < 3 || numbers[2] == size else { throw ContentChanged() }
    let etag = response.value(forHTTPHeaderField: "ETag")
    try state.withLock { state in
      state.knowsRanges = true
      if let known = state.tag {
        guard etag == known else { throw ContentChanged() }
      } else if let etag, !etag.hasPrefix("W/") {
        state.tag = etag
      }
    }
  }
}

/// How a file is cut for the way.
package struct TransferSettings: Sendable {
  package var rangeSize: UInt64 = 4 << 20
  package var parallelRanges = 3

  package init() {}
}

/// The content is no longer what the download began with.
struct ContentChanged: Error {}

/// The storage no longer honours an address that the hub gave.
private struct ExpiredLocation: Error {
  var response: HTTPURLResponse
}
