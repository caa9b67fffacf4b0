/// One key press, or one paste.
package enum Key: Equatable {
  case text(String)
  case paste(String)
  case enter, tab, backspace, delete
  case left, right, up, down, home, end, wordLeft, wordRight
  case control(Character)
}

/// Turns a terminal's bytes into keys: UTF-8 text, control characters, the escape sequences of xterm and its kin, and
/// bracketed pastes. Bytes may arrive in any pieces.
package struct KeyDecoder {
  private var pending: [UInt8] = []
  private var pasted: [UInt8]?

  package init() {}

  /// The keys that are complete after these bytes.
  package mutating func feed(_ bytes: [UInt8]) -> [Key] {
    pending += bytes
    var keys: [Key] = []
    while let key = next() { keys += key }
    return keys
  }

  /// What the bytes at the front mean: nil when more are needed, an empty list for what has no meaning here.
  private mutating func next() -> [Key]? {
    guard let first = pending.first else { return nil }
    if pasted != nil { return continuePaste() }
    switch first {
    case 0x1B: return escapeSequence()
    case 0x0D, 0x0A: return take(1, .enter)
    case 0x09: return take(1, .tab)
    case 0x7F, 0x08: return take(1, .backspace)
    case 0..<0x20: return take(1, .control(Character(UnicodeScalar(first + 0x60))))
    default: return character(first)
    }
  }

  private mutating func take(_ count: Int, _ keys: Key...) -> [Key] {
    pending.removeFirst(count)
    return keys
  }

  private mutating func character(_ first: UInt8) -> [Key]? {
    let length =
      switch first {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 1
      }
    // A byte that begins nothing, or whose followers are none, is dropped alone.
    guard pending.dropFirst().prefix(length - 1).allSatisfy({ $0 & 0xC0 == 0x80 }) else { return take(1) }
    guard pending.count >= length else { return nil }
    guard let text = String(validating: pending[..<length], as: UTF8.self) else { return take(1) }
    return take(length, .text(text))
  }

  private mutating func escapeSequence() -> [Key]? {
    guard pending.count >= 2 else { return nil }
    guard pending[1] == UInt8(ascii: "[") || pending[1] == UInt8(ascii: "O") else {
      switch pending[1] {
      case UInt8(ascii: "b"): return take(2, .wordLeft)
      case UInt8(ascii: "f"): return take(2, .wordRight)
      case 0x0D: return take(2, .paste("\n"))
      default: return take(2)
      }
    }
    // A control sequence: parameters, then one final byte of 0x40…0x7E.
    guard let last = pending[2...].firstIndex(where: { (0x40...0x7E).contains($0) }) else {
      return pending.count > 32 ? take(2) : nil
    }
    let parameters = String(decoding: pending[2..<last], as: UTF8.self)
    let final = pending[last]
    pending.removeFirst(last + 1)
    if final == UInt8(ascii: "~") && parameters == "200" {
      pasted = []
      return []
    }
    return Self.meaning(parameters, final).map { [$0] } ?? []
  }

  private static func meaning(_ parameters: String, _ final: UInt8) -> Key? {
    // The modifier comes second: 3 is Alt, 5 is Ctrl.
    let moved = parameters.hasSuffix(";5") || parameters.hasSuffix(";3")
    switch (Character(UnicodeScalar(final)), parameters) {
    case ("A", _): return .up
    case ("B", _): return .down
    case ("C", _): return moved ? .wordRight : .right
    case ("D", _): return moved ? .wordLeft : .left
    case ("H", _), ("~", "1"), ("~", "7"): return .home
    case ("F", _), ("~", "4"), ("~", "8"): return .end
    case ("~", "3"): return .delete
    default: return nil
    }
  }

  private mutating func continuePaste() -> [Key]? {
    let end = Array("\u{1B}[201~".utf8)
    pasted! += pending
    pending = []
    guard let range = pasted!.firstRange(of: end) else { return nil }
    pending = Array(pasted![range.upperBound...])
    let text = String(decoding: pasted![..<range.lowerBound], as: UTF8.self)
    pasted = nil
    return [.paste(text.replacing("\r\n", with: "\n").replacing("\r", with: "\n"))]
  }
}
