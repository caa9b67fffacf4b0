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

  /// Calls `body` with each word of `text`, in order; together the words are the whole text.
  package func forEachWord(
    in text: UnsafeBufferPointer<UInt8>, classes: CharacterClasses,
    _ body: (UnsafeBufferPointer<UInt8>) -> Void
  ) {
    func emit(_ start: Int, _ end: Int) {
      body(UnsafeBufferPointer(rebasing: text[start..<end]))
    }
    switch self {
    case .gpt2:
      let scanner = WordScanner(text: text, classes: classes, end: text.count)
      var start = 0
      while start < text.count {
        let end = scanner.gpt2WordEnd(from: start)
        emit(start, end)
        start = end
      }
    case .llama3, .qwen2:
      let scanner = WordScanner(text: text, classes: classes, end: text.count)
      let digits = self == .llama3 ? 3 : 1
      var start = 0
      while start < text.count {
        let end = scanner.llama3WordEnd(from: start, digits: digits)
        emit(start, end)
        start = end
      }
    case .smollm:
      var scanner = WordScanner(text: text, classes: classes, end: 0)
      var start = 0
      while start < text.count {
        scanner.end = text.count
        let first = scanner.character(at: start)
        if first.class == .number {
          emit(start, first.end)
          start = first.end
          continue
        }
        scanner.end = scanner.runEnd(from: first.end) { $0.class != .number }
        while start < scanner.end {
          let end = scanner.gpt2WordEnd(from: start)
          emit(start, end)
          start = end
        }
      }
    case .standard:
      var scanner = WordScanner(text: text, classes: classes, end: 0)
      var start = 0
      while start < text.count {
        scanner.end = text.count
        let first = scanner.character(at: start)
        if first.separates {
          let end = scanner.runEnd(from: first.end) { $0.separates }
          emit(start, end)
          start = end
          continue
        }
        scanner.end = scanner.runEnd(from: first.end) { !$0.separates }
        while start < scanner.end {
          let end = scanner.gpt2WordEnd(from: start)
          Self.splitDigits(scanner, start, end, emit)
          start = end
        }
      }
    }
  }

  /// Emits a word of GPT-2's expression, in which digits stand only at the end, with the digits cut off and, where
  /// they are ASCII, grouped by three.
  private static func splitDigits(_ scanner: WordScanner, _ start: Int, _ end: Int, _ emit: (Int, Int) -> Void) {
    let digits = scanner.runEnd(from: start, limit: end) { $0.class != .number }
    if digits > start { emit(start, digits) }
    var pending = digits
    var position = digits
    while position < end {
      let isTriple = position + 3 <= end && (0..<3).allSatisfy { (0x30...0x39).contains(scanner.text[position + $0]) }
      if isTriple {
        if position > pending { emit(pending, position) }
        emit(position, position + 3)
        position += 3
        pending = position
      } else {
        position = scanner.character(at: position).end
      }
    }
    if pending < end { emit(pending, end) }
  }
}
