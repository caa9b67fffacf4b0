/// Watches generated text for stop strings and holds back what may become one.
///
/// The text ends where the first stop string to be completed begins; of several completed by the same byte, the longest
/// counts. What is released does not depend on how the text was cut into pieces.
public struct StopMatcher: Sendable {
  /// One stop string with its matching state (Knuth, Morris and Pratt, “Fast Pattern Matching in Strings”, 1977).
  private struct Pattern: Sendable {
    let bytes: [UInt8]
    /// For each length of a matched beginning: the longest shorter beginning that also ends there.
    let fallback: [Int]
    /// How many of the first bytes the text's end matches.
    var matched = 0

    init(_ bytes: [UInt8]) {
      self.bytes = bytes
      var fallback = [0, 0]
      var length = 0
      for index in bytes.indices.dropFirst() {
        while length > 0, bytes[index] != bytes[length] { length = fallback[length] }
        if bytes[index] == bytes[length] { length += 1 }
        fallback.append(length)
      }
      self.fallback = fallback
    }

    /// Returns whether `byte` completes the string.
    mutating func advance(_ byte: UInt8) -> Bool {
      while matched > 0, bytes[matched] != byte { matched = fallback[matched] }
      if bytes[matched] == byte { matched += 1 }
      return matched == bytes.count
    }
  }

  private var patterns: [Pattern]
  /// The end of the text so far, not released: the longest beginning of a stop string that it ends with.
  private var held = [UInt8]()
  private var hasStopped = false

  /// Watches for `stops`; empty ones are left out.
  public init(_ stops: [[UInt8]]) {
    patterns = stops.filter { !$0.isEmpty }.map { Pattern($0) }
  }

  /// Takes the next bytes of text; returns what can be shown by now and whether a stop string was found.
  ///
  /// After a stop string everything is ignored.
  public mutating func feed(_ bytes: [UInt8]) -> (release: [UInt8], stopped: Bool) {
    if hasStopped { return ([], true) }
    if patterns.isEmpty { return (bytes, false) }
    var text = held
    text.reserveCapacity(held.count + bytes.count)
    for byte in bytes {
      text.append(byte)
      var longestStop = 0
      for index in patterns.indices where patterns[index].advance(byte) {
        longestStop = max(longestStop, patterns[index].bytes.count)
      }
      if longestStop > 0 {
        hasStopped = true
        held = []
        text.removeLast(longestStop)
        return (text, true)
      }
    }
    let kept = patterns.reduce(0) { max($0, $1.matched) }
    held = Array(text.suffix(kept))
    text.removeLast(kept)
    return (text, false)
  }

  /// Returns what was held back, when the text has ended without a stop string.
  public mutating func finish() -> [UInt8] {
    let rest = held
    held = []
    return hasStopped ? [] : rest
  }
}
