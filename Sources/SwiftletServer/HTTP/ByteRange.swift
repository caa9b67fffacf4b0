/// What a `Range` header asks for (RFC 9110, section 14).
package enum ByteRange: Equatable {
  /// The whole representation: there is no header, or one that may be ignored (several ranges, other units, bad syntax).
  case whole
  /// These bytes.
  case part(Range<Int>)
  /// A range that lies outside of the representation.
  case unsatisfiable

  package init(header: String?, size: Int) {
    self = .whole
    guard let header, header.prefix(6).lowercased() == "bytes=" else { return }
    let specification = header.dropFirst(6).filter { $0 != " " && $0 != "\t" }
    let ends = specification.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]) else { return }
    switch (first, last) {
    case (nil, nil):
      return
    case (nil, let count?):
      self = count > 0 && size > 0 ? .part(max(0, size - count)..<size) : .unsatisfiable
    case (let start?, let last):
      if let last, last < start { return }
      self = start < size ? .part(start..<min(size, (last ?? size - 1).addingOne)) : .unsatisfiable
    }
  }

  /// The number in the text, nil inside when there is none, and nil when it is not a number at all. Numbers that exceed
  /// `Int` mean the same as the largest one.
  private static func number(_ text: some StringProtocol) -> Int?? {
    if text.isEmpty { return .some(nil) }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(text) ?? Int.max
  }
}

extension Int {
  fileprivate var addingOne: Int { self == .max ? self : self + 1 }
}
