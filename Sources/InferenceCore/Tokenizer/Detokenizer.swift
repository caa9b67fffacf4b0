/// Turns tokens into text as they come, releasing only whole UTF-8 characters.
public struct Detokenizer {
  private var tokenizer: Tokenizer
  private let skipsControlTokens: Bool
  /// Whether the next text begins the whole and loses the space that encoding put there.
  private var removesSpace: Bool
  /// The beginning of a character whose other bytes are still to come: at most three bytes.
  private var pending: [UInt8] = []

  /// - Parameters:
  ///   - skipsControlTokens: whether control tokens leave no trace, or appear by name.
  ///   - removesSpacePrefix: whether the tokens begin a text, so that the space which ``Tokenizer/addsSpacePrefix``
  ///     put before it goes. False for text that continues a prompt, where a leading space is meant.
  public init(_ tokenizer: Tokenizer, skipsControlTokens: Bool = true, removesSpacePrefix: Bool = false) {
    self.tokenizer = tokenizer
    self.skipsControlTokens = skipsControlTokens
    removesSpace = removesSpacePrefix && tokenizer.addsSpacePrefix
  }

  /// Goes on with another tokenizer of the same model.
  public mutating func goOn(with other: Tokenizer) {
    tokenizer = other
  }

  /// Takes one token and returns the characters that are complete with it. Bytes that cannot become a character come
  /// out as U+FFFD.
  public mutating func append(_ id: TokenID) -> [UInt8] {
    let isControl = tokenizer.isControl(id)
    if isControl && skipsControlTokens { return [] }
    pending += tokenizer.piece(id)
    if removesSpace, !pending.isEmpty, !isControl {
      removesSpace = false
      if pending[0] == 0x20 { pending.removeFirst() }
    }
    return release(all: false)
  }

  /// Ends the text: an incomplete character comes out as U+FFFD. The detokenizer may then begin a continuation.
  public mutating func finish() -> [UInt8] {
    release(all: true)
  }

  private mutating func release(all: Bool) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(pending.count)
    var position = 0
    pending.withUnsafeBufferPointer { pending in
      while position < pending.count {
        let step = UTF8Step(pending, at: position)
        if step.kind == .truncated && !all { break }
        if step.kind == .scalar {
          for offset in 0..<step.length { text.append(pending[position + offset]) }
        } else {
          text.append(0xEF)
          text.append(0xBF)
          text.append(0xBD)
        }
        position += step.length
      }
    }
    pending.removeFirst(position)
    return text
  }
}
