/// Cuts text into the words inside which byte-pair encoding merges: a rule's scanners, each applied to the pieces that
/// the one before it left, as llama.cpp does.
package struct PreTokenizer {
  /// One way to cut text, as a rule has it.
  enum Scan: Sendable {
    /// Matches of a regular expression, and what stands between them; see ``ScanExpression``.
    case expression(StaticString)
    /// `\p{N}` in threes from the right, each first group together with what stands before it: AFMoE.
    case numbers
    /// `(?=(\d{3})+(?!\d))`: before every third of `[0-9]` from the right.
    case digits
  }

  private enum Scanner {
    case expression(ScanExpression)
    case numbers
    case digits
  }

  private let scanners: [Scanner]
  /// The expression of a rule of one.
  private let single: ScanExpression?
  private let classes: CharacterClasses

  package init(_ rule: PreTokenizerRule, classes: CharacterClasses = CharacterClasses()) {
    self.classes = classes
    scanners = rule.scans.map { scan in
      switch scan {
      case .expression(let text): .expression(ScanExpression(text, classes: classes))
      case .numbers: .numbers
      case .digits: .digits
      }
    }
    if scanners.count == 1, case .expression(let expression) = scanners[0] {
      single = expression
    } else {
      single = nil
    }
  }

  /// The next word of `text`; together the words are the whole text. Nil at its end.
  package func nextWord(
    in text: UnsafeBufferPointer<UInt8>, after cursor: inout WordCursor
  ) -> UnsafeBufferPointer<UInt8>? {
    let start = cursor.position
    guard start < text.count else { return nil }
    if let single {
      single.findPiece(from: start, in: ScanExpression.Place(text: text, end: text.count), progress: &cursor.single)
      cursor.position = cursor.single.end
      return UnsafeBufferPointer(rebasing: text[start..<cursor.position])
    }
    if cursor.stages.isEmpty { cursor.stages = [ScanExpression.Progress](repeating: .init(), count: scanners.count) }
    var end = text.count
    for index in scanners.indices {
      if cursor.stages[index].end <= start {
        let place = ScanExpression.Place(text: text, end: end)
        findPiece(scanners[index], from: start, in: place, progress: &cursor.stages[index])
      }
      end = cursor.stages[index].end
    }
    cursor.position = end
    return UnsafeBufferPointer(rebasing: text[start..<end])
  }

  private func findPiece(
    _ scanner: Scanner, from start: Int, in place: ScanExpression.Place, progress: inout ScanExpression.Progress
  ) {
    switch scanner {
    case .expression(let expression): expression.findPiece(from: start, in: place, progress: &progress)
    case .numbers: progress.end = numbersEnd(from: start, in: place, run: &progress.match)
    case .digits: progress.end = digitsEnd(from: start, in: place, run: &progress.match)
    }
  }

  /// - Parameter run: where the run of numbers ends that has been counted.
  private func numbersEnd(from start: Int, in place: ScanExpression.Place, run: inout Int) -> Int {
    func end(of position: Int) -> (isNumber: Bool, next: Int) {
      let step = UTF8Step(place.text, at: position)
      return (classes[step.scalar] == .number, position + step.length)
    }
    var position = start
    while position < place.end, case let found = end(of: position), !found.isNumber { position = found.next }
    var group = 3
    if position >= run {
      var count = 0
      run = position
      while run < place.end, case let found = end(of: run), found.isNumber {
        run = found.next
        count += 1
      }
      if count % 3 > 0 { group = count % 3 }
    }
    while position < place.end, group > 0 {
      position = end(of: position).next
      group -= 1
    }
    return position
  }

  /// - Parameter run: where the run of digits ends that has been counted.
  private func digitsEnd(from start: Int, in place: ScanExpression.Place, run: inout Int) -> Int {
    func isDigit(_ position: Int) -> Bool { (0x30...0x39).contains(place.text[position]) }
    var position = start
    if position < run {
      position += 3
      if position < run { return position }
    }
    while position < place.end {
      guard isDigit(position) else {
        position += 1
        continue
      }
      run = position
      while run < place.end, isDigit(run) { run += 1 }
      let cut = position + (run - position) % 3
      if run - position < 3 {
        position = run
      } else if cut > start {
        return cut
      } else {
        position += 3
        if position < run { return position }
      }
    }
    return place.end
  }
}

/// How far the words of a text have been read.
package struct WordCursor {
  var position = 0
  /// Of the one expression of a rule, or else of each of its scanners.
  var single = ScanExpression.Progress()
  var stages: [ScanExpression.Progress] = []

  package init() {}
}
