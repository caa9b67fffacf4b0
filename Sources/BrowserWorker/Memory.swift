import CBrowserRuntime

// Every function here is called by the page; Documentation/BrowserModule.md describes them.

@_expose(wasm, "swiftlet_interface_version")
@_cdecl("swiftlet_interface_version")
public func interfaceVersion() -> Int32 { 1 }

@_expose(wasm, "swiftlet_allocate")
@_cdecl("swiftlet_allocate")
public func allocate(_ bytes: UInt32) -> UnsafeMutableRawPointer? { browser_allocate(bytes) }

@_expose(wasm, "swiftlet_free")
@_cdecl("swiftlet_free")
public func free(_ pointer: UnsafeMutableRawPointer?) { browser_free(pointer) }

@_expose(wasm, "swiftlet_memory_used")
@_cdecl("swiftlet_memory_used")
public func memoryUsed() -> Double { Double(browser_memory_used()) }

@_expose(wasm, "swiftlet_memory_reserved")
@_cdecl("swiftlet_memory_reserved")
public func memoryReserved() -> Double { browser_memory_reserved() }
