/// Finds the ends of words in `text[..<end]` for the pre-tokenizers' regular expressions.
struct WordScanner {
  /// One character of the text; a byte that is not UTF-8 counts as one character of class `.other`.
  struct Character {
    var scalar: UInt32
    var `class`: CharacterClass
    /// Where the next character begins.
    var end: Int

    var isNewline: Bool { scalar == 0x0A || scalar == 0x0D }
    /// `[^\s\p{L}\p{N}]`
    var isOther: Bool { `class` == .other || `class` == .punctuation }
    /// `[\p{P}$+<=>^~|]`
    var separates: Bool {
      switch scalar {
      case 0x24, 0x2B, 0x3C...0x3E, 0x5E, 0x7C, 0x7E: true
      default: `class` == .punctuation
      }
    }
  }

  let text: UnsafeBufferPointer<UInt8>
  let classes: CharacterClasses
  /// Characters from here on are not there: what follows a segment is its end of text.
  var end: Int

  @inline(__always)
  func character(at position: Int) -> Character {
    let step = UTF8Step(text, at: position)
    return Character(scalar: step.scalar, class: classes[step.scalar], end: position + step.length)
  }

  /// The end of the longest run of characters from `start` that satisfy `condition`.
  @inline(__always)
  func runEnd(from start: Int, limit: Int? = nil, while condition: (Character) -> Bool) -> Int {
    let limit = limit ?? end
    var position = start
    while position < limit {
      let next = character(at: position)
      guard condition(next) else { break }
      position = next.end
    }
    return position
  }

  /// The end of GPT-2's word at `start`.
  func gpt2WordEnd(from start: Int) -> Int {
    if let end = contractionEnd(from: start, ignoringCase: false) { return end }
    var first = character(at: start)
    // " ?" before letters, numbers and the rest: the space belongs to the word when something visible follows it.
    if first.scalar == 0x20, first.end < end {
      let second = character(at: first.end)
      if second.class != .whitespace { first = second }
    }
    switch first.class {
    case .letter: return runEnd(from: first.end) { $0.class == .letter }
    case .number: return runEnd(from: first.end) { $0.class == .number }
    case .other, .punctuation: return runEnd(from: first.end) { $0.isOther }
    case .whitespace: return whitespaceEnd(from: start).words
    }
  }

  /// The end of Llama 3's word at `start`; `digits` is how many digits make a word at most.
  func llama3WordEnd(from start: Int, digits: Int) -> Int {
    if let end = contractionEnd(from: start, ignoringCase: true) { return end }
    let first = character(at: start)
    if first.class == .number {
      var position = first.end
      var count = 1
      while count < digits, position < end {
        let next = character(at: position)
        guard next.class == .number else { break }
        position = next.end
        count += 1
      }
      return position
    }
    // [^\r\n\p{L}\p{N}]?\p{L}+
    let second = first.end < end ? character(at: first.end) : nil
    if first.class == .letter || !first.isNewline && second?.class == .letter {
      return runEnd(from: first.end) { $0.class == .letter }
    }
    //  ?[^\s\p{L}\p{N}]+[\r\n]*
    if let visible = first.scalar == 0x20 ? second : first, visible.isOther {
      let others = runEnd(from: visible.end) { $0.isOther }
      return runEnd(from: others) { $0.isNewline }
    }
    // \s*[\r\n]+|\s+(?!\S)|\s+
    let whitespace = whitespaceEnd(from: start)
    return whitespace.newlines ?? whitespace.words
  }

  /// The end of `'s|'t|'m|'d|'re|'ve|'ll` at `start`, or nil when none stands there.
  private func contractionEnd(from start: Int, ignoringCase: Bool) -> Int? {
    guard text[start] == 0x27, start + 1 < end else { return nil }
    let fold: UInt8 = ignoringCase ? 0x20 : 0
    switch text[start + 1] | fold {
    case 0x73, 0x74, 0x6D, 0x64: return start + 2
    default: break
    }
    guard start + 2 < end else { return nil }
    switch (text[start + 1] | fold, text[start + 2] | fold) {
    case (0x72, 0x65), (0x76, 0x65), (0x6C, 0x6C): return start + 3
    default: return nil
    }
  }

  /// Ends in the run of whitespace at `start`: `words` by `\s+(?!\S)|\s+`, `newlines` by `\s*[\r\n]+` if that matches.
  private func whitespaceEnd(from start: Int) -> (words: Int, newlines: Int?) {
    var position = start
    var last = start
    var newlines: Int?
    while position < end {
      let next = character(at: position)
      guard next.class == .whitespace else { break }
      last = position
      position = next.end
      if next.isNewline { newlines = position }
    }
    // What is followed by something visible leaves its last character to the next word.
    return (position < end && last > start ? last : position, newlines)
  }
}
