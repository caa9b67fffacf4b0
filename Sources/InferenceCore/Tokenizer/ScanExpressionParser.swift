/// Reads the notation of ``ScanExpression``; line breaks in it are for the eye.
struct ScanExpressionParser {
  /// A set of characters: those of some kinds and those in ranges, without the excluded, or all others.
  struct Class {
    var kinds: UInt8 = 0
    var ranges: [ClosedRange<UInt32>] = []
    var excluded: [ClosedRange<UInt32>] = []
    var isNegated = false

    mutating func insert(_ kind: CharacterClass) { kinds |= 1 << kind.rawValue }

    /// - Parameter scalar: nil for any character of the kind that is in no range.
    func contains(_ scalar: UInt32?, _ kind: CharacterClass) -> Bool {
      var isMember = kinds & 1 << kind.rawValue != 0
      if let scalar {
        isMember = isMember || ranges.contains { $0.contains(scalar) }
        if excluded.contains(where: { $0.contains(scalar) }) { isMember = false }
      }
      return isMember != isNegated
    }

    func isEqual(_ other: Class) -> Bool {
      kinds == other.kinds && isNegated == other.isNegated && ranges == other.ranges && excluded == other.excluded
    }
  }

  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0
  /// The classes so far; each one's place is its bit.
  private(set) var classes: [Class] = []

  init(_ text: StaticString) {
    self.text = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  /// Steps over `byte` if it is the next.
  mutating func skip(_ byte: UInt8) -> Bool {
    guard position < text.count, text[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func skip(_ other: StaticString) -> Bool {
    guard position + other.utf8CodeUnitCount <= text.count else { return false }
    for offset in 0..<other.utf8CodeUnitCount where text[position + offset] != other.utf8Start[offset] { return false }
    position += other.utf8CodeUnitCount
    return true
  }

  private mutating func skip(past byte: UInt8) {
    while position < text.count, !skip(byte) { position += 1 }
  }

  /// The next step of the alternative, or nil at its end.
  mutating func nextStep() -> ScanExpression.Step? {
    _ = skip(0x0A)
    guard position < text.count, text[position] != 0x7C else { return nil }
    if skip("(?!\\S)") { return ScanExpression.Step(kind: .blanks) }
    if skip("$") { return ScanExpression.Step(kind: .end) }
    for (opening, ignoresCase, foldsLongS) in Self.contractions where skip(opening) {
      skip(past: 0x29)
      return ScanExpression.Step(
        kind: .contraction, first: bit(Self.apostrophe), least: skip(0x3F) ? 0 : 1, ignoresCase: ignoresCase,
        foldsLongS: foldsLongS)
    }
    if skip("(?:") {
      let first = bit(nextClass())
      _ = skip("| ")
      let second = bit(nextClass())
      skip(past: 0x2A)
      return ScanExpression.Step(kind: .joined, first: first, second: second, least: 0)
    }
    let first = bit(nextClass())
    if skip(0x3F) { return ScanExpression.Step(kind: .optional, first: first, least: 0) }
    if skip(0x2A) { return ScanExpression.Step(kind: .run, first: first, least: 0, most: .max) }
    if skip(0x2B) { return ScanExpression.Step(kind: .run, first: first, most: .max) }
    guard skip(0x7B) else { return ScanExpression.Step(kind: .run, first: first) }
    let least = nextNumber()
    let most = skip(0x2C) ? nextNumber() : least
    _ = skip(0x7D)
    return ScanExpression.Step(kind: .run, first: first, least: least, most: most)
  }

  private static let apostrophe = Class(ranges: [0x27...0x27])
  private static let contractions: [(StaticString, Bool, Bool)] = [
    ("(?:'", false, false), ("(?i:'", true, false), ("(?iu:'", true, true),
  ]

  private mutating func bit(_ found: Class) -> UInt32 {
    if let known = classes.firstIndex(where: { $0.isEqual(found) }) { return 1 << UInt32(known) }
    classes.append(found)
    return 1 << UInt32(classes.count - 1)
  }

  private mutating func nextNumber() -> Int32 {
    var number: Int32 = 0
    while position < text.count, (0x30...0x39).contains(text[position]) {
      number = 10 * number + Int32(text[position] & 15)
      position += 1
    }
    return number
  }

  private mutating func nextClass() -> Class {
    var found = Class()
    guard skip(0x5B) else {
      addMember(to: &found)
      return found
    }
    found.isNegated = skip(0x5E)
    while position < text.count, !skip(0x5D) {
      if skip(0x0A) { continue }
      if skip("&&[^") {
        var without = Class()
        while position < text.count, !skip(0x5D) {
          if !skip(0x0A) { addMember(to: &without) }
        }
        found.excluded = without.ranges
      } else {
        addMember(to: &found)
      }
    }
    return found
  }

  /// Reads a character, a range or an escape.
  private mutating func addMember(to found: inout Class) {
    if skip("\\s") { return found.insert(.whitespace) }
    if skip("\\S") {
      found.isNegated = true
      return found.insert(.whitespace)
    }
    if skip("\\p{") {
      switch text[position] {
      case 0x4C: found.insert(.letter)
      case 0x4D: found.insert(.mark)
      case 0x4E: found.insert(.number)
      case 0x50: found.insert(.punctuation)
      default: found.insert(.symbol)
      }
      return skip(past: 0x7D)
    }
    let first = nextScalar()
    guard position + 1 < text.count, text[position] == 0x2D, text[position + 1] != 0x5D else {
      return found.ranges.append(first...first)
    }
    position += 1
    found.ranges.append(first...max(first, nextScalar()))
  }

  private mutating func nextScalar() -> UInt32 {
    let isEscaped = skip(0x5C)
    let step = UTF8Step(text, at: position)
    position += step.length
    guard isEscaped else { return step.scalar }
    switch step.scalar {
    case 0x6E: return 0x0A
    case 0x72: return 0x0D
    case 0x74: return 0x09
    case 0x78:
      var value: UInt32 = 0
      _ = skip(0x7B)
      while position < text.count, !skip(0x7D) {
        let digit = UInt32(text[position])
        value = value << 4 | (digit < 0x3A ? digit & 15 : digit & 7 + 9)
        position += 1
      }
      return value
    default: return step.scalar
    }
  }
}
