/// Builds one frame out of little-endian values.
struct WireWriter {
  private var bytes: [UInt8]

  init(kind: UInt8, request: RequestID) {
    bytes = Wire.magic
    bytes.append(Wire.version)
    bytes.append(kind)
    append(UInt16(0))
    append(request)
    append(UInt32(0))
  }

  /// The frame, with its payload length filled in.
  consuming func finish() -> [UInt8] {
    let length = UInt32(clamping: bytes.count - Wire.headerSize)
    for index in 0..<4 { bytes[12 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
    return bytes
  }

  private mutating func append<T: FixedWidthInteger>(_ value: T) {
    for shift in stride(from: 0, to: T.bitWidth, by: 8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  mutating func byte(_ value: UInt8) { bytes.append(value) }
  mutating func bool(_ value: Bool) { bytes.append(value ? 1 : 0) }
  mutating func uint32(_ value: UInt32) { append(value) }
  mutating func int32(_ value: Int32) { append(value) }
  mutating func uint64(_ value: UInt64) { append(value) }
  mutating func float(_ value: Float) { append(value.bitPattern) }
  mutating func double(_ value: Double) { append(value.bitPattern) }
  mutating func count(_ value: Int) { append(UInt32(clamping: value)) }

  mutating func blob(_ value: [UInt8]) {
    count(value.count)
    bytes.append(contentsOf: value)
  }

  mutating func string(_ value: String) {
    count(value.utf8.count)
    bytes.append(contentsOf: value.utf8)
  }

  mutating func optional<T>(_ value: T?, _ write: (inout WireWriter, T) -> Void) {
    bool(value != nil)
    if let value { write(&self, value) }
  }

  mutating func list<T>(_ values: [T], _ write: (inout WireWriter, T) -> Void) {
    count(values.count)
    for value in values { write(&self, value) }
  }
}
