/// A text on its way to becoming tokens, one slice of work at a time, so that nothing waits for a long one.
public final class TextEncoding {
  /// The tokens so far.
  public private(set) var tokens: [TokenID] = []

  private let tokenizer: Tokenizer
  private var text: [UInt8]
  /// A text that follows, between tokens that separate them.
  private var following: [UInt8]?
  private let parsesSpecial: Bool
  private let plain: [Int]
  private var search = SpecialTokenSearch()
  /// Nil before the text was split.
  private var fragments: [TextFragment]?
  /// Whether what stands after the text is there, if anything does.
  private var isEnded: Bool
  private var nextFragment = 0
  private var followsSpecial = true
  private var stretch = TextStretch()

  /// - Parameters: as of ``Tokenizer/encode(_:addSpecial:parseSpecial:plain:)``.
  public init(_ text: [UInt8], addSpecial: Bool, parseSpecial: Bool, plain: [Int] = [], tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    self.text = text
    parsesSpecial = parseSpecial
    self.plain = plain
    isEnded = !addSpecial
    if addSpecial, tokenizer.addsBeginOfText, let begin = tokenizer.beginOfText { tokens.append(begin) }
  }

  /// Two texts as one, with the tokens around and between them that the model expects.
  public convenience init(_ text: [UInt8], followedBy other: [UInt8], tokenizer: Tokenizer) {
    self.init(text, addSpecial: true, parseSpecial: false, tokenizer: tokenizer)
    following = other
  }

  /// Bytes of the text.
  public var byteCount: Int { text.count + (following?.count ?? 0) }

  /// Goes on with the text.
  ///
  /// - Parameter steps: About how many merges of neighbours to look at; an ordinary text has up to four for each byte.
  /// - Returns: whether ``tokens`` are the whole text's.
  public func advance(steps: Int = .max) -> Bool {
    var steps = max(1, steps)
    let text = text
    let split =
      fragments
      ?? tokenizer.fragments(of: text, parseSpecial: parsesSpecial, plain: plain, search: &search, steps: &steps)
    guard let fragments = split else { return false }
    self.fragments = fragments
    search = SpecialTokenSearch()
    while nextFragment < fragments.count {
      switch fragments[nextFragment] {
      case .token(let token):
        tokens.append(token)
        followsSpecial = true
      case .text(let range):
        let isThrough = text.withUnsafeBufferPointer { text in
          tokenizer.advance(
            &stretch, of: UnsafeBufferPointer(rebasing: text[range]), followsSpecial: followsSpecial, steps: &steps,
            into: &tokens)
        }
        guard isThrough else { return false }
        stretch.clear()
        followsSpecial = false
      }
      nextFragment += 1
    }
    if !isEnded, let end = tokenizer.lastToken { tokens.append(end) }
    if let following {
      if let between = tokenizer.tokenBetween { tokens.append(between) }
      (self.text, self.fragments, self.following, nextFragment, followsSpecial) = (following, nil, nil, 0, true)
      return advance(steps: steps)
    }
    isEnded = true
    return true
  }
}

/// How far the text between two special tokens has come.
struct TextStretch {
  enum Phase {
    /// Nothing is begun.
    case between
    /// The chain gets its symbols.
    case building
    case merging
  }

  var phase = Phase.between
  /// Byte-level BPE: the words that are through, and the one that is being merged.
  var words = WordCursor()
  var word = 0..<0
  /// SentencePiece: the text with its spaces marked.
  var escaped: [UInt8] = []
  /// Bytes of the word or the text that the chain has.
  var built = 0
  /// What is being merged.
  var chain = SymbolChain()
  /// WordPiece: bytes of the word that have their tokens, and how many those are. Unigrams: bytes that were looked at, and the
  /// best way to each place.
  var matched = 0
  var pieces = 0
  var paths: [UnigramModel.Path] = []
  /// Unigrams: whether the last character was no space, and whether a space was put before the text.
  var isInWord = false
  var hasSpace = false

  mutating func clear() {
    phase = .between
    words = WordCursor()
    escaped.removeAll(keepingCapacity: true)
    built = 0
    chain.removeAll()
    (matched, pieces, isInWord, hasSpace) = (0, 0, false, false)
    paths = []
  }
}
