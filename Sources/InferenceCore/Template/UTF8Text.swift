/// Operations on UTF-8 bytes that count and move by Unicode scalars, as Python's strings do.
///
/// A byte that is not part of well-formed UTF-8 counts as one scalar and is passed through unchanged.
enum UTF8Text {
  /// Bytes of the scalar that starts at a position.
  static func scalarLength(_ text: [UInt8], at index: Int) -> Int {
    let first = text[index]
    if first < 0x80 { return 1 }
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
    guard first >= 0xC2, first <= 0xF4, index + length <= text.count else { return 1 }
    for offset in 1..<length where text[index + offset] & 0xC0 != 0x80 { return 1 }
    let second = text[index + 1]
    // Overlong forms, surrogates and what lies beyond U+10FFFF.
    if first == 0xE0 && second < 0xA0 || first == 0xED && second > 0x9F || first == 0xF0 && second < 0x90
      || first == 0xF4 && second > 0x8F
    {
      return 1
    }
    return length
  }

  /// The scalar at a position and its length; U+FFFD for a byte that is not well-formed.
  static func scalar(_ text: [UInt8], at index: Int) -> (value: UInt32, length: Int) {
    let length = scalarLength(text, at: index)
    if length == 1 { return (text[index] < 0x80 ? UInt32(text[index]) : 0xFFFD, 1) }
    var value = UInt32(text[index]) & (0x7F >> UInt32(length))
    for offset in 1..<length { value = value << 6 | UInt32(text[index + offset] & 0x3F) }
    return (value, length)
  }

  /// Appends a scalar; surrogates and what is no scalar become U+FFFD.
  static func append(_ value: UInt32, to text: inout [UInt8]) {
    let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
    for unit in UTF8.encode(scalar)! { text.append(unit) }
  }

  /// Number of scalars.
  static func count(_ text: [UInt8]) -> Int {
    var count = 0
    var index = 0
    while index < text.count {
      index += scalarLength(text, at: index)
      count += 1
    }
    return count
  }

  /// The scalar of a number, which must be less than ``count(_:)``.
  static func scalar(_ text: [UInt8], number: Int) -> [UInt8] {
    var start = 0
    for _ in 0..<number { start += scalarLength(text, at: start) }
    return Array(text[start..<start + scalarLength(text, at: start)])
  }

  /// Whether a byte is one scalar throughout.
  static func isASCII(_ text: [UInt8]) -> Bool {
    for byte in text where byte >= 0x80 { return false }
    return true
  }

  /// Each scalar as text of its own.
  static func scalars(_ text: [UInt8]) -> [[UInt8]] {
    var scalars: [[UInt8]] = []
    var index = 0
    while index < text.count {
      let length = scalarLength(text, at: index)
      scalars.append(Array(text[index..<index + length]))
      index += length
    }
    return scalars
  }

  /// Python's `str.isspace` for one scalar.
  static func isSpace(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: true
    default: false
    }
  }

  /// Removes characters from the ends: those of a set, or white space when it is nil.
  static func trim(_ text: [UInt8], _ set: [UInt8]? = nil, leading: Bool = true, trailing: Bool = true) -> [UInt8] {
    let members = set.map(scalars)
    func isTrimmed(_ range: Range<Int>) -> Bool {
      if let members { return members.contains { $0.elementsEqual(text[range]) } }
      return isSpace(scalar(text, at: range.lowerBound).value)
    }
    var start = 0
    var end = text.count
    while leading, start < end {
      let length = scalarLength(text, at: start)
      guard isTrimmed(start..<start + length) else { break }
      start += length
    }
    while trailing, start < end {
      let previous = scalarStart(text, before: end)
      guard previous >= start, isTrimmed(previous..<end) else { break }
      end = previous
    }
    return Array(text[start..<end])
  }

  /// Where the scalar that ends at a position starts.
  static func scalarStart(_ text: [UInt8], before end: Int) -> Int {
    for length in 1...4 where end - length >= 0 && text[end - length] & 0xC0 != 0x80 {
      return scalarLength(text, at: end - length) == length ? end - length : end - 1
    }
    return end - 1
  }

  /// Parts between runs of white space; after the last allowed split the rest of the text is one part.
  static func words(_ text: [UInt8], maximumSplits: Int = .max) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var start: Int?
    var index = 0
    while index < text.count {
      let (value, length) = scalar(text, at: index)
      if isSpace(value) {
        if let begin = start { words.append(Array(text[begin..<index])) }
        start = nil
      } else if start == nil {
        start = index
        if words.count == maximumSplits { break }
      }
      index += length
    }
    if let start { words.append(Array(text[start...])) }
    return words
  }

  /// As ``words(_:maximumSplits:)``, splitting from the end: the first part is the rest.
  static func wordsFromEnd(_ text: [UInt8], maximumSplits: Int) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var end: Int?
    var index = text.count
    while index > 0 {
      let start = scalarStart(text, before: index)
      if isSpace(scalar(text, at: start).value) {
        if let last = end { words.append(Array(text[index..<last])) }
        end = nil
      } else if end == nil {
        end = index
        if words.count == maximumSplits { break }
      }
      index = start
    }
    if let end { words.append(Array(text[..<end])) }
    // The rest keeps the white space in front of it only when it was split off.
    if words.count <= maximumSplits, let first = words.last { words[words.count - 1] = trim(first, trailing: false) }
    return words.reversed()
  }

  /// Lines as Python's `str.splitlines`, which knows more ends of line than `\n`.
  static func lines(_ text: [UInt8], keepingEnds: Bool = false) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    var start = 0
    var index = 0
    while index < text.count {
      let (value, length) = scalar(text, at: index)
      switch value {
      case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
        var end = index + length
        if value == 0x0D, end < text.count, text[end] == 0x0A { end += 1 }
        lines.append(Array(text[start..<(keepingEnds ? end : index)]))
        start = end
        index = end
      default:
        index += length
      }
    }
    if start < text.count { lines.append(Array(text[start...])) }
    return lines
  }

  /// Parts between occurrences of a separator, which must not be empty.
  static func split(_ text: [UInt8], by separator: [UInt8], maximumSplits: Int = .max) -> [[UInt8]] {
    let finder = ByteFinder(separator)
    var parts: [[UInt8]] = []
    var start = 0
    while parts.count < maximumSplits, let found = finder.find(in: text, from: start) {
      parts.append(Array(text[start..<found]))
      start = found + separator.count
    }
    parts.append(Array(text[start...]))
    return parts
  }
}

/// Finds a byte string in linear time, whatever the texts are (Knuth, Morris and Pratt, 1977).
struct ByteFinder {
  private let needle: [UInt8]
  /// For every prefix of the needle the length of its longest border.
  private var borders: [Int]

  init(_ needle: [UInt8]) {
    self.needle = needle
    borders = [Int](repeating: 0, count: needle.count + 1)
    var border = 0
    var index = 1
    while index < needle.count {
      while border > 0, needle[index] != needle[border] { border = borders[border] }
      if needle[index] == needle[border] { border += 1 }
      index += 1
      borders[index] = border
    }
  }

  /// Offset of the first occurrence at or after a position.
  func find(in text: [UInt8], from start: Int = 0) -> Int? {
    if needle.isEmpty { return start <= text.count ? start : nil }
    var matched = 0
    var index = start
    while index < text.count {
      while matched > 0, text[index] != needle[matched] { matched = borders[matched] }
      if text[index] == needle[matched] { matched += 1 }
      index += 1
      if matched == needle.count { return index - matched }
    }
    return nil
  }

  /// Offset of the last occurrence.
  func findLast(in text: [UInt8]) -> Int? {
    let reversed = ByteFinder(needle.reversed())
    return reversed.find(in: text.reversed()).map { text.count - $0 - needle.count }
  }
}
