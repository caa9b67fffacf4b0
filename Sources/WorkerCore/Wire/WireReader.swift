/// Reads little-endian values out of a frame; every read is checked against the bytes that are left.
struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  var remaining: Int { bytes.count - offset }

  func error(_ kind: WireError.Kind, expected: String, found: String) -> WireError {
    WireError(kind: kind, offset: offset, expected: expected, found: found)
  }

  private mutating func take(_ count: Int, _ what: StaticString) throws(WireError) -> UnsafeRawBufferPointer {
    guard count <= remaining else {
      throw error(.truncated, expected: "\(count) bytes for \(what)", found: "\(remaining)")
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
  }

  mutating func byte(_ what: StaticString) throws(WireError) -> UInt8 {
    try take(1, what)[0]
  }

  mutating func bool(_ what: StaticString) throws(WireError) -> Bool {
    let value = try byte(what)
    guard value <= 1 else { throw error(.badValue, expected: "0 or 1 for \(what)", found: "\(value)") }
    return value == 1
  }

  mutating func uint16(_ what: StaticString) throws(WireError) -> UInt16 {
    UInt16(littleEndian: try take(2, what).loadUnaligned(as: UInt16.self))
  }

  mutating func uint32(_ what: StaticString) throws(WireError) -> UInt32 {
    UInt32(littleEndian: try take(4, what).loadUnaligned(as: UInt32.self))
  }

  mutating func int32(_ what: StaticString) throws(WireError) -> Int32 {
    Int32(bitPattern: try uint32(what))
  }

  mutating func uint64(_ what: StaticString) throws(WireError) -> UInt64 {
    UInt64(littleEndian: try take(8, what).loadUnaligned(as: UInt64.self))
  }

  mutating func float(_ what: StaticString) throws(WireError) -> Float {
    Float(bitPattern: try uint32(what))
  }

  mutating func double(_ what: StaticString) throws(WireError) -> Double {
    Double(bitPattern: try uint64(what))
  }

  /// A count that Swift keeps as `Int`.
  mutating func count(_ what: StaticString) throws(WireError) -> Int {
    let value = try uint32(what)
    guard value <= UInt32(Int32.max) else {
      throw error(.badValue, expected: "at most \(Int32.max) for \(what)", found: "\(value)")
    }
    return Int(value)
  }

  mutating func blob(_ what: StaticString) throws(WireError) -> [UInt8] {
    let length = try count(what)
    return [UInt8](try take(length, what))
  }

  /// A string; bytes that are not UTF-8 become U+FFFD, as in JavaScript's `TextDecoder`.
  mutating func string(_ what: StaticString) throws(WireError) -> String {
    let length = try count(what)
    return String(decoding: try take(length, what), as: UTF8.self)
  }

  mutating func optional<T>(
    _ what: StaticString, _ read: (inout WireReader) throws(WireError) -> T
  ) throws(WireError) -> T? {
    guard try bool(what) else { return nil }
    return try read(&self)
  }

  /// A list whose elements take at least `minimumSize` bytes each, so that a hostile count cannot reserve memory.
  mutating func list<T>(
    _ what: StaticString, minimumSize: Int, _ read: (inout WireReader) throws(WireError) -> T
  ) throws(WireError) -> [T] {
    let length = try count(what)
    guard length <= remaining / minimumSize else {
      throw error(.truncated, expected: "\(length) elements of \(what)", found: "\(remaining) bytes")
    }
    var result: [T] = []
    result.reserveCapacity(length)
    for _ in 0..<length { result.append(try read(&self)) }
    return result
  }

  /// Ends the frame: nothing may be left.
  func finish() throws(WireError) {
    guard remaining == 0 else {
      throw error(.trailingBytes, expected: "the end of the payload", found: "\(remaining) more bytes")
    }
  }
}
