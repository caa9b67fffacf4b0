import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Which device computes, with a card that takes everything and says nothing right.
@Suite struct WorkerDeviceTests {
  /// A card whose buffers have what is written to them, and that computes nothing: what is read of it is zero.
  private final class BlankCard: GraphicsDevice {
    let limits: GraphicsLimits
    private let told: Told
    var kernelsLeft = 0
    let failedPipelines: [UInt32] = []

    /// What all sessions were told.
    final class Told {
      var lastTicket: UInt32 = 0
      var written = 0
      var live = 0
    }

    init(binding: Int, told: Told) {
      limits = GraphicsLimits(buffer: 1 << 28, binding: binding, alignment: 256)
      self.told = told
      told.live += 1
    }

    func makeBuffer(bytes: Int, isUniform: Bool) -> UInt32 { 0 }
    func write(_ bytes: UnsafeRawBufferPointer, to buffer: UInt32, at offset: Int) { told.written += bytes.count }
    func makePipeline(files: [StaticString], constants: String) -> UInt32 { 0 }
    func bind(_ ranges: [BufferRange]) -> UInt32 { 0 }
    func submit(_ commands: [UInt32], reading: (from: BufferRange, to: UnsafeMutableRawPointer)?) -> UInt32 {
      if let reading { reading.to.initializeMemory(as: UInt8.self, repeating: 0, count: reading.from.count) }
      told.lastTicket += 1
      return told.lastTicket
    }
    func release() {}
    deinit { told.live -= 1 }
    func another() -> any GraphicsDevice { BlankCard(binding: limits.binding, told: told) }
  }

  private let told = BlankCard.Told()
  private let harness = WorkerHarness(opensDevices: true)
  private let model = TinyModel()

  private func card(binding: Int = 1 << 27, isSoftware: Bool = false, remembered: ComputeDevice? = .gpu) -> GraphicsCard
  {
    GraphicsCard(
      device: BlankCard(binding: binding, told: told), name: "A card", isSoftware: isSoftware, remembered: remembered)
  }

  /// Begins a load, and says which fetch the card was asked for with.
  private func begin(_ device: DeviceChoice) throws -> (RequestID, FetchID) {
    let id = harness.request()
    harness.worker.receive(.load(id, LoadCommand(model: "tiny.gguf", device: device)))
    guard case .openDevice(let fetch, "tiny.gguf") = try #require(harness.events.last) else {
      Issue.record("no card was asked for")
      return (id, 0)
    }
    return (id, fetch)
  }

  /// Passes the model by, in pieces of odd sizes.
  private func pass(_ fetch: FetchID, isFresh: Bool = true) -> HeaderVerdict {
    let bytes = model.bytes()
    var verdict = HeaderVerdict.fits
    for start in stride(from: 0, to: bytes.count, by: 1021) where verdict == .fits {
      let piece = bytes[start..<min(start + 1021, bytes.count)]
      verdict = piece.withUnsafeBytes {
        harness.worker.modelPassed(fetch, $0, fileSize: UInt64(bytes.count), isFresh: isFresh)
      }
    }
    return verdict
  }

  private func arrived(_ fetch: FetchID) {
    harness.worker.modelArrived(fetch, ModelBytes(parts: [], release: {}))
    // The card says that it is ready, whatever it was told.
    for _ in 0..<50 {
      _ = harness.run(atMost: 50)
      harness.worker.deviceFinished(told.lastTicket)
    }
  }

  private func info(_ id: RequestID) -> ModelInfo? {
    harness.events.compactMap { if case .loaded(id, let info) = $0 { info } else { nil } }.last
  }

  private func error(_ id: RequestID) -> WorkerError? {
    harness.events.compactMap { if case .failed(id, let error) = $0 { error } else { nil } }.last
  }

  @Test func theProcessorNeedsNoCard() {
    let id = harness.load(model, LoadCommand(model: "tiny.gguf", device: .cpu))
    #expect(info(id)?.device == .cpu && info(id)?.deviceNote == "")
  }

  @Test(arguments: [DeviceChoice.auto, .gpu]) func noneIsThere(device: DeviceChoice) throws {
    let (id, fetch) = try begin(device)
    harness.worker.deviceUnavailable(fetch, "No card here.")
    if device == .gpu {
      #expect(error(id)?.code == .deviceUnavailable && harness.fetch == nil)
    } else {
      harness.arrive(model.bytes(), for: try #require(harness.fetch))
      harness.run()
      #expect(info(id)?.device == .cpu && info(id)?.deviceNote == "No card here.")
    }
  }

  @Test func aCardIsTakenOnlyWhereItIsOne() throws {
    for (isSoftware, remembered) in [(true, nil), (false, ComputeDevice.cpu)] {
      let (id, fetch) = try begin(.auto)
      harness.worker.deviceOpened(fetch, card(isSoftware: isSoftware, remembered: remembered))
      #expect(!harness.worker.streamsModel(fetch))
      harness.arrive(model.bytes(), for: fetch)
      harness.run()
      #expect(info(id)?.device == .cpu && info(id)?.deviceNote.isEmpty == false)
      harness.worker.receive(.unload(harness.request()))
    }
  }

  /// All sessions on the card are given back, with whatever the load ended.
  @Test(arguments: [DeviceChoice.auto, .gpu]) func aCardThatIsWrongDoesNotAnswer(device: DeviceChoice) throws {
    let (id, fetch) = try begin(device)
    harness.worker.deviceOpened(fetch, card())
    #expect(harness.worker.streamsModel(fetch) && pass(fetch) == .fits && told.written > 10_000)
    arrived(fetch)
    if device == .gpu {
      #expect(error(id)?.code == .deviceUnavailable && error(id)?.message.contains("wrongly") == true)
    } else {
      let next = try #require(harness.fetch)
      #expect(next != fetch && info(id) == nil)
      harness.arrive(model.bytes(), for: next)
      harness.run()
      #expect(info(id)?.device == .cpu && info(id)?.deviceNote.contains("wrongly") == true)
      #expect(harness.generate(.text("a")).finished?.reason == .length)
    }
    #expect(told.live == 0)
  }

  @Test(arguments: [DeviceChoice.auto, .gpu]) func aCardWithoutRoomIsToldByTheHeader(device: DeviceChoice) throws {
    let (id, fetch) = try begin(device)
    harness.worker.deviceOpened(fetch, card(binding: 64))
    #expect(pass(fetch) == (device == .auto ? .moved : .refused))
    if device == .gpu {
      #expect(error(id)?.code == .notEnoughMemory || error(id)?.code == .outOfMemory)
    } else {
      #expect(harness.fetch != fetch && harness.events.contains(.cancelFetch(fetch)))
    }
  }

  @Test(arguments: [DeviceChoice.auto, .gpu]) func aCardMayBeLostWhileTheModelComes(device: DeviceChoice) throws {
    let (id, fetch) = try begin(device)
    harness.worker.deviceOpened(fetch, card())
    _ = pass(fetch)
    harness.worker.deviceFailed(.lost, "asleep")
    #expect(told.live == 0 && !harness.worker.streamsModel(fetch))
    #expect(device == .gpu ? error(id)?.code == .deviceLost : harness.fetch != fetch)
    // What is still on its way means nothing.
    #expect(pass(fetch) == .refused)
    harness.worker.deviceFinished(1)
    harness.worker.kernelCompiled()
  }

  @Test func aDamagedHeaderIsOnlyToldOnceItsHashIsKnown() throws {
    let (id, fetch) = try begin(.gpu)
    harness.worker.deviceOpened(fetch, card())
    let bytes = [UInt8](repeating: 7, count: 4096)
    func pass(isFresh: Bool) -> HeaderVerdict {
      bytes.withUnsafeBytes { harness.worker.modelPassed(fetch, $0, fileSize: 4096, isFresh: isFresh) }
    }
    #expect(pass(isFresh: false) == .fits && error(id) == nil)
    // It was damaged, and begins anew.
    harness.worker.modelDropped(fetch)
    #expect(pass(isFresh: false) == .fits)
    arrived(fetch)
    #expect(error(id)?.code == .invalidModel)
  }

  @Test func aFileThatEndsWithinItsHeaderIsRefused() throws {
    let (id, fetch) = try begin(.gpu)
    harness.worker.deviceOpened(fetch, card())
    arrived(fetch)
    #expect(error(id)?.code == .invalidModel && told.live == 0)
  }

  @Test func whatIsTakenBackLetsGoOfTheCard() throws {
    let (id, fetch) = try begin(.gpu)
    harness.worker.receive(.cancel(id))
    harness.worker.deviceOpened(fetch, card())
    #expect(error(id)?.code == .cancelled && harness.fetch == nil && told.live == 0)
  }
}
