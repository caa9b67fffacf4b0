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

/// The digest that the page is computing; of the engine's thread too.
nonisolated(unsafe) private var hash = SHA256()

/// Bytes that linear memory can have at most: all of 32 bits but the last page.
private let addressSpace = 65_535.0 * 65_536

// MARK: Memory

@_expose(wasm, "swiftlet_allocate")
@_cdecl("swiftlet_allocate")
public func allocate(_ bytes: UInt32) -> UnsafeMutableRawPointer? {
  browser_allocate(bytes)
}

@_expose(wasm, "swiftlet_free")
@_cdecl("swiftlet_free")
public func free(_ pointer: UnsafeMutableRawPointer?) {
  browser_free(pointer)
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
  1
}

@_expose(wasm, "swiftlet_start")
@_cdecl("swiftlet_start")
public func start(_ threads: Int32, _ memoryLimit: Double) {
  // In WebAssembly there is one team: the one that the engine makes later is this one, with as many or fewer lanes.
  team = ck_team_create(max(1, threads))
  let limit = memoryLimit > 0 ? min(memoryLimit, addressSpace) : addressSpace
  engine = BrowserEngine(threads: max(1, Int(threads)), memoryLimit: byteCount(limit))
}

@_expose(wasm, "swiftlet_receive")
@_cdecl("swiftlet_receive")
public func receive(_ pointer: UnsafeRawPointer?, _ length: UInt32) {
  engine?.receive(bytes(pointer, length))
}

@_expose(wasm, "swiftlet_step")
@_cdecl("swiftlet_step")
public func step() -> Int32 {
  engine?.step() == true ? 1 : 0
}

// MARK: The model's bytes

@_expose(wasm, "swiftlet_model_begin")
@_cdecl("swiftlet_model_begin")
public func modelBegin(_ fetch: UInt32) {
  engine?.beginModel(fetch)
}

@_expose(wasm, "swiftlet_model_inspect")
@_cdecl("swiftlet_model_inspect")
public func modelInspect(
  _ pointer: UnsafeRawPointer?, _ length: UInt32, _ fileSize: Double, _ limit: Double
) -> Int32 {
  let prefix = bytes(pointer, length)
  return switch engine?.inspectModel(prefix: prefix, fileSize: byteCount(fileSize), limit: byteCount(limit)) {
  case .fits: 0
  case .needsMoreBytes: 1
  case .refused, nil: 2
  }
}

@_expose(wasm, "swiftlet_model_buffer")
@_cdecl("swiftlet_model_buffer")
public func modelBuffer(_ size: Double) -> UnsafeMutableRawPointer? {
  engine?.reserveModel(byteCount(size))
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
  _ code: UnsafeRawPointer?, _ codeLength: UInt32, _ message: UnsafeRawPointer?, _ messageLength: UInt32
) {
  let code = WorkerError.Code(name: bytes(code, codeLength)) ?? .downloadFailed
  let message = String(decoding: bytes(message, messageLength), as: UTF8.self)
  engine?.modelFailed(WorkerError(code, message))
}

@_expose(wasm, "swiftlet_model_discard")
@_cdecl("swiftlet_model_discard")
public func modelDiscard() {
  engine?.discardModel()
}

// MARK: SHA-256

@_expose(wasm, "swiftlet_hash_reset")
@_cdecl("swiftlet_hash_reset")
public func hashReset() {
  hash = SHA256()
}

@_expose(wasm, "swiftlet_hash_update")
@_cdecl("swiftlet_hash_update")
public func hashUpdate(_ pointer: UnsafeRawPointer?, _ length: UInt32) {
  hash.update(bytes(pointer, length))
}

@_expose(wasm, "swiftlet_hash_finish")
@_cdecl("swiftlet_hash_finish")
public func hashFinish(_ target: UnsafeMutableRawPointer?) {
  target?.copyMemory(from: hash.digest(), byteCount: 32)
}

// MARK: Threads

/// Bytes of a helper's stack; kernels need little.
private let helperStackSize: UInt32 = 512 << 10

@_expose(wasm, "swiftlet_thread_stack")
@_cdecl("swiftlet_thread_stack")
public func threadStack() -> UnsafeMutableRawPointer? {
  browser_allocate(helperStackSize).map { $0 + Int(helperStackSize) }
}

@_expose(wasm, "swiftlet_thread_main")
@_cdecl("swiftlet_thread_main")
public func threadMain(_ lane: Int32) {
  if let team { ck_team_serve(team, lane) }
}

// MARK: Numbers

private func bytes(_ pointer: UnsafeRawPointer?, _ length: UInt32) -> UnsafeRawBufferPointer {
  UnsafeRawBufferPointer(start: pointer, count: Int(length))
}

/// A count of bytes from JavaScript; what is none counts as 0.
private func byteCount(_ value: Double) -> UInt64 {
  UInt64(exactly: value.rounded(.towardZero)) ?? 0
}
