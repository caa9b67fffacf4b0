/// A unigram language model (Kudo 2018): of all ways to cut a text into tokens, that with the largest sum of scores, found by
/// Viterbi's algorithm.
struct UnigramModel {
  private let scores: GGUFArray
  /// Of a character without a token: 10 below the least likely one.
  private let unknownScore: Double
  private let unknown: TokenID
  private let characters: CharacterMap
  /// Runs of spaces become one.
  private let mergesSpaces: Bool
  private let longestDefined: Int

  /// The best way to a place in the text.
  struct Path {
    var token: TokenID
    /// Where the token begins.
    var start: Int
    var score: Double
  }

  init(
    vocabulary: Vocabulary, scores: GGUFArray?, unknown: TokenID?, characters: CharacterMap, mergesSpaces: Bool
  ) throws(TokenizerError) {
    guard let scores, scores.count >= vocabulary.count, let unknown else {
      throw TokenizerError(
        .malformed,
        "Expected one entry of tokenizer.ggml.scores for each of \(vocabulary.count) tokens, found "
          + "\(scores?.count ?? 0), and an unknown token.")
    }
    self.scores = scores
    self.unknown = unknown
    self.characters = characters
    self.mergesSpaces = mergesSpaces
    var (least, longest) = (Double(Float.greatestFiniteMagnitude), 0)
    for (id, attributes) in vocabulary.attributes.enumerated() {
      if attributes.contains(.normal) { least = min(least, scores.float(at: id)) }
      if attributes.contains(.userDefined) { longest = max(longest, vocabulary.text(TokenID(id)).count) }
    }
    unknownScore = Double(Float(least) - 10)
    longestDefined = longest
  }

  /// Goes on with `text`, before which goes a space if `addsSpace`, and at its end appends its tokens.
  ///
  /// - Returns: whether it is through.
  func advance(
    _ stretch: inout TextStretch, of text: UnsafeBufferPointer<UInt8>, addsSpace: Bool, vocabulary: Vocabulary,
    steps: inout Int, into tokens: inout [TokenID]
  ) -> Bool {
    if stretch.phase == .between {
      stretch.phase = .building
      stretch.escaped.reserveCapacity(text.count + text.count / 2 + 3)
    }
    if stretch.phase == .building {
      while stretch.built < text.count {
        guard steps > 0 else { return false }
        steps -= 1
        normalize(&stretch, text, addsSpace: addsSpace, vocabulary)
      }
      guard !stretch.escaped.isEmpty else { return true }
      stretch.phase = .merging
      stretch.paths = Array(
        repeating: Path(token: unknown, start: 0, score: -Double.greatestFiniteMagnitude),
        count: stretch.escaped.count + 1)
      stretch.paths[0].score = 0
    }
    while stretch.matched < stretch.escaped.count {
      guard steps > 0 else { return false }
      steps -= vocabulary.steps(lookingAt: stretch.escaped.count - stretch.matched)
      step(&stretch, vocabulary)
    }
    collect(stretch, into: &tokens)
    return true
  }

  /// Appends what the next characters become, with marks for spaces.
  private func normalize(
    _ stretch: inout TextStretch, _ text: UnsafeBufferPointer<UInt8>, addsSpace: Bool, _ vocabulary: Vocabulary
  ) {
    let start = stretch.built
    let replaced: UnsafeBufferPointer<UInt8>
    if let length = definedLength(text, at: start, vocabulary) {
      replaced = UnsafeBufferPointer(rebasing: text[start..<start + length])
      stretch.built += length
    } else if let (length, replacement) = characters.longestMatch(text, at: start) {
      replaced = replacement
      stretch.built += length
    } else {
      let step = UTF8Step(text, at: start)
      guard step.kind == .scalar else {
        stretch.built += 1
        for byte in [0xEF, 0xBF, 0xBD] as [UInt8] { append(byte, &stretch, addsSpace) }
        return
      }
      replaced = UnsafeBufferPointer(rebasing: text[start..<start + step.length])
      stretch.built += step.length
    }
    for byte in replaced { append(byte, &stretch, addsSpace) }
  }

  private func append(_ byte: UInt8, _ stretch: inout TextStretch, _ addsSpace: Bool) {
    func mark() {
      stretch.escaped.append(SentencePieceModel.spaceMark.0)
      stretch.escaped.append(SentencePieceModel.spaceMark.1)
      stretch.escaped.append(SentencePieceModel.spaceMark.2)
    }
    guard byte != 0x20 else {
      stretch.isInWord = false
      if !mergesSpaces { mark() }
      return
    }
    if !stretch.isInWord, (addsSpace && !stretch.hasSpace) || mergesSpaces {
      mark()
      stretch.hasSpace = true
    }
    stretch.isInWord = true
    stretch.escaped.append(byte)
  }

  /// Bytes of the longest token that users defined and the text has here, which stays as it is.
  private func definedLength(_ text: UnsafeBufferPointer<UInt8>, at start: Int, _ vocabulary: Vocabulary) -> Int? {
    guard longestDefined > 0 else { return nil }
    var longest: Int?
    let rest = UnsafeBufferPointer(rebasing: text[..<min(text.count, start + longestDefined)])
    vocabulary.eachToken(beginning: rest, at: start) { length, token in
      if vocabulary.attributes[Int(token)].contains(.userDefined) { longest = length }
    }
    return longest
  }

  /// Goes on from one place to those where tokens end that begin here.
  private func step(_ stretch: inout TextStretch, _ vocabulary: Vocabulary) {
    let start = stretch.matched
    let best = stretch.paths[start].score
    let count = stretch.escaped.count
    let lead = stretch.escaped[start]
    let length = min(lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4, count - start)
    var hasOwn = false
    let escaped = stretch.escaped
    escaped.withUnsafeBufferPointer { text in
      vocabulary.eachToken(beginning: text, at: start) { found, token in
        let attributes = vocabulary.attributes[Int(token)]
        guard !attributes.isDisjoint(with: [.normal, .userDefined, .unused]) else { return }
        if found == length { hasOwn = true }
        let score = best + (attributes.contains(.userDefined) ? 0 : scores.float(at: Int(token)))
        if score > stretch.paths[start + found].score {
          stretch.paths[start + found] = Path(token: token, start: start, score: score)
        }
      }
    }
    if !hasOwn, best + unknownScore > stretch.paths[start + length].score {
      stretch.paths[start + length] = Path(token: unknown, start: start, score: best + unknownScore)
    }
    stretch.matched += length
  }

  /// Follows the best way back. Unknown characters that follow each other are one unknown token.
  private func collect(_ stretch: TextStretch, into tokens: inout [TokenID]) {
    var way: [TokenID] = []
    var place = stretch.escaped.count
    while place > 0 {
      let path = stretch.paths[place]
      if path.token != unknown || way.last != unknown { way.append(path.token) }
      place = path.start
    }
    tokens += way.reversed()
  }
}
