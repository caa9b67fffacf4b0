import CBrowserRuntime
import InferenceCore

/// The page's graphics card for one executor: what the engine asks of it goes to the page, number by number.
final class BrowserGraphics: GraphicsDevice {
  let limits: GraphicsLimits
  private(set) var kernelsLeft = 0
  private(set) var failedPipelines: [UInt32] = []
  private let sessions: BrowserSessions
  /// What tells it from others on the same card.
  private let session: Double
  private var isReleased = false

  init(limits: GraphicsLimits, sessions: BrowserSessions) {
    self.limits = limits
    self.sessions = sessions
    session = host_gpu_session()
    sessions.all.append((session, Unmanaged.passUnretained(self)))
  }

  deinit {
    release()
    sessions.all.removeAll { $0.number == session }
  }

  func another() -> any GraphicsDevice {
    BrowserGraphics(limits: limits, sessions: sessions)
  }

  func compiled(_ pipeline: UInt32, isThere: Bool) {
    kernelsLeft -= 1
    if !isThere { failedPipelines.append(pipeline) }
  }

  func makeBuffer(bytes: Int, isUniform: Bool) -> UInt32 {
    UInt32(host_gpu_buffer(session, Double(bytes), isUniform ? 1 : 0))
  }

  func write(_ bytes: UnsafeRawBufferPointer, to buffer: UInt32, at offset: Int) {
    host_gpu_write(session, Double(buffer), Double(offset), browser_address(bytes.baseAddress), Double(bytes.count))
  }

  /// The files' names in one line, the constants after it.
  func makePipeline(files: [StaticString], constants: String) -> UInt32 {
    var text = ""
    for file in files { text += text.isEmpty ? "\(file)" : " \(file)" }
    text += "\n" + constants
    kernelsLeft += 1
    return text.withUTF8 {
      UInt32(host_gpu_pipeline(session, browser_address($0.baseAddress), Double($0.count)))
    }
  }

  /// Of each range three numbers: the buffer, the offset and the count.
  func bind(_ ranges: [BufferRange]) -> UInt32 {
    var numbers: [Double] = []
    for range in ranges { numbers += [Double(range.buffer), Double(range.offset), Double(range.count)] }
    return numbers.withUnsafeBytes {
      UInt32(host_gpu_bind(session, browser_address($0.baseAddress), Double(ranges.count)))
    }
  }

  func submit(_ commands: [UInt32], reading: (from: BufferRange, to: UnsafeMutableRawPointer)?) -> UInt32 {
    let range = [
      Double(reading?.from.buffer ?? 0), Double(reading?.from.offset ?? 0), Double(reading?.from.count ?? 0),
    ]
    sessions.lastTicket &+= 1
    commands.withUnsafeBytes { commands in
      range.withUnsafeBytes { range in
        host_gpu_submit(
          session, browser_address(commands.baseAddress), Double(commands.count / 4),
          browser_address(range.baseAddress), browser_address(reading?.to), Double(sessions.lastTicket))
      }
    }
    return sessions.lastTicket
  }

  func release() {
    guard !isReleased else { return }
    isReleased = true
    host_gpu_release(session)
  }
}

/// What computes on the card, and what that was told last.
final class BrowserSessions {
  fileprivate(set) var all: [(number: Double, graphics: Unmanaged<BrowserGraphics>)] = []
  fileprivate var lastTicket: UInt32 = 0

  /// A kernel of a session can be used, or does not compile; false when nobody waits for it any longer.
  func kernelCompiled(_ number: Double, _ pipeline: UInt32, isThere: Bool) -> Bool {
    guard let session = all.first(where: { $0.number == number }) else { return false }
    session.graphics.takeUnretainedValue().compiled(pipeline, isThere: isThere)
    return true
  }
}
