extension GGUFFile {
  /// The value of `key`, or nil.
  public func value(_ key: GGUFKey) -> GGUFValue? {
    entry(key)?.value
  }

  /// The UTF-8 bytes of a string, or nil when `key` is absent; throws when the value is no string.
  public func string(_ key: GGUFKey) throws(GGUFError) -> UnsafeRawBufferPointer? {
    guard let entry = entry(key) else { return nil }
    guard case .string(let bytes) = entry.value else { throw wrongType(entry, "a string") }
    return bytes
  }

  /// A non-negative integer of any width, or nil when `key` is absent; throws when the value is anything else.
  public func uint(_ key: GGUFKey) throws(GGUFError) -> UInt64? {
    guard let entry = entry(key) else { return nil }
    switch entry.value {
    case .uint(let value): return value
    case .int(let value) where value >= 0: return UInt64(value)
    case .int(let value): throw wrongType(entry, "a number not below zero", found: "\(value)")
    default: throw wrongType(entry, "an unsigned integer")
    }
  }

  /// An integer of any width, or nil when `key` is absent; throws when the value is anything else.
  public func int(_ key: GGUFKey) throws(GGUFError) -> Int64? {
    guard let entry = entry(key) else { return nil }
    switch entry.value {
    case .uint(let value) where value <= UInt64(Int64.max): return Int64(value)
    case .uint(let value): throw wrongType(entry, "a number up to 2^63 - 1", found: "\(value)")
    case .int(let value): return value
    default: throw wrongType(entry, "an integer")
    }
  }

  /// A number, or nil when `key` is absent; throws when the value is none.
  public func float(_ key: GGUFKey) throws(GGUFError) -> Double? {
    guard let entry = entry(key) else { return nil }
    switch entry.value {
    case .uint(let value): return Double(value)
    case .int(let value): return Double(value)
    case .float(let value): return value
    default: throw wrongType(entry, "a number")
    }
  }

  /// A boolean, or nil when `key` is absent; throws when the value is none.
  public func bool(_ key: GGUFKey) throws(GGUFError) -> Bool? {
    guard let entry = entry(key) else { return nil }
    guard case .bool(let value) = entry.value else { throw wrongType(entry, "a boolean") }
    return value
  }

  /// An array of the given kind of elements, or nil when `key` is absent; throws when the value is anything else.
  public func array(_ key: GGUFKey, of kind: GGUFArray.ElementKind) throws(GGUFError) -> GGUFArray? {
    guard let entry = entry(key) else { return nil }
    guard case .array(let array) = entry.value, kind.contains(array.elementType) else {
      throw wrongType(entry, "an array of \(kind.name)")
    }
    return array
  }

  private func wrongType(_ entry: GGUFEntry, _ expected: String, found: String? = nil) -> GGUFError {
    GGUFError(
      kind: .wrongType, offset: entry.offset, expected: "\(expected) as \(readableName(entry.key))",
      found: found ?? entry.value.typeName)
  }
}
