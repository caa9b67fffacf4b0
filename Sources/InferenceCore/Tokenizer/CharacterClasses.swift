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

  /// Expands the generated table: about 7 KB.
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
    self.runs = runs
    var ascii = [CharacterClass](repeating: .other, count: 128)
    for scalar in 0..<128 {
      ascii[scalar] = Self.search(runs, UInt32(scalar))
    }
    self.ascii = ascii
  }

  package subscript(scalar: UInt32) -> CharacterClass {
    scalar < 128 ? ascii[Int(scalar)] : Self.search(runs, scalar)
  }

  private static func search(_ runs: [UInt32], _ scalar: UInt32) -> CharacterClass {
    guard scalar < 0x110000 else { return .other }
    // The last run whose first code point is not after `scalar`.
    let key = scalar << 3 | 7
    var low = 0
    var high = runs.count - 1
    while high - low > 1 {
      let middle = (low + high) / 2
      if runs[middle] <= key { low = middle } else { high = middle }
    }
    return CharacterClass(rawValue: UInt8(runs[low] & 7)) ?? .other
  }
}
