import WorkerCore

/// A reply that is being written: its text piece by piece, and what it was in the end.
///
/// ```swift
/// let reply = manager.generate("Why is the sky blue?")
/// for try await text in reply { print(text, terminator: "") }
/// print(try await reply.finished.timings.predictedTokensPerSecond)
/// ```
///
/// Cancelling the task that reads it, or ``abort()``, ends it within one token, and no other; so does letting go of it.
/// ``finished`` then still tells what came until there.
public final class Reply: AsyncSequence, Sendable {
  public typealias Element = String

  private let stream: AsyncThrowingStream<GenerationEvent, any Error>
  private let record: Record
  private let cancel: @Sendable () -> Void

  /// - Parameter cancel: asks the engine to end it.
  init(
    record: Record, stream: AsyncThrowingStream<GenerationEvent, any Error>, cancel: @escaping @Sendable () -> Void
  ) {
    self.record = record
    self.stream = stream
    self.cancel = cancel
  }

  deinit {
    if !record.hasEnded { cancel() }
  }

  /// The whole reply, once it has ended; of one that was stopped what there was, with ``FinishReason/aborted``.
  ///
  /// - Throws: the ``WorkerError`` that ended it.
  public var finished: GenerationReply {
    get async throws(WorkerError) {
      // A task that waits for it and is cancelled wants no more of it.
      let outcome = await withTaskCancellationHandler {
        await record.outcome
      } onCancel: {
        cancel()
      }
      return try outcome.get()
    }
  }

  /// Ends this reply before its next token, without an error. Others go on.
  public func abort() {
    cancel()
  }

  /// Everything that happens: tokens, log-probabilities and progress beside the text. The text comes from the same stream, so
  /// read either of them, once.
  public var events: Events { Events(reply: self) }

  public func makeAsyncIterator() -> Iterator {
    Iterator(events: events.makeAsyncIterator())
  }

  /// The pieces of text.
  public struct Iterator: AsyncIteratorProtocol {
    fileprivate var events: Events.Iterator

    public mutating func next() async throws -> String? {
      while let event = try await events.next() {
        if case .text(let piece) = event, !piece.text.isEmpty { return piece.text }
      }
      return nil
    }
  }

  /// What happens, in order.
  public struct Events: AsyncSequence, Sendable {
    fileprivate let reply: Reply

    public func makeAsyncIterator() -> Iterator {
      Iterator(reply: reply, stream: reply.stream.makeAsyncIterator())
    }

    public struct Iterator: AsyncIteratorProtocol {
      /// Held while it is read.
      fileprivate let reply: Reply
      fileprivate var stream: AsyncThrowingStream<GenerationEvent, any Error>.Iterator

      public mutating func next() async throws -> GenerationEvent? {
        try await stream.next()
      }
    }
  }

  /// What has come of a reply, and who waits for its end.
  final class Record: Sendable {
    typealias Outcome = Result<GenerationReply, WorkerError>

    private struct State {
      var reply = GenerationReply()
      var outcome: Outcome?
      var waiting: [CheckedContinuation<Outcome, Never>] = []
    }

    private let state = Protected(State())

    var hasEnded: Bool { state.withLock { $0.outcome != nil } }

    var outcome: Outcome {
      get async {
        await withCheckedContinuation { continuation in
          let known = state.withLock { state in
            if state.outcome == nil { state.waiting.append(continuation) }
            return state.outcome
          }
          if let known { continuation.resume(returning: known) }
        }
      }
    }

    func add(_ event: GenerationEvent) {
      let reply = state.withLock { state in
        state.reply.add(event)
        return state.reply
      }
      if case .finished = event { end(.success(reply)) }
    }

    func end(_ outcome: Outcome) {
      let waiting = state.withLock { state in
        guard state.outcome == nil else { return [CheckedContinuation<Outcome, Never>]() }
        state.outcome = outcome
        defer { state.waiting = [] }
        return state.waiting
      }
      for continuation in waiting { continuation.resume(returning: outcome) }
    }
  }
}
