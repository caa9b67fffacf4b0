import InferenceCore

/// Writes small GGUF files, right ones and wrong ones.
struct GGUFBuilder {
  struct Tensor {
    var name: String
    var shape: [UInt64]
    var format: UInt32
    var data: [UInt8]
    /// Where the table says the data is; where it is when nil.
    var offset: UInt64?
  }

  var magic = Array("GGUF".utf8)
  var version: UInt32 = 3
  var alignment = 32
  /// What the header says instead of the true counts.
  var entryCount: UInt64?
  var tensorCount: UInt64?
  private(set) var entries = [(key: String, type: UInt32, value: [UInt8])]()
  private(set) var tensors = [Tensor]()

  mutating func add(_ key: String, type: GGUFValueType, bytes: [UInt8]) {
    entries.append((key, type.rawValue, bytes))
  }

  mutating func add(_ key: String, typeNumber: UInt32, bytes: [UInt8]) {
    entries.append((key, typeNumber, bytes))
  }

  mutating func add<Number: FixedWidthInteger>(_ key: String, _ type: GGUFValueType, _ value: Number) {
    add(key, type: type, bytes: littleEndian(value))
  }

  mutating func add(_ key: String, _ value: Float) {
    add(key, .float32, value.bitPattern)
  }

  mutating func add(_ key: String, _ value: String) {
    add(key, type: .string, bytes: string(Array(value.utf8)))
  }

  mutating func add(_ key: String, _ values: [String]) {
    add(key, arrayOf: .string, values.map { string(Array($0.utf8)) })
  }

  mutating func add(_ key: String, arrayOf type: GGUFValueType, _ elements: [[UInt8]], count: UInt64? = nil) {
    let head = littleEndian(type.rawValue) + littleEndian(count ?? UInt64(elements.count))
    add(key, type: .array, bytes: head + elements.flatMap { $0 })
  }

  mutating func addTensor(
    _ name: String, shape: [UInt64], format: UInt32 = 0, data: [UInt8], offset: UInt64? = nil
  ) {
    tensors.append(Tensor(name: name, shape: shape, format: format, data: data, offset: offset))
  }

  /// The header without the padding after it.
  var header: [UInt8] {
    var bytes = magic + littleEndian(version)
    bytes += littleEndian(tensorCount ?? UInt64(tensors.count)) + littleEndian(entryCount ?? UInt64(entries.count))
    for entry in entries {
      bytes += string(Array(entry.key.utf8)) + littleEndian(entry.type) + entry.value
    }
    var place = 0
    for tensor in tensors {
      bytes += string(Array(tensor.name.utf8)) + littleEndian(UInt32(tensor.shape.count))
      for size in tensor.shape { bytes += littleEndian(size) }
      bytes += littleEndian(tensor.format) + littleEndian(tensor.offset ?? UInt64(place))
      place += padded(tensor.data.count)
    }
    return bytes
  }

  /// The whole file.
  var file: [UInt8] {
    var bytes = header
    bytes += [UInt8](repeating: 0, count: padded(bytes.count) - bytes.count)
    for tensor in tensors {
      bytes += tensor.data + [UInt8](repeating: 0, count: padded(tensor.data.count) - tensor.data.count)
    }
    return bytes
  }

  private func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}

func littleEndian<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// A string as GGUF stores it.
func string(_ bytes: [UInt8], length: UInt64? = nil) -> [UInt8] {
  littleEndian(length ?? UInt64(bytes.count)) + bytes
}

/// A generator for tests that must run the same everywhere (SplitMix64).
struct TestGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}
