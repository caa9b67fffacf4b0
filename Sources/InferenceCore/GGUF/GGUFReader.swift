/// A cursor over the header of one file that checks every length before it uses it.
///
/// Positions and sizes are 64 bits wide also on 32-bit machines: the header of a file too large for memory must still be
/// readable, so that the refusal can say how much memory it needs.
struct GGUFReader {
  /// The file, or its beginning.
  let bytes: UnsafeRawBufferPointer
  /// Size of the whole file.
  let fileSize: Int64
  /// Part of a split file, counted from one.
  let part: Int
  private(set) var offset: Int64 = 0

  init(_ bytes: UnsafeRawBufferPointer, fileSize: Int64, part: Int) {
    self.fileSize = max(0, fileSize)
    self.bytes = Int64(bytes.count) > self.fileSize ? .init(rebasing: bytes[..<Int(self.fileSize)]) : bytes
    self.part = part
  }

  /// Bytes from here to the end of the file.
  var remaining: UInt64 { UInt64(fileSize - offset) }

  func error(_ kind: GGUFError.Kind, at offset: Int64, expected: String, found: String) -> GGUFError {
    GGUFError(kind: kind, offset: offset, part: part, expected: expected, found: found)
  }

  /// Steps over `count` bytes and returns where they begin in `bytes`.
  private mutating func take(_ count: UInt64, _ what: StaticString) throws(GGUFError) -> Int {
    guard count <= remaining else {
      throw error(
        .truncated, at: offset, expected: "\(count) bytes for \(what)",
        found: "the end of the file after \(remaining) bytes")
    }
    let end = offset + Int64(count)
    guard end <= Int64(bytes.count) else {
      throw error(
        .needsMoreBytes(atLeast: end), at: offset, expected: "\(count) bytes for \(what)",
        found: "only the first \(bytes.count) bytes of the file so far")
    }
    let start = Int(offset)
    offset = end
    return start
  }

  mutating func uint32(_ what: StaticString) throws(GGUFError) -> UInt32 {
    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: try take(4, what), as: UInt32.self))
  }

  mutating func uint64(_ what: StaticString) throws(GGUFError) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: try take(8, what), as: UInt64.self))
  }

  /// Reads a length and that many bytes.
  mutating func string(_ what: StaticString) throws(GGUFError) -> UnsafeRawBufferPointer {
    let length = try uint64(what)
    let start = try take(length, what)
    return UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(length)])
  }

  /// Reads a key or a tensor name.
  mutating func name(_ what: StaticString) throws(GGUFError) -> UnsafeRawBufferPointer {
    let start = offset
    let length = try uint64(what)
    guard length > 0, length <= GGUFFile.longestName else {
      throw error(
        .invalidLength, at: start, expected: "a length of 1 to \(GGUFFile.longestName) bytes for \(what)",
        found: "\(length)")
    }
    let first = try take(length, what)
    return UnsafeRawBufferPointer(rebasing: bytes[first..<first + Int(length)])
  }

  mutating func valueType(_ what: StaticString) throws(GGUFError) -> GGUFValueType {
    let start = offset
    let number = try uint32(what)
    guard let type = GGUFValueType(rawValue: number) else {
      throw error(.invalidValue, at: start, expected: "\(what) of 0 to 12", found: "\(number)")
    }
    return type
  }

  mutating func value(of type: GGUFValueType) throws(GGUFError) -> GGUFValue {
    switch type {
    case .string: return .string(try string("a string value"))
    case .array: return .array(try array())
    default:
      let start = try take(UInt64(type.byteCount ?? 0), "a metadata value")
      if type == .bool { try checkBools(start..<start + 1) }
      return readScalar(type, bytes, at: start)
    }
  }

  /// Reads an array; every string in it is walked over, so that its readers need no checks.
  private mutating func array() throws(GGUFError) -> GGUFArray {
    let typeOffset = offset
    let type = try valueType("an array's element type")
    guard type != .array else {
      throw error(
        .invalidValue, at: typeOffset, expected: "an array of numbers, booleans or strings",
        found: "an array of arrays, which no model needs")
    }
    let countOffset = offset
    let count = try uint64("an array's length")
    // A string takes 8 bytes at least.
    let smallest = UInt64(type.byteCount ?? 8)
    guard count <= remaining / smallest else {
      throw error(
        .invalidLength, at: countOffset,
        expected: "at most \(remaining / smallest) \(type.name) elements in the rest of the file", found: "\(count)")
    }
    let start = Int(offset)
    if type == .string {
      for _ in 0..<count { _ = try string("a string of an array") }
    } else {
      _ = try take(count * smallest, "an array")
      if type == .bool { try checkBools(start..<Int(offset)) }
    }
    // The strings' 8-byte lengths lie in memory, so their count fits an Int.
    return GGUFArray(
      elementType: type, count: Int(count), bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<Int(offset)]))
  }

  private func checkBools(_ range: Range<Int>) throws(GGUFError) {
    for index in range where bytes[index] > 1 {
      throw error(.invalidValue, at: Int64(index), expected: "a boolean of 0 or 1", found: "\(bytes[index])")
    }
  }
}
