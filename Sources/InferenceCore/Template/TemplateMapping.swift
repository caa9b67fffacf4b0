/// A mapping that keeps the order in which its keys were first set, as Python's dict does.
///
/// Lookup is a scan while small and hashed beyond that.
public struct TemplateMapping: Sendable {
  /// One key with its value.
  public struct Entry: Sendable {
    public let key: TemplateValue
    public internal(set) var value: TemplateValue
  }

  /// What of a mapping one of Python's dictionary views shows.
  package enum View: Sendable {
    case keys, values, items
  }

  /// Entries in order of first insertion.
  public private(set) var entries: [Entry] = []
  private var index: [TemplateKey: Int] = [:]
  private static var scanLimit: Int { 8 }

  public init() {}

  /// A mapping of names to values; a later duplicate replaces the value of an earlier one.
  public init(_ pairs: [([UInt8], TemplateValue)]) {
    for (name, value) in pairs { self[name] = value }
  }

  public var count: Int { entries.count }
  public var isEmpty: Bool { entries.isEmpty }

  /// The value under a string key. Setting nil leaves the mapping as it is.
  public subscript(name: [UInt8]) -> TemplateValue? {
    get { position(of: .string(name)).map { entries[$0].value } }
    set {
      guard let newValue else { return }
      set(.string(name), key: .string(name), to: newValue)
    }
  }

  /// The value under a string key written in the source.
  public subscript(name: StaticString) -> TemplateValue? {
    get {
      if entries.count > Self.scanLimit { return self[name.bytes] }
      for entry in entries {
        if case .string(let bytes) = entry.key, bytes.equals(name) { return entry.value }
      }
      return nil
    }
    set { self[name.bytes] = newValue }
  }

  /// The value under any key; nil when it is absent or when the key cannot be one.
  package func value(for key: TemplateValue) -> TemplateValue? {
    TemplateKey(key).flatMap(position(of:)).map { entries[$0].value }
  }

  /// Sets a value under any key; false when the key cannot be one (lists and mappings cannot).
  package mutating func set(_ key: TemplateValue, to value: TemplateValue) -> Bool {
    guard let hashed = TemplateKey(key) else { return false }
    set(key, key: hashed, to: value)
    return true
  }

  private mutating func set(_ key: TemplateValue, key hashed: TemplateKey, to value: TemplateValue) {
    if let position = position(of: hashed) {
      entries[position].value = value
      return
    }
    entries.append(Entry(key: key, value: value))
    if entries.count == Self.scanLimit + 1 {
      for (position, entry) in entries.enumerated() {
        if let key = TemplateKey(entry.key) { index[key] = position }
      }
    } else if entries.count > Self.scanLimit {
      index[hashed] = entries.count - 1
    }
  }

  private func position(of key: TemplateKey) -> Int? {
    if entries.count > Self.scanLimit { return index[key] }
    for (position, entry) in entries.enumerated() where TemplateKey(entry.key) == key { return position }
    return nil
  }

  /// The elements that iterating a view yields.
  package func elements(of view: View) -> [TemplateValue] {
    switch view {
    case .keys: entries.map { $0.key }
    case .values: entries.map { $0.value }
    case .items: entries.map { .tuple([$0.key, $0.value]) }
    }
  }
}

/// The hashable form of a mapping's key. Numbers that compare equal are one key, as in Python.
package enum TemplateKey: Hashable, Sendable {
  case undefined
  case none
  case int(Int64)
  case double(UInt64)
  case string([UInt8])
  case tuple([TemplateKey])

  package init?(_ value: TemplateValue) {
    switch value {
    case .undefined: self = .undefined
    case .none: self = .none
    case .bool(let bool): self = .int(bool ? 1 : 0)
    case .int(let int): self = .int(int)
    case .double(let double):
      if let int = Int64(exactly: double) { self = .int(int) } else { self = .double(double.bitPattern) }
    case .string(let bytes): self = .string(bytes)
    case .tuple(let elements):
      var keys: [TemplateKey] = []
      for element in elements {
        guard let key = TemplateKey(element) else { return nil }
        keys.append(key)
      }
      self = .tuple(keys)
    case .list, .mapping, .object: return nil
    }
  }
}
