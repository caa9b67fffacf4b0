/// A stretch of text between special tokens, or one of them.
enum TextFragment {
  case text(Range<Int>)
  case token(TokenID)
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
  private let ids: [TokenID]

  /// Special are control, unknown and user-defined tokens.
  init(vocabulary: Vocabulary) {
    var hasLength = [false]
    var longest = [Int](repeating: 0, count: 256)
    var ids: [TokenID] = []
    for (id, attributes) in vocabulary.attributes.enumerated()
    where !attributes.isDisjoint(with: [.control, .unknown, .userDefined]) {
      let text = vocabulary.text(TokenID(id))
      guard let first = text.first else { continue }
      ids.append(TokenID(id))
      while hasLength.count <= text.count { hasLength.append(false) }
      hasLength[text.count] = true
      longest[Int(first)] = max(longest[Int(first)], text.count)
    }
    self.hasLength = hasLength
    self.longest = longest
    self.ids = ids
  }

  /// Splits `text` at the special tokens in it.
  ///
  /// - Parameters:
  ///   - parseSpecial: whether control tokens are looked for; user-defined ones always are.
  ///   - plain: places, ascending, whose byte before them belongs to no special token.
  func split(
    _ text: UnsafeBufferPointer<UInt8>, vocabulary: Vocabulary, parseSpecial: Bool, plain: [Int]
  ) -> [TextFragment] {
    let search = Search(text: text, vocabulary: vocabulary, parseSpecial: parseSpecial, plain: plain)
    // Where special tokens may begin, and the length of the longest one there.
    var candidates: [(start: Int, length: Int)] = []
    var length = 0
    for start in 0..<text.count where longest[Int(text[start])] > 0 {
      let found = longestMatch(search, at: start)
      if found > 0 {
        candidates.append((start, found))
        length = max(length, found)
      }
    }
    guard !candidates.isEmpty else { return text.isEmpty ? [] : [.text(0..<text.count)] }

    var isTaken = [Bool](repeating: false, count: text.count)
    var placed: [(range: Range<Int>, token: TokenID)] = []
    while length > 0 {
      if hasLength[length] {
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

  /// The places after the first character of special tokens in `text`, and of those whose beginning is its end.
  func spelledTokens(
    in text: UnsafeBufferPointer<UInt8>, vocabulary: Vocabulary, where isWanted: (TokenID) -> Bool
  ) -> [Int] {
    let search = Search(text: text, vocabulary: vocabulary, parseSpecial: true, plain: [])
    var places: [Int] = []
    for start in 0..<text.count where longest[Int(text[start])] > 0 {
      let rest = UnsafeBufferPointer(rebasing: text[start...])
      var isFound = longestMatch(search, at: start, where: isWanted) > 0
      if !isFound, rest.count < longest[Int(text[start])] {
        isFound = ids.contains { vocabulary.text($0).starts(with: rest) && isWanted($0) }
      }
      guard isFound else { continue }
      var end = start + 1
      while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
      places.append(end)
    }
    return places
  }

  /// The length of the longest token that may be placed at `start`, or 0.
  private func longestMatch(_ search: Search, at start: Int, where isWanted: (TokenID) -> Bool = { _ in true }) -> Int {
    var found = 0
    var hash = TextHash()
    let limit = min(longest[Int(search.text[start])], search.text.count - start)
    for length in 1...limit {
      hash.combine(search.text[start + length - 1])
      guard hasLength[length], let token = search.token(start..<start + length, hash: hash) else { continue }
      if isWanted(token) { found = length }
    }
    return found
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
    func token(_ range: Range<Int>, hash: TextHash) -> TokenID? {
      let slice = UnsafeBufferPointer(rebasing: text[range])
      guard let token = vocabulary.id(of: slice, hash: hash.value), !isPlain(range) else { return nil }
      let attributes = vocabulary.attributes[Int(token)]
      if !attributes.isDisjoint(with: [.control, .unknown]) { return parseSpecial ? token : nil }
      return attributes.contains(.userDefined) ? token : nil
    }

    /// Whether a byte of the range is before one of the places.
    private func isPlain(_ range: Range<Int>) -> Bool {
      var (low, high) = (0, plain.count)
      while low < high {
        let middle = (low + high) / 2
        if plain[middle] > range.lowerBound { high = middle } else { low = middle + 1 }
      }
      return low < plain.count && plain[low] <= range.upperBound
    }

    func token(_ range: Range<Int>) -> TokenID? {
      var hash = TextHash()
      hash.combine(UnsafeBufferPointer(rebasing: text[range]))
      return token(range, hash: hash)
    }
  }
}
