/// How text is cut into words before byte-level BPE merges bytes inside each word.
///
/// Every case is one regular expression (or a sequence of them) of a published tokenizer, written out as a scanner.
package enum PreTokenizer: UInt8, Sendable {
  /// GPT-2: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  case gpt2
  /// Every digit on its own, then GPT-2's words between the digits.
  case smollm
  /// Llama 3: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
  case llama3
  /// Qwen 2: Llama 3's expression with single digits.
  case qwen2
  /// llama.cpp's own for files that name none: runs of punctuation apart, then GPT-2's words, then runs of digits
  /// apart and cut into threes.
  case standard

  /// The next word of `text`; together the words are the whole text. Nil at its end.
  package func nextWord(
    in text: UnsafeBufferPointer<UInt8>, classes: CharacterClasses, after cursor: inout WordCursor
  ) -> UnsafeBufferPointer<UInt8>? {
    let start = cursor.position
    guard start < text.count else { return nil }
    var scanner = WordScanner(text: text, classes: classes, end: text.count)
    switch self {
    case .gpt2: cursor.position = scanner.gpt2WordEnd(from: start)
    case .llama3: cursor.position = scanner.llama3WordEnd(from: start, digits: 3)
    case .qwen2: cursor.position = scanner.llama3WordEnd(from: start, digits: 1)
    case .smollm: cursor.position = Self.smollmWordEnd(&scanner, start, &cursor)
    case .standard: cursor.position = Self.standardWordEnd(&scanner, start, &cursor)
    }
    return UnsafeBufferPointer(rebasing: text[start..<cursor.position])
  }

  private static func smollmWordEnd(_ scanner: inout WordScanner, _ start: Int, _ cursor: inout WordCursor) -> Int {
    if start >= cursor.sectionEnd {
      let first = scanner.character(at: start)
      if first.class == .number { return first.end }
      cursor.sectionEnd = scanner.runEnd(from: first.end) { $0.class != .number }
    }
    scanner.end = cursor.sectionEnd
    return scanner.gpt2WordEnd(from: start)
  }

  private static func standardWordEnd(_ scanner: inout WordScanner, _ start: Int, _ cursor: inout WordCursor) -> Int {
    if start >= cursor.sectionEnd {
      let first = scanner.character(at: start)
      if first.separates { return scanner.runEnd(from: first.end) { $0.separates } }
      cursor.sectionEnd = scanner.runEnd(from: first.end) { !$0.separates }
    }
    scanner.end = cursor.sectionEnd
    if start >= cursor.wordEnd {
      cursor.wordEnd = scanner.gpt2WordEnd(from: start)
      // Digits stand only at the end of GPT-2's words.
      let digits = scanner.runEnd(from: start, limit: cursor.wordEnd) { $0.class != .number }
      if digits > start { return digits }
    }
    return digitsEnd(scanner, start, limit: cursor.wordEnd)
  }

  /// The end of three ASCII digits at `start`, or else of the digits up to where there are some.
  private static func digitsEnd(_ scanner: WordScanner, _ start: Int, limit: Int) -> Int {
    func isTriple(_ position: Int) -> Bool {
      position + 3 <= limit && (0..<3).allSatisfy { (0x30...0x39).contains(scanner.text[position + $0]) }
    }
    if isTriple(start) { return start + 3 }
    var position = start
    while position < limit, !isTriple(position) { position = scanner.character(at: position).end }
    return position
  }
}

/// How far the words of a text have been read.
package struct WordCursor {
  var position = 0
  /// Where the text ends for the expression that is at work, of those that are applied one after the other.
  var sectionEnd = 0
  /// The end of the word whose digits are being grouped.
  var wordEnd = 0

  package init() {}
}
