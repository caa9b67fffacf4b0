import CBrowserRuntime
import InferenceCore
import WorkerCore

/// The worker in a page: frames in, frames out, and the buffers in linear memory that the page fills with models.
final class BrowserEngine {
  private let worker: Worker
  private let threads: Int
  /// The fetch that the page reports about.
  private var fetch: FetchID = 0
  /// One for each part of the model so far, until they are handed over.
  private var buffers: [UnsafeMutableRawBufferPointer] = []
  private let sessions = BrowserSessions()

  /// - Parameters:
  ///   - threads: this one and the helpers.
  ///   - memoryLimit: bytes that linear memory can have; 0 when the page decides what fits where.
  init(threads: Int, memoryLimit: UInt64) {
    self.threads = threads
    // What is not the model's: code's data, stacks, frames.
    let reserve: UInt64 = 32 << 20
    var host = WorkerHost(
      now: { browser_now() },
      seed: {
        var bits: UInt64 = 0
        withUnsafeMutableBytes(of: &bits) { bytes in
          if let start = bytes.baseAddress { browser_random(start, bytes.count) }
        }
        return bits
      },
      date: { TemplateDate(millisecondsSince1970: browser_date()) },
      memoryLimit: { memoryLimit == 0 ? 0 : memoryLimit > reserve ? memoryLimit - reserve : 1 },
      defaultThreads: threads,
      emit: emit)
    host.prefixStorage = PrefixStorage(
      read: { offset, bytes in
        bytes.baseAddress.map { browser_prefix_read(offset, $0, bytes.count) == 1 } ?? true
      },
      write: { offset, bytes in
        bytes.baseAddress.map { browser_prefix_write(offset, $0, bytes.count) == 1 } ?? true
      },
      truncate: { browser_prefix_truncate($0) })
    host.opensDevices = true
    worker = Worker(host: host)
    worker.start()
  }

  func receive(_ frame: UnsafeRawBufferPointer) {
    do throws(WireError) {
      var command = try Wire.decodeCommand(frame)
      if case .load(let id, var load) = command, load.threads > UInt32(threads) {
        // Helpers that do not exist would be waited for forever.
        load.threads = UInt32(threads)
        command = .load(id, load)
      }
      worker.receive(command)
    } catch {
      emit(.failed(Wire.requestID(frame), WorkerError(error)))
    }
  }

  func step() -> Worker.Activity {
    worker.step()
  }

  /// How often kernels were found wrong and replaced by simpler ones.
  var kernelChanges: Int { worker.kernelChanges }

  // MARK: The graphics card

  func deviceOpened(
    _ fetch: FetchID, _ limits: GraphicsLimits, name: String, isSoftware: Bool, remembered: ComputeDevice?
  ) {
    let device = BrowserGraphics(limits: limits, sessions: sessions)
    worker.deviceOpened(
      fetch, GraphicsCard(device: device, name: name, isSoftware: isSoftware, remembered: remembered))
  }

  func deviceUnavailable(_ fetch: FetchID, _ reason: String) {
    worker.deviceUnavailable(fetch, reason)
  }

  func kernelCompiled(_ session: Double, _ pipeline: UInt32, isThere: Bool) {
    if sessions.kernelCompiled(session, pipeline, isThere: isThere) { worker.kernelCompiled() }
  }

  func deviceFinished(_ ticket: UInt32) {
    worker.deviceFinished(ticket)
  }

  func deviceFailed(_ failure: DeviceFailure, _ message: String) {
    worker.deviceFailed(failure, message)
  }

  // MARK: The file of a conversation's keys and values

  func prefixOpened(_ id: PrefixFileID, size: UInt64, limit: UInt64) {
    worker.prefixOpened(id, size: size, limit: limit)
  }

  func prefixUnavailable(_ id: PrefixFileID) {
    worker.prefixUnavailable(id)
  }

  // MARK: The model's bytes

  func beginModel(_ fetch: FetchID) {
    discardModel()
    self.fetch = fetch
  }

  func inspectModel(
    prefix: UnsafeRawBufferPointer, part: Int, of parts: Int, fileSize: UInt64, limit: UInt64
  ) -> HeaderVerdict {
    worker.inspectHeader(fetch, prefix: prefix, part: part, of: parts, fileSize: fileSize, limit: limit)
  }

  /// Bytes of memory that the model needs, as far as that is known.
  func modelNeed(prefix: UnsafeRawBufferPointer, fileSize: UInt64) -> UInt64 {
    worker.memoryNeed(fetch, prefix: prefix, fileSize: fileSize)
  }

  /// Whether the model's bytes are handed on as they come.
  var streamsModel: Bool { worker.streamsModel(fetch) }

  func modelPassed(_ bytes: UnsafeRawBufferPointer, fileSize: UInt64, isFresh: Bool) -> HeaderVerdict {
    worker.modelPassed(fetch, bytes, fileSize: fileSize, isFresh: isFresh)
  }

  /// Memory for one part, or nil when there is none. What was reserved for it and those after it is given back.
  func reserveModel(part: Int, _ size: Int) -> UnsafeMutableRawPointer? {
    while buffers.count > part { browser_free(buffers.removeLast().baseAddress) }
    guard size > 0, part == buffers.count, let start = browser_allocate(size) else { return nil }
    buffers.append(UnsafeMutableRawBufferPointer(start: start, count: size))
    return start
  }

  func modelProgressed(received: UInt64, total: UInt64) {
    worker.fetchProgressed(fetch, received: received, total: total)
  }

  func modelArrived() {
    let parts = buffers
    buffers = []
    let bytes = ModelBytes(
      parts: parts.map { UnsafeRawBufferPointer($0) },
      release: {
        for part in parts { browser_free(part.baseAddress) }
      })
    worker.modelArrived(fetch, bytes)
  }

  func modelFailed(_ error: WorkerError) {
    discardModel()
    worker.fetchFailed(fetch, error)
  }

  func discardModel() {
    for buffer in buffers { browser_free(buffer.baseAddress) }
    buffers = []
    worker.modelDropped(fetch)
  }
}

/// Hands an event to the page.
private func emit(_ event: WorkerEvent) {
  Wire.encode(event).withUnsafeBytes { frame in
    if let start = frame.baseAddress { browser_emit(start, frame.count) }
  }
}

extension TemplateDate {
  /// The civil date of a local time; the algorithm is Howard Hinnant's `civil_from_days`, which counts years from March.
  init(millisecondsSince1970 milliseconds: Double) {
    let seconds = Int64(milliseconds / 1000)
    let (days, secondOfDay) = (seconds / 86_400, Int(seconds % 86_400))
    let shifted = Int(days) + 719_468
    let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    self.init(
      year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month: month,
      day: dayOfYear - (153 * monthFromMarch + 2) / 5 + 1, hour: secondOfDay / 3600,
      minute: secondOfDay / 60 % 60, second: secondOfDay % 60)
  }
}
