/// A stretch of text between special tokens, or one of them.
enum TextFragment {
  case text(Range<Int>)
  case token(TokenID)
}

/// How far the search for special tokens in a text has come.
struct SpecialTokenSearch {
  /// Where special tokens may begin, and the length of the longest one there.
  var candidates: [(start: Int, length: Int)] = []
  /// Bytes that were looked at.
  var next = 0
}

/// Finds special tokens that are spelled out in text.
///
/// Longer tokens are placed before shorter ones, from left to right, wherever the text is not taken yet: the order in
/// which llama.cpp partitions text, though found in one pass over it.
struct SpecialTokenSplitter {
  /// By length: whether a special token has it.
  private let hasLength: [Bool]
  /// By first byte: the length of the longest special token that begins with it.
  private let longest: [Int]
  /// All of them, ordered by their texts, and by first byte where those that begin with it are.
  private let ordered: [TokenID]
  private let beginning: [Range<Int>]
  /// Control and unknown tokens of more than one character, and by first byte whether there is one.
  private let control: [TokenID]
  private let beginsControl: [Bool]

  /// Special are control, unknown and user-defined tokens.
  init(vocabulary: Vocabulary) {
    var hasLength = [false]
    var longest = [Int](repeating: 0, count: 256)
    var control: [TokenID] = []
    var ordered: [TokenID] = []
    var beginsControl = [Bool](repeating: false, count: 256)
    for (id, attributes) in vocabulary.attributes.enumerated()
    where !attributes.isDisjoint(with: [.control, .unknown, .userDefined]) {
      let text = vocabulary.text(TokenID(id))
      guard let first = text.first else { continue }
      // Of tokens with one text the first counts.
      if vocabulary.id(of: text) == TokenID(id) { ordered.append(TokenID(id)) }
      if !attributes.isDisjoint(with: [.control, .unknown]), text.dropFirst().contains(where: { $0 & 0xC0 != 0x80 }) {
        control.append(TokenID(id))
        beginsControl[Int(first)] = true
      }
      while hasLength.count <= text.count { hasLength.append(false) }
      hasLength[text.count] = true
      longest[Int(first)] = max(longest[Int(first)], text.count)
    }
    self.hasLength = hasLength
    self.longest = longest
    self.control = control
    self.beginsControl = beginsControl
    ordered.sort { vocabulary.text($0).lexicographicallyPrecedes(vocabulary.text($1)) }
    var beginning = [Range<Int>](repeating: 0..<0, count: 256)
    var start = 0
    while start < ordered.count, let first = vocabulary.text(ordered[start]).first {
      var end = start + 1
      while end < ordered.count, vocabulary.text(ordered[end]).first == first { end += 1 }
      beginning[Int(first)] = start..<end
      start = end
    }
    self.ordered = ordered
    self.beginning = beginning
  }

  /// Splits `text` at the special tokens in it.
  ///
  /// - Parameters:
  ///   - parseSpecial: whether control tokens are looked for; user-defined ones always are.
  ///   - plain: places, ascending, that no special token covers.
  ///   - steps: about how much to do; see ``look(in:from:steps:at:)``.
  /// - Returns: nil when it ran out of steps, and has to be called again.
  func split(
    _ text: UnsafeBufferPointer<UInt8>, vocabulary: Vocabulary, parseSpecial: Bool, plain: [Int],
    found: inout SpecialTokenSearch, steps: inout Int
  ) -> [TextFragment]? {
    let search = Search(text: text, vocabulary: vocabulary, parseSpecial: parseSpecial, plain: plain)
    var next = found.next
    let isThrough = look(in: text, from: &next, steps: &steps) { start in
      let length = longestMatch(search, at: start)
      if length > 0 { found.candidates.append((start, length)) }
    }
    found.next = next
    guard isThrough else { return nil }
    var candidates = found.candidates
    guard var length = candidates.map({ $0.length }).max() else { return text.isEmpty ? [] : [.text(0..<text.count)] }

    var isTaken = [Bool](repeating: false, count: text.count)
    var placed: [(range: Range<Int>, token: TokenID)] = []
    while length > 0 {
      if hasLength[length] {
        candidates.removeAll { isTaken[$0.start] }
        for candidate in candidates where candidate.length >= length && !isTaken[candidate.start] {
          var range = candidate.start..<candidate.start + length
          guard !range.contains(where: { isTaken[$0] }), let token = search.token(range) else { continue }
          if vocabulary.attributes[Int(token)].contains(.stripsRight) {
            var end = range.upperBound
            while end < text.count, !isTaken[end], isSpace(text[end]) { end += 1 }
            range = range.lowerBound..<end
          }
          for position in range { isTaken[position] = true }
          placed.append((range, token))
        }
      }
      length -= 1
    }

    placed.sort { $0.range.lowerBound < $1.range.lowerBound }
    var fragments: [TextFragment] = []
    var position = 0
    for (range, token) in placed {
      if range.lowerBound > position { fragments.append(.text(position..<range.lowerBound)) }
      fragments.append(.token(token))
      position = range.upperBound
    }
    if position < text.count { fragments.append(.text(position..<text.count)) }
    return fragments
  }

  /// Goes on with the search for what a text spells out.
  ///
  /// - Returns: whether all of it is through.
  func look(
    for spelled: inout SpelledTokens, in text: UnsafeBufferPointer<UInt8>, vocabulary: Vocabulary, steps: inout Int
  ) -> Bool {
    let search = Search(text: text, vocabulary: vocabulary, parseSpecial: true, plain: [])
    let (joins, words) = (spelled.joins, spelled.words)
    var next = spelled.next
    defer { spelled.next = next }
    // At its end it is held to every control token.
    if next == 0 { steps -= control.count }
    return look(in: text, from: &next, steps: &steps) { start in
      // What users define is no control token, and templates look for it.
      var isFound =
        joins && beginsControl[Int(text[start])] && longestMatch(search, at: start) { !isControl($0, vocabulary) } == 0
      isFound = isFound || longestMatch(search, at: start) { isControl($0, vocabulary) } > 0
      if !isFound, start < words.upperBound, words.upperBound - start < longest[Int(text[start])] {
        let rest = UnsafeBufferPointer(rebasing: text[start..<words.upperBound])
        isFound = control.contains { vocabulary.text($0).starts(with: rest) }
      }
      guard isFound else { return }
      var place = start + 1
      while place < text.count, text[place] & 0xC0 == 0x80 { place += 1 }
      spelled.add(place)
    }
  }

  /// Goes on through a text and stops at each place where a special token may begin.
  ///
  /// - Parameter steps: how much to do: such a place takes eight steps, and eight bytes one.
  /// - Returns: whether all of it is through.
  private func look(
    in text: UnsafeBufferPointer<UInt8>, from next: inout Int, steps: inout Int, at place: (Int) -> Void
  ) -> Bool {
    while next < text.count {
      guard steps > 0 else { return false }
      let end = min(next + 1024, text.count)
      for start in next..<end where longest[Int(text[start])] > 0 {
        steps -= 8
        place(start)
      }
      steps -= (end - next) / 8
      next = end
    }
    return true
  }

  private func isControl(_ token: TokenID, _ vocabulary: Vocabulary) -> Bool {
    !vocabulary.attributes[Int(token)].isDisjoint(with: [.control, .unknown])
  }

  /// Whether a text begins with the end of a control token, or lies inside of one; with more than letters, digits and blanks
  /// of it, which every word may be.
  func continues(_ text: UnsafeBufferPointer<UInt8>, _ vocabulary: Vocabulary) -> Bool {
    guard let first = text.first else { return false }
    return control.contains { id in
      let token = vocabulary.text(id)
      return (1..<max(token.count, 1)).contains { start in
        guard token[start] == first else { return false }
        let shared = min(token.count - start, text.count)
        let part = UnsafeBufferPointer(rebasing: token[start..<start + shared])
        return part.contains { $0 >= 0x80 || !isWordByte($0) } && text.prefix(shared).elementsEqual(part)
      }
    }
  }

  private func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "_"), UInt8(ascii: " "):
      return true
    default: return false
    }
  }

  /// The length of the longest token that may be placed at `start`, or 0.
  private func longestMatch(_ search: Search, at start: Int, where isWanted: (TokenID) -> Bool = { _ in true }) -> Int {
    let (text, vocabulary) = (search.text, search.vocabulary)
    var range = beginning[Int(text[start])]
    var (found, length) = (0, 1)
    // The range has those that share `length` bytes with the text; one that has no more comes first.
    while !range.isEmpty {
      let shortest = ordered[range.lowerBound]
      if vocabulary.text(shortest).count == length {
        if search.may(shortest, cover: start..<start + length), isWanted(shortest) { found = length }
        range = range.lowerBound + 1..<range.upperBound
      }
      guard start + length < text.count, !range.isEmpty else { break }
      let byte = text[start + length]
      length += 1
      // In runs of one character all of them go on with it.
      let (first, last) = (vocabulary.text(ordered[range.lowerBound]), vocabulary.text(ordered[range.upperBound - 1]))
      if first[length - 1] == byte, last[length - 1] == byte { continue }
      let low = partition(range) { vocabulary.text($0)[length - 1] < byte }
      range = low..<partition(low..<range.upperBound) { vocabulary.text($0)[length - 1] == byte }
    }
    return found
  }

  /// Where those of an ordered range end for which a condition holds that holds for none after them.
  private func partition(_ range: Range<Int>, _ belongs: (TokenID) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if belongs(ordered[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// C's `isspace`.
  private func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }

  private struct Search {
    let text: UnsafeBufferPointer<UInt8>
    let vocabulary: Vocabulary
    let parseSpecial: Bool
    let plain: [Int]

    /// The special token spelled in `range`, if it is one that is looked for.
    func token(_ range: Range<Int>) -> TokenID? {
      let token = vocabulary.id(of: UnsafeBufferPointer(rebasing: text[range]))
      return token.flatMap { may($0, cover: range) ? $0 : nil }
    }

    /// Whether a token that is spelled in `range` is one that is looked for.
    func may(_ token: TokenID, cover range: Range<Int>) -> Bool {
      let attributes = vocabulary.attributes[Int(token)]
      let isControl = !attributes.isDisjoint(with: [.control, .unknown])
      return (isControl ? parseSpecial : attributes.contains(.userDefined)) && !isPlain(range)
    }

    /// Whether one of the places lies inside of the range.
    private func isPlain(_ range: Range<Int>) -> Bool {
      var (low, high) = (0, plain.count)
      while low < high {
        let middle = (low + high) / 2
        if plain[middle] > range.lowerBound { high = middle } else { low = middle + 1 }
      }
      return low < plain.count && plain[low] < range.upperBound
    }
  }
}
