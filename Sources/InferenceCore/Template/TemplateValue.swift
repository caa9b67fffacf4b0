/// A value that a chat template computes with: JSON's kinds, Python's tuple, and Jinja's undefined.
///
/// Text is UTF-8 bytes. Values are immutable, as in the sandbox that chat templates are written for.
public enum TemplateValue: Sendable {
  /// A name or member that does not exist; the bytes say which, for the error raised when it is used.
  case undefined([UInt8])
  case none
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string([UInt8])
  case list([TemplateValue])
  case tuple([TemplateValue])
  case mapping(TemplateMapping)
  /// A macro, loop, namespace, function or iterator of a running template; never seen outside of it.
  case object(TemplateObject)
}

extension TemplateValue {
  /// A string value from text in the source.
  public init(_ text: StaticString) {
    self = .string(text.bytes)
  }

  /// A string value from a Swift string.
  public init(_ text: String) {
    self = .string(Array(text.utf8))
  }

  /// The bytes of a string, or nil.
  public var bytes: [UInt8]? {
    if case .string(let bytes) = self { return bytes }
    return nil
  }

  /// The elements of a list or tuple, or nil.
  public var elements: [TemplateValue]? {
    switch self {
    case .list(let elements), .tuple(let elements): return elements
    default: return nil
    }
  }

  /// The mapping, or nil.
  public var mapping: TemplateMapping? {
    if case .mapping(let mapping) = self { return mapping }
    return nil
  }

  /// The member of a mapping with this name; nil when absent or when this is not a mapping.
  public subscript(name: StaticString) -> TemplateValue? {
    mapping?[name]
  }
}

/// What only a running template has; opaque outside of it.
///
/// Mutable things are indices into tables of the interpreter, so values never form reference cycles.
public struct TemplateObject: Sendable {
  package indirect enum Kind: Sendable {
    case namespace(Int)
    case loop(Int)
    case macro(Int)
    /// An iterator that can be consumed once, as Python's generators.
    case generator(Int)
    case function(TemplateFunction)
    case method(TemplateMethod, of: TemplateValue)
    case view(TemplateMapping.View, of: TemplateMapping)
  }

  package let kind: Kind

  package init(_ kind: Kind) {
    self.kind = kind
  }
}

extension StaticString {
  /// The text's UTF-8 bytes.
  package var bytes: [UInt8] {
    withUTF8Buffer { Array($0) }
  }
}

extension String {
  /// The text's UTF-8 bytes.
  package var bytes: [UInt8] { Array(utf8) }
}

extension Array where Element == UInt8 {
  /// Whether these bytes are exactly a text in the source.
  package func equals(_ text: StaticString) -> Bool {
    guard text.utf8CodeUnitCount == count else { return false }
    return text.withUTF8Buffer { text in
      for index in 0..<count where self[index] != text[index] { return false }
      return true
    }
  }
}
