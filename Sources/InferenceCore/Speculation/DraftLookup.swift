/// Guesses the next tokens of a sequence: those that followed its last tokens when these occurred before.
///
/// Saxena, “Prompt Lookup Decoding”, 2023. Of the places where the last tokens occurred before, it takes the one where
/// most of them agree and of several such ones the latest. A token costs a fixed number of steps.
package struct DraftLookup {
  /// Most last tokens that a place is found by.
  static let longestKey = 3
  /// Most last tokens that are compared with those before a place.
  static let longestMatch = 16

  private var tokens: [TokenID] = []
  /// By the hash of one to ``longestKey`` tokens: the position after their latest occurrence, or 0. Keys with the same
  /// slot replace each other, which only loses a guess, since what is found is compared.
  private var positions: [UInt32]
  /// The position of the token that is likely to come next.
  private var next: Int?
  /// How many of the last tokens are the same as those before ``next``, at most ``longestMatch``; 0 without a guess.
  private(set) var matchLength = 0

  /// - Parameter capacity: How long the sequence may become. The index takes 16 to 32 bytes of each token, at least
  ///   4 KB and at most 1 MB.
  package init(capacity: Int) {
    var slots = 1024
    while slots < 4 * capacity, slots < 1 << 18 { slots *= 2 }
    positions = [UInt32](repeating: 0, count: slots)
  }

  /// The token that is likely to come next.
  var guess: TokenID? { next.map { tokens[$0] } }

  /// Takes the next token of the sequence.
  package mutating func append(_ id: TokenID) {
    if let followed = next, tokens[followed] == id {
      next = followed + 1
      matchLength = min(matchLength + 1, Self.longestMatch)
    } else {
      next = nil
      matchLength = 0
    }
    tokens.append(id)
    var hash: UInt64 = 0
    for length in 1...min(Self.longestKey, tokens.count) {
      hash = (hash ^ UInt64(UInt32(bitPattern: tokens[tokens.count - length])) &+ 1) &* 0x9E37_79B9_7F4A_7C15
      let slot = Int(truncatingIfNeeded: hash >> 40) & (positions.count - 1)
      let found = Int(positions[slot])
      positions[slot] = UInt32(truncatingIfNeeded: tokens.count)
      // Keys of these very tokens may have had the same slot.
      guard found > 0, found < tokens.count else { continue }
      let match = agreement(before: found)
      // Where a longer key occurred is later than, or the same as, any other place that agrees as far.
      if match >= length, match >= matchLength {
        next = found
        matchLength = match
      }
    }
  }

  /// The tokens that are likely to come next, `count` of them unless there is no guess.
  ///
  /// Where they run into the sequence's end they go on with the guess itself, as in a loop.
  package func draft(_ count: Int) -> [TokenID] {
    guard let next else { return [] }
    var draft = [TokenID]()
    draft.reserveCapacity(count)
    for position in next..<next + max(0, count) {
      draft.append(position < tokens.count ? tokens[position] : draft[position - tokens.count])
    }
    return draft
  }

  /// How many of the last tokens are the same as those before a position.
  private func agreement(before position: Int) -> Int {
    var length = 0
    while length < min(position, Self.longestMatch),
      tokens[position - 1 - length] == tokens[tokens.count - 1 - length]
    { length += 1 }
    return length
  }
}
