import InferenceCore

/// A metadata value, arrays only by their length and first elements.
enum MetadataOutput: Encodable {
  case number(Double)
  case integer(Int64)
  case bool(Bool)
  case text(String)
  case array(type: String, count: Int, first: [String])

  init(_ value: GGUFValue) {
    switch value {
    case .uint(let value): self = .integer(Int64(clamping: value))
    case .int(let value): self = .integer(value)
    case .float(let value): self = .number(value)
    case .bool(let value): self = .bool(value)
    case .string(let bytes): self = .text(String(decoding: bytes, as: UTF8.self))
    case .array(let array): self = .array(type: array.elementType.name, count: array.count, first: Self.first(array))
    }
  }

  private static func first(_ array: GGUFArray, _ limit: Int = 4) -> [String] {
    switch array.elementType {
    case .string:
      var texts: [String] = []
      array.forEachString { if texts.count < limit { texts.append(String(decoding: $0, as: UTF8.self)) } }
      return texts
    case .array: return []
    case .float32, .float64: return (0..<min(array.count, limit)).map { "\(array.float(at: $0))" }
    case .bool: return (0..<min(array.count, limit)).map { "\(array.bool(at: $0))" }
    default: return (0..<min(array.count, limit)).map { "\(array.int(at: $0))" }
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .bool(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .array(let type, let count, let first):
      try container.encode(ArrayOutput(type: type, count: count, first: first))
    }
  }

  private struct ArrayOutput: Encodable {
    let type: String
    let count: Int
    let first: [String]
  }

  /// On one line.
  var shown: String {
    switch self {
    case .number(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .bool(let value): "\(value)"
    case .text(let value): Self.shortened(value)
    case .array(let type, let count, let first):
      "\(count) × \(type)" + (first.isEmpty ? "" : ": \(Self.shortened(first.joined(separator: " ")))")
        + (count > first.count ? " …" : "")
    }
  }

  private static func shortened(_ text: String) -> String {
    let line = text.replacing("\n", with: "\\n")
    return line.count > 80 ? line.prefix(80) + "…" : line
  }
}
