import CBrowserRuntime
import CKernels
import InferenceCore
import WorkerCore

// What the page calls. `Documentation/BrowserModule.md` says what each function does; here is only the way from numbers
// to Swift and back.

/// The module's one engine. Only the engine's own thread touches it: helpers enter by `swiftlet_thread_main` alone.
nonisolated(unsafe) private var engine: BrowserEngine?

/// What the helpers serve; set before they start.
nonisolated(unsafe) private var team: OpaquePointer?

// MARK: Memory

@_expose(wasm, "swiftlet_allocate")
@_cdecl("swiftlet_allocate")
public func allocate(_ bytes: Double) -> Double {
  browser_address(size(bytes).flatMap { browser_allocate($0) })
}

@_expose(wasm, "swiftlet_free")
@_cdecl("swiftlet_free")
public func free(_ address: Double) {
  browser_free(pointer(address))
}

@_expose(wasm, "swiftlet_memory_used")
@_cdecl("swiftlet_memory_used")
public func memoryUsed() -> Double {
  Double(browser_memory_used())
}

@_expose(wasm, "swiftlet_memory_reserved")
@_cdecl("swiftlet_memory_reserved")
public func memoryReserved() -> Double {
  browser_memory_reserved()
}

// MARK: Commands and steps

@_expose(wasm, "swiftlet_interface_version")
@_cdecl("swiftlet_interface_version")
public func interfaceVersion() -> Int32 {
  6
}

@_expose(wasm, "swiftlet_start")
@_cdecl("swiftlet_start")
public func start(_ threads: Int32, _ memoryLimit: Double) {
  // In WebAssembly there is one team: the one that the engine makes later is this one, with as many or fewer lanes.
  team = ck_team_create(max(1, threads))
  engine = BrowserEngine(threads: max(1, Int(threads)), memoryLimit: byteCount(memoryLimit))
}

@_expose(wasm, "swiftlet_receive")
@_cdecl("swiftlet_receive")
public func receive(_ address: Double, _ length: Double) {
  engine?.receive(bytes(address, length))
}

@_expose(wasm, "swiftlet_step")
@_cdecl("swiftlet_step")
public func step() -> Int32 {
  (engine?.step() ?? .idle).rawValue
}

@_expose(wasm, "swiftlet_kernel_changes")
@_cdecl("swiftlet_kernel_changes")
public func kernelChanges() -> Int32 {
  Int32(truncatingIfNeeded: engine?.kernelChanges ?? 0)
}

// MARK: The model's bytes

@_expose(wasm, "swiftlet_model_begin")
@_cdecl("swiftlet_model_begin")
public func modelBegin(_ fetch: UInt32) {
  engine?.beginModel(fetch)
}

@_expose(wasm, "swiftlet_model_need")
@_cdecl("swiftlet_model_need")
public func modelNeed(_ address: Double, _ length: Double, _ fileSize: Double) -> Double {
  let prefix = bytes(address, length)
  return Double(engine?.modelNeed(prefix: prefix, fileSize: byteCount(fileSize)) ?? 0)
}

@_expose(wasm, "swiftlet_model_inspect")
@_cdecl("swiftlet_model_inspect")
public func modelInspect(
  _ address: Double, _ length: Double, _ part: Int32, _ parts: Int32, _ fileSize: Double, _ limit: Double
) -> Int32 {
  number(
    engine?.inspectModel(
      prefix: bytes(address, length), part: Int(part), of: Int(parts), fileSize: byteCount(fileSize),
      limit: byteCount(limit)))
}

@_expose(wasm, "swiftlet_model_streams")
@_cdecl("swiftlet_model_streams")
public func modelStreams() -> Int32 {
  engine?.streamsModel == true ? 1 : 0
}

@_expose(wasm, "swiftlet_model_pass")
@_cdecl("swiftlet_model_pass")
public func modelPass(_ address: Double, _ length: Double, _ fileSize: Double, _ isFresh: Int32) -> Int32 {
  let bytes = bytes(address, length)
  return number(engine?.modelPassed(bytes, fileSize: byteCount(fileSize), isFresh: isFresh == 1))
}

private func number(_ verdict: HeaderVerdict?) -> Int32 {
  switch verdict {
  case .fits: 0
  case .needsMoreBytes: 1
  case .refused, nil: 2
  case .moved: 3
  }
}

@_expose(wasm, "swiftlet_model_buffer")
@_cdecl("swiftlet_model_buffer")
public func modelBuffer(_ part: Int32, _ bytes: Double) -> Double {
  browser_address(size(bytes).flatMap { engine?.reserveModel(part: max(0, Int(part)), $0) })
}

@_expose(wasm, "swiftlet_model_progress")
@_cdecl("swiftlet_model_progress")
public func modelProgress(_ received: Double, _ total: Double) {
  engine?.modelProgressed(received: byteCount(received), total: byteCount(total))
}

@_expose(wasm, "swiftlet_model_arrived")
@_cdecl("swiftlet_model_arrived")
public func modelArrived() {
  engine?.modelArrived()
}

@_expose(wasm, "swiftlet_model_failed")
@_cdecl("swiftlet_model_failed")
public func modelFailed(
  _ code: Double, _ codeLength: Double, _ message: Double, _ messageLength: Double, _ need: Double, _ limit: Double
) {
  let code = WorkerError.Code(name: bytes(code, codeLength)) ?? .downloadFailed
  engine?.modelFailed(WorkerError(code, text(message, messageLength), need: byteCount(need), limit: byteCount(limit)))
}

@_expose(wasm, "swiftlet_model_discard")
@_cdecl("swiftlet_model_discard")
public func modelDiscard() {
  engine?.discardModel()
}

// MARK: The graphics card

@_expose(wasm, "swiftlet_device_opened")
@_cdecl("swiftlet_device_opened")
public func deviceOpened(
  _ fetch: UInt32, _ buffer: Double, _ binding: Double, _ alignment: Double, _ together: Int32, _ subgroup: Int32,
  _ halves: Int32, _ bytes: Int32, _ isSoftware: Int32, _ remembered: Int32, _ name: Double, _ nameLength: Double
) {
  let most = Double(Int32.max)
  let limits = GraphicsLimits(
    buffer: Int(min(buffer, most)), binding: Int(min(binding, most)), alignment: Int(alignment),
    together: Int(together), subgroup: Int(subgroup),
    rounded: (halves == 1 ? [.halves] : []) + (bytes == 1 ? [.bytes] : []))
  engine?.deviceOpened(
    fetch, limits, name: text(name, nameLength), isSoftware: isSoftware == 1,
    remembered: UInt8(exactly: remembered).flatMap { ComputeDevice(rawValue: $0) })
}

@_expose(wasm, "swiftlet_device_unavailable")
@_cdecl("swiftlet_device_unavailable")
public func deviceUnavailable(_ fetch: UInt32, _ reason: Double, _ length: Double) {
  engine?.deviceUnavailable(fetch, text(reason, length))
}

@_expose(wasm, "swiftlet_device_compiled")
@_cdecl("swiftlet_device_compiled")
public func deviceCompiled(_ session: Double, _ pipeline: UInt32, _ isThere: Int32) {
  engine?.kernelCompiled(session, pipeline, isThere: isThere == 1)
}

@_expose(wasm, "swiftlet_device_finished")
@_cdecl("swiftlet_device_finished")
public func deviceFinished(_ ticket: UInt32) {
  engine?.deviceFinished(ticket)
}

@_expose(wasm, "swiftlet_device_failed")
@_cdecl("swiftlet_device_failed")
public func deviceFailed(_ kind: Int32, _ message: Double, _ length: Double) {
  engine?.deviceFailed(kind == 1 ? .memory : kind == 2 ? .kernel : .lost, text(message, length))
}

// MARK: The file of a conversation's keys and values

@_expose(wasm, "swiftlet_prefix_opened")
@_cdecl("swiftlet_prefix_opened")
public func prefixOpened(_ id: UInt32, _ size: Double, _ limit: Double) {
  engine?.prefixOpened(id, size: byteCount(size), limit: byteCount(limit))
}

@_expose(wasm, "swiftlet_prefix_unavailable")
@_cdecl("swiftlet_prefix_unavailable")
public func prefixUnavailable(_ id: UInt32) {
  engine?.prefixUnavailable(id)
}

// MARK: Threads

/// Bytes of a helper's stack; kernels need little.
private let helperStackSize = 512 << 10

@_expose(wasm, "swiftlet_thread_stack")
@_cdecl("swiftlet_thread_stack")
public func threadStack() -> Double {
  browser_address(browser_allocate(helperStackSize).map { $0 + helperStackSize })
}

@_expose(wasm, "swiftlet_thread_main")
@_cdecl("swiftlet_thread_main")
public func threadMain(_ lane: Int32) {
  if let team { ck_team_serve(team, lane) }
}

// MARK: Numbers

private func pointer(_ address: Double) -> UnsafeMutableRawPointer? {
  UInt(exactly: address).flatMap { UnsafeMutableRawPointer(bitPattern: $0) }
}

private func bytes(_ address: Double, _ length: Double) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(start: pointer(address), count: pointer(address) == nil ? 0 : size(length) ?? 0)
}

private func text(_ address: Double, _ length: Double) -> String {
  String(decoding: bytes(address, length), as: UTF8.self)
}

/// A count of bytes that memory may have, or nil when it is none or too large for this module.
private func size(_ value: Double) -> Int? {
  Int(exactly: value.rounded(.towardZero)).flatMap { $0 >= 0 ? $0 : nil }
}

/// A count of bytes from JavaScript; what is none counts as 0.
private func byteCount(_ value: Double) -> UInt64 {
  UInt64(exactly: value.rounded(.towardZero)) ?? 0
}
