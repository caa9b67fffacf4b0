/// What a code point is to the regular expressions of pre-tokenizers.
///
/// The raw values are those the generated table holds.
package enum CharacterClass: UInt8, Sendable {
  /// Controls, private and unassigned code points.
  case other = 0
  /// `\p{L}`
  case letter = 1
  /// `\p{N}`
  case number = 2
  /// `\s`, the Unicode property White_Space.
  case whitespace = 3
  /// `\p{P}`
  case punctuation = 4
  /// `\p{S}`; bytes that are not UTF-8 count as U+FFFD, which is one.
  case symbol = 5
  /// `\p{M}`
  case mark = 6

  static let count = 7
}

/// Looks up the ``CharacterClass`` of code points.
package struct CharacterClasses {
  private let ascii: [CharacterClass]
  /// Where each run of one class begins, as `first << 3 | class`, ascending; the last entry is the end of all runs.
  private let runs: [UInt32]
  /// The run of the first code point of each 256, up to U+10000.
  private let pages: [UInt16]

  /// Expands the generated table: about 10 KB.
  package init() {
    var runs: [UInt32] = []
    var start: UInt32 = 0
    var value: UInt32 = 0
    var shift: UInt32 = 0
    for byte in characterClassRuns {
      value |= UInt32(byte & 127) << shift
      shift += 7
      if byte & 128 == 0 {
        runs.append(start << 3 | value % 7)
        start += value / 7
        value = 0
        shift = 0
      }
    }
    runs.append(start << 3)
    ascii = (0..<128).map { Self.search(runs, 0, runs.count - 1, $0) }
    var pages: [UInt16] = []
    var run = 0
    for page in 0...UInt32(256) {
      while runs[run + 1] >> 3 <= page << 8 { run += 1 }
      pages.append(UInt16(run))
    }
    self.pages = pages
    self.runs = runs
  }

  package subscript(scalar: UInt32) -> CharacterClass {
    if scalar < 128 { return ascii[Int(scalar)] }
    guard scalar < 0x110000 else { return .other }
    guard scalar < 0x10000 else { return Self.search(runs, Int(pages[256]), runs.count - 1, scalar) }
    let page = Int(scalar >> 8)
    return Self.search(runs, Int(pages[page]), Int(pages[page + 1]) + 1, scalar)
  }

  /// Looks in the runs from `low` to before `high`, of which one has `scalar`.
  private static func search(_ runs: [UInt32], _ low: Int, _ high: Int, _ scalar: UInt32) -> CharacterClass {
    // The last run whose first code point is not after `scalar`.
    let key = scalar << 3 | 7
    var low = low
    var high = high
    while high - low > 1 {
      let middle = (low + high) / 2
      if runs[middle] <= key { low = middle } else { high = middle }
    }
    return CharacterClass(rawValue: UInt8(runs[low] & 7)) ?? .other
  }
}
