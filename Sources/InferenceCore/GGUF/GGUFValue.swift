/// One value of a GGUF metadata entry. Strings and arrays stay in the mapped bytes.
public enum GGUFValue {
  case uint(UInt64)
  case int(Int64)
  case float(Double)
  case bool(Bool)
  /// UTF-8, not validated.
  case string(UnsafeRawBufferPointer)
  case array(GGUFArray)

  /// What the value is, for a person.
  var typeName: String {
    switch self {
    case .uint: "an unsigned integer"
    case .int: "a signed integer"
    case .float: "a floating-point number"
    case .bool: "a boolean"
    case .string: "a string"
    case .array(let array): "an array of \(array.elementType.name)"
    }
  }
}

/// The types of metadata values, by their number in the file.
public enum GGUFValueType: UInt32, CaseIterable, Sendable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of one value, or nil when the length varies.
  var byteCount: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }

  /// The type's name in the GGUF specification.
  public var name: String {
    switch self {
    case .uint8: "uint8"
    case .int8: "int8"
    case .uint16: "uint16"
    case .int16: "int16"
    case .uint32: "uint32"
    case .int32: "int32"
    case .float32: "float32"
    case .bool: "bool"
    case .string: "string"
    case .array: "array"
    case .uint64: "uint64"
    case .int64: "int64"
    case .float64: "float64"
    }
  }
}

/// A metadata array, validated when the header was parsed and read in place.
public struct GGUFArray {
  /// What readers of an array ask for; see ``GGUFFile/array(_:of:)``.
  public enum ElementKind: Sendable {
    /// Any of the integer types.
    case integers
    /// Any of the number types.
    case numbers
    case bools
    case strings

    func contains(_ type: GGUFValueType) -> Bool {
      switch type {
      case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: self == .integers || self == .numbers
      case .float32, .float64: self == .numbers
      case .bool: self == .bools
      case .string: self == .strings
      case .array: false
      }
    }

    var name: String {
      switch self {
      case .integers: "integers"
      case .numbers: "numbers"
      case .bools: "booleans"
      case .strings: "strings"
      }
    }
  }

  public let elementType: GGUFValueType
  public let count: Int
  /// The elements as they lie in the file.
  let bytes: UnsafeRawBufferPointer

  /// The element at `index` as an integer: floats are cut towards zero, what does not fit is clamped, a string is 0.
  public func int(at index: Int) -> Int64 {
    switch scalar(at: index) {
    case .uint(let value): Int64(clamping: value)
    case .int(let value): value
    case .float(let value): clampedInteger(value)
    case .bool(let value): value ? 1 : 0
    case .string, .array: 0
    }
  }

  /// The element at `index` as a floating-point number; a string is 0.
  public func float(at index: Int) -> Double {
    switch scalar(at: index) {
    case .uint(let value): Double(value)
    case .int(let value): Double(value)
    case .float(let value): value
    case .bool(let value): value ? 1 : 0
    case .string, .array: 0
    }
  }

  /// The element at `index` as a boolean: whether a number is not zero; a string is false.
  public func bool(at index: Int) -> Bool {
    float(at: index) != 0
  }

  /// Calls `body` with the UTF-8 bytes of each string, in order. An array of another type has none.
  public func forEachString(_ body: (UnsafeRawBufferPointer) -> Void) {
    guard elementType == .string else { return }
    var offset = 0
    for _ in 0..<count {
      let length = Int(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
      body(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
      offset += length
    }
  }

  private func scalar(at index: Int) -> GGUFValue {
    precondition(index >= 0 && index < count, "GGUF array index out of range")
    guard let size = elementType.byteCount else { return .uint(0) }
    return readScalar(elementType, bytes, at: index * size)
  }
}

/// Reads the number or boolean of type `type` at `offset`, which the caller has checked to be there.
func readScalar(_ type: GGUFValueType, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> GGUFValue {
  switch type {
  case .uint8: .uint(UInt64(bytes[offset]))
  case .int8: .int(Int64(Int8(bitPattern: bytes[offset])))
  case .uint16: .uint(UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
  case .int16: .int(Int64(bytes.loadUnaligned(fromByteOffset: offset, as: Int16.self)))
  case .uint32: .uint(UInt64(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  case .int32: .int(Int64(bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
  case .float32:
    .float(Double(Float(bitPattern: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))))
  case .bool: .bool(bytes[offset] != 0)
  case .uint64: .uint(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  case .int64: .int(bytes.loadUnaligned(fromByteOffset: offset, as: Int64.self))
  case .float64: .float(Double(bitPattern: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
  case .string, .array: .uint(0)
  }
}

private func clampedInteger(_ value: Double) -> Int64 {
  if value.isNaN { return 0 }
  if value >= 0x1p63 { return .max }
  if value < -0x1p63 { return .min }
  return Int64(value)
}
