import InferenceCore
import Testing

@Suite struct StopMatcherTests {
  struct Case: CustomTestStringConvertible {
    let stops: [String]
    let pieces: [String]
    /// What each piece releases.
    let released: [String]
    let hasStopped: Bool
    /// What `finish` releases.
    let rest: String
    var testDescription: String { "\(stops) in \(pieces)" }

    init(_ stops: [String], _ pieces: [String], _ released: [String], stops stopped: Bool = false, rest: String = "") {
      self.stops = stops
      self.pieces = pieces
      self.released = released
      self.hasStopped = stopped
      self.rest = rest
    }
  }

  static let cases = [
    Case([], ["anything"], ["anything"]),
    Case([""], ["anything"], ["anything"]),
    Case(["END"], ["the END of it"], ["the "], stops: true),
    Case(["END"], ["the E", "N", "D", " of it"], ["the ", "", "", ""], stops: true),
    Case(["END"], ["the E", "N", "d"], ["the ", "", "ENd"]),
    Case(["END"], ["the EN"], ["the "], rest: "EN"),
    Case(["aab"], ["aa", "a", "b"], ["", "a", ""], stops: true),
    Case(["abab"], ["aba", "cabab"], ["", "abac"], stops: true),
    Case(["\n\nUser:"], ["Hi.\n", "\nUs", "eful"], ["Hi.", "", "\n\nUseful"]),
    // The shorter is complete first.
    Case(["abc", "b"], ["xa", "b", "c"], ["x", "a", ""], stops: true),
    // Both are complete at once: the longer counts.
    Case(["bc", "abc"], ["xa", "b", "c"], ["x", "", ""], stops: true),
    Case(["abcd", "bcx"], ["abc", "x"], ["", "a"], stops: true),
    Case(["鳥"], ["\u{9CE4}"], ["\u{9CE4}"]),
  ]

  @Test(arguments: cases)
  func releasesWhatCannotBecomeAStopString(_ table: Case) {
    var matcher = StopMatcher(table.stops.map { Array($0.utf8) })
    var stopped = false
    for (piece, expected) in zip(table.pieces, table.released) {
      let result = matcher.feed(Array(piece.utf8))
      #expect(String(decoding: result.release, as: UTF8.self) == expected)
      stopped = result.stopped
    }
    #expect(stopped == table.hasStopped)
    #expect(String(decoding: matcher.finish(), as: UTF8.self) == table.rest)
    #expect(matcher.finish().isEmpty)
  }

  @Test func whatIsReleasedDoesNotDependOnThePiecesAndLeaksNoBeginning() {
    var generator = TestGenerator(state: 11)
    func bytes(_ lengths: ClosedRange<Int>) -> [UInt8] {
      // Two letters, so that stop strings overlap with themselves and each other.
      (0..<Int.random(in: lengths, using: &generator)).map { _ in UInt8.random(in: 97...98, using: &generator) }
    }
    var stoppedRounds = 0
    for _ in 0..<3000 {
      let stops = (0..<Int.random(in: 1...3, using: &generator)).map { _ in bytes(1...7) }
      let text = bytes(0...24)
      let end = Self.firstStop(stops, text)
      if end != nil { stoppedRounds += 1 }

      var matcher = StopMatcher(stops)
      var shown = [UInt8]()
      var position = 0
      var stopped = false
      while position < text.count {
        let next = min(text.count, position + Int.random(in: 1...4, using: &generator))
        let result = matcher.feed(Array(text[position..<next]))
        shown += result.release
        stopped = result.stopped
        position = next
        if let end, end.complete <= position {
          #expect(stopped)
          #expect(shown == Array(text[..<end.start]))
        } else {
          #expect(!stopped)
          // All but the longest end of the text that begins a stop string: no leak, and nothing held for no reason.
          #expect(shown == Array(text[..<(position - Self.longestBeginning(stops, text[..<position]))]))
        }
      }
      shown += matcher.finish()
      #expect(shown == Array(text[..<(end?.start ?? text.count)]))
      #expect(stopped == (end != nil))
    }
    #expect(stoppedRounds > 500 && stoppedRounds < 2900)
  }

  /// Where the stop string that is complete first begins, and where it is complete; the longest if several are.
  private static func firstStop(_ stops: [[UInt8]], _ text: [UInt8]) -> (start: Int, complete: Int)? {
    for end in 1...max(1, text.count) where end <= text.count {
      let found = stops.filter { text[..<end].suffix($0.count).elementsEqual($0) }
      if let longest = found.map({ $0.count }).max() { return (end - longest, end) }
    }
    return nil
  }

  private static func longestBeginning(_ stops: [[UInt8]], _ text: ArraySlice<UInt8>) -> Int {
    for length in stride(from: text.count, to: 0, by: -1) {
      let end = text.suffix(length)
      if stops.contains(where: { $0.count > length && $0.starts(with: end) }) { return length }
    }
    return 0
  }
}
