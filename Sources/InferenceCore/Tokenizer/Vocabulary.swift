/// What kind of token an entry of the vocabulary is: a set, since text-based detection adds to the file's one type.
struct TokenAttributes: OptionSet, Sendable {
  let rawValue: UInt8

  static let unknown = TokenAttributes(rawValue: 1 << 0)
  static let unused = TokenAttributes(rawValue: 1 << 1)
  static let normal = TokenAttributes(rawValue: 1 << 2)
  static let control = TokenAttributes(rawValue: 1 << 3)
  static let userDefined = TokenAttributes(rawValue: 1 << 4)
  /// A SentencePiece fallback for one byte, `<0x41>`.
  static let byte = TokenAttributes(rawValue: 1 << 5)
  /// Swallows the whitespace that follows it in text.
  static let stripsRight = TokenAttributes(rawValue: 1 << 6)

  /// The attributes that `tokenizer.ggml.token_type` gives by number; numbers it does not define give none.
  init(tokenType: Int64) {
    switch tokenType {
    case 1: self = .normal
    case 2: self = .unknown
    case 3: self = .control
    case 4: self = .userDefined
    case 5: self = .unused
    case 6: self = .byte
    default: self = []
    }
  }

  init(rawValue: UInt8) {
    self.rawValue = rawValue
  }
}

/// The tokens' texts, read in place from the mapped file, with an index from text to id.
struct Vocabulary {
  /// Where a token's text stands, relative to the first text.
  private struct Span {
    var start: UInt32
    var length: UInt32
  }

  private let base: UnsafePointer<UInt8>
  private let spans: [Span]
  private var index: HashIndex
  var attributes: [TokenAttributes]
  /// Bytes of the longest text.
  let longestText: Int

  var count: Int { spans.count }

  /// Indexes the texts of `tokens`, whose bytes must outlive the vocabulary. Of equal texts the first keeps the name.
  init(tokens: GGUFArray, types: GGUFArray?) throws(TokenizerError) {
    let count = tokens.count
    var spans: [Span] = []
    spans.reserveCapacity(count)
    var base: UnsafePointer<UInt8>?
    var longest = 0
    var isTooFar = false
    tokens.forEachString { text in
      guard let start = text.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
        spans.append(Span(start: 0, length: 0))
        return
      }
      if base == nil { base = start }
      let distance = base.map { start - $0 } ?? 0
      if let offset = UInt32(exactly: distance), let length = UInt32(exactly: text.count) {
        spans.append(Span(start: offset, length: length))
      } else {
        isTooFar = true
      }
      longest = max(longest, text.count)
    }
    guard let base, !isTooFar, spans.count == count else {
      throw TokenizerError(
        .malformed, "Expected tokenizer.ggml.tokens to be less than 4 GB of texts, found \(count) entries without.")
    }
    self.base = base
    self.spans = spans
    longestText = longest

    var index = HashIndex(capacity: count)
    for (id, span) in spans.enumerated() where span.length > 0 {
      let text = UnsafeBufferPointer(start: base + Int(span.start), count: Int(span.length))
      var hash = TextHash()
      hash.combine(text)
      index.insert(id, hash: hash.value) { other in
        Self.isEqual(text, base + Int(spans[other].start), Int(spans[other].length))
      }
    }
    guard !index.isExhausted else {
      throw TokenizerError(.malformed, "Expected the texts of tokenizer.ggml.tokens to differ, found mass collisions.")
    }
    self.index = index

    if let types {
      guard types.count >= count else {
        throw TokenizerError(
          .malformed,
          "Expected one entry of tokenizer.ggml.token_type for each of \(count) tokens, found \(types.count).")
      }
      attributes = (0..<count).map { TokenAttributes(tokenType: types.int(at: $0)) }
    } else {
      attributes = [TokenAttributes](repeating: .normal, count: count)
    }
  }

  /// The text of a token as the file has it.
  @inline(__always)
  func text(_ id: TokenID) -> UnsafeBufferPointer<UInt8> {
    let span = spans[Int(id)]
    return UnsafeBufferPointer(start: base + Int(span.start), count: Int(span.length))
  }

  func contains(_ id: TokenID) -> Bool {
    id >= 0 && Int(id) < spans.count
  }

  /// The token with exactly this text.
  func id(of text: UnsafeBufferPointer<UInt8>) -> TokenID? {
    var hash = TextHash()
    hash.combine(text)
    return id(of: text, hash: hash.value)
  }

  /// The token with exactly this text, whose hash is known.
  @inline(__always)
  func id(of text: UnsafeBufferPointer<UInt8>, hash: UInt32) -> TokenID? {
    let found = index.find(hash: hash) { entry in
      Self.isEqual(text, base + Int(spans[entry].start), Int(spans[entry].length))
    }
    return found.map { TokenID($0) }
  }

  /// The token whose text is `left` followed by `right`, under the hash of both together.
  @inline(__always)
  func id(of left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>, hash: UInt32) -> TokenID? {
    let found = index.find(hash: hash) { isText(TokenID($0), left, right) }
    return found.map { TokenID($0) }
  }

  /// Whether `id` is a token and its text is `left` followed by `right`.
  @inline(__always)
  func isText(_ id: TokenID, _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    guard contains(id) else { return false }
    let other = base + Int(spans[Int(id)].start)
    let rest = Int(spans[Int(id)].length) - left.count
    return rest >= 0 && Self.isEqual(left, other, left.count) && Self.isEqual(right, other + left.count, rest)
  }

  func id(of text: StaticString) -> TokenID? {
    id(of: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  @inline(__always)
  private static func isEqual(
    _ text: UnsafeBufferPointer<UInt8>, _ other: UnsafePointer<UInt8>, _ otherCount: Int
  ) -> Bool {
    guard text.count == otherCount else { return false }
    for offset in 0..<otherCount where text[offset] != other[offset] { return false }
    return true
  }
}
