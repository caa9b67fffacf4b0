/// WordPiece (Devlin et al. 2019): text is folded and cut into words, and of each word the longest beginning that is a token
/// is taken, then the longest of the rest. A word with a rest that no token begins is unknown.
///
/// Of the vocabulary, tokens that begin a word begin with U+2581.
struct WordPieceModel {
  private let folding = Folding()
  private let classes = CharacterClasses()
  /// What stands for a word that the vocabulary cannot express, or -1.
  private let unknown: TokenID

  init(unknown: TokenID?) {
    self.unknown = unknown ?? -1
  }

  /// Goes on with `text`, and appends the tokens of each word.
  ///
  /// - Returns: whether it is through.
  func advance(
    _ stretch: inout TextStretch, of text: UnsafeBufferPointer<UInt8>, vocabulary: Vocabulary, steps: inout Int,
    into tokens: inout [TokenID]
  ) -> Bool {
    while true {
      if stretch.phase == .merging {
        guard match(&stretch, vocabulary, steps: &steps, into: &tokens) else { return false }
        stretch.escaped.removeAll(keepingCapacity: true)
        stretch.phase = .between
      }
      guard stretch.built < text.count || !stretch.escaped.isEmpty else { return true }
      guard steps > 0 else { return false }
      steps -= 1
      if stretch.built == text.count || endsWord(&stretch, text) {
        stretch.phase = .merging
        (stretch.matched, stretch.pieces) = (0, 0)
      }
    }
  }

  /// Takes the next character.
  ///
  /// - Returns: whether a word is whole. Then the character may still be there, to begin the next one.
  private func endsWord(_ stretch: inout TextStretch, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
    let step = UTF8Step(text, at: stretch.built)
    let kind = classes[step.scalar]
    let isBegun = !stretch.escaped.isEmpty
    if kind == .whitespace {
      stretch.built += step.length
      return isBegun
    }
    let scalar = step.kind == .scalar ? folding[step.scalar] : 0
    guard scalar != 0, scalar != 0xFFFD, classes[scalar] != .mark else {
      stretch.built += step.length
      return false
    }
    let folded = classes[scalar]
    let isAlone = folded == .punctuation || (folded == .symbol && scalar < 0x7F) || Self.isIdeograph(scalar)
    if isAlone, isBegun { return true }
    stretch.built += step.length
    if !isBegun {
      stretch.escaped += [
        SentencePieceModel.spaceMark.0, SentencePieceModel.spaceMark.1, SentencePieceModel.spaceMark.2,
      ]
    }
    UTF8Text.append(scalar, to: &stretch.escaped)
    return isAlone
  }

  /// Takes the longest tokens of a word, one after the other.
  ///
  /// - Returns: whether the word is through.
  private func match(
    _ stretch: inout TextStretch, _ vocabulary: Vocabulary, steps: inout Int, into tokens: inout [TokenID]
  ) -> Bool {
    while stretch.matched < stretch.escaped.count {
      guard steps > 0 else { return false }
      var (longest, found) = (0, TokenID(-1))
      stretch.escaped.withUnsafeBufferPointer { word in
        vocabulary.eachToken(beginning: word, at: stretch.matched) { length, token in (longest, found) = (length, token)
        }
      }
      steps -= vocabulary.steps(lookingAt: stretch.escaped.count - stretch.matched)
      guard found >= 0 else {
        tokens.removeLast(stretch.pieces)
        if unknown >= 0 { tokens.append(unknown) }
        return true
      }
      tokens.append(found)
      stretch.pieces += 1
      stretch.matched += longest
    }
    return true
  }

  /// Whether a character is a word of its own: ideographs, in BERT's ranges.
  private static func isIdeograph(_ scalar: UInt32) -> Bool {
    switch scalar {
    case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B920...0x2CEAF, 0x2F800...0x2FA1F:
      true
    default: false
    }
  }
}

extension Vocabulary {
  /// What a look for tokens costs in so many bytes, beside the merge of two neighbours.
  func steps(lookingAt count: Int) -> Int { 1 + min(count, longestText) / 4 }

  /// Calls `body` with each token that `text` has from `start` on, the shortest first.
  @inline(__always)
  func eachToken(beginning text: UnsafeBufferPointer<UInt8>, at start: Int, _ body: (Int, TokenID) -> Void) {
    var hash = TextHash()
    for length in 1..<max(2, min(longestText, text.count - start) + 1) {
      hash.combine(text[start + length - 1])
      let part = UnsafeBufferPointer(rebasing: text[start..<start + length])
      if let token = id(of: part, hash: hash.value) { body(length, token) }
    }
  }
}
