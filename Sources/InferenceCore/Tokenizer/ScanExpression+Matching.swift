extension ScanExpression {
  /// Where an expression is being looked for.
  struct Place {
    let text: UnsafeBufferPointer<UInt8>
    /// Characters from here on are not there: what follows a piece is its end of text.
    let end: Int
  }

  /// How far the search has come.
  struct Progress {
    /// The end of the piece at the position.
    var end = 0
    /// The end of the match that begins where the piece ends, if that has been found.
    var match = 0
    /// Up to where the alternative with ``Alternative/failsForTheRun``, of which there is at most one, is known not to
    /// fit, so that it is not tried from every place of a long run.
    var barren = 0
  }

  /// Finds the piece that begins at `start`: a match, or what stands before the next one.
  func findPiece(from start: Int, in place: Place, progress: inout Progress) {
    if progress.match > start {
      progress.end = progress.match
      return
    }
    var position = start
    while position < place.end {
      let (bits, next) = look(at: position, in: place)
      if let match = matchEnd(from: position, beginning: bits, in: place, barren: &progress.barren), match > position {
        progress.end = position == start ? match : position
        progress.match = match
        return
      }
      position = next
    }
    progress.end = position
  }

  /// The classes of the character at `position`, and where the next one begins.
  @inline(__always)
  private func look(at position: Int, in place: Place) -> (bits: UInt32, next: Int) {
    let byte = place.text[position]
    if byte < 0x80 { return (ascii[Int(byte)], position + 1) }
    let step = UTF8Step(place.text, at: position)
    let kind = kinds[step.scalar]
    let bits = beyond[Int(kind.rawValue)]
    let next = position + step.length
    // Whitespace is whitespace even where a range has it.
    return (ranges.isEmpty || kind == .whitespace ? bits : named(step.scalar, otherwise: bits), next)
  }

  private func named(_ scalar: UInt32, otherwise bits: UInt32) -> UInt32 {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].range.upperBound < scalar { low = middle + 1 } else { high = middle }
    }
    guard low < ranges.count, ranges[low].range.contains(scalar) else { return bits }
    return (bits | ranges[low].set) & ~ranges[low].cleared
  }

  private func matchEnd(from start: Int, beginning bits: UInt32, in place: Place, barren: inout Int) -> Int? {
    for alternative in alternatives where alternative.begins & bits != 0 {
      if alternative.failsForTheRun, start < barren { continue }
      if let end = end(of: alternative.steps, from: start, in: place, barren: &barren) { return end }
    }
    return nil
  }

  private func end(of range: Range<Int>, from start: Int, in place: Place, barren: inout Int) -> Int? {
    var position = start
    for index in range {
      let step = steps[index]
      switch step.kind {
      case .run:
        guard let end = runEnd(of: step, from: position, in: place) else { return nil }
        position = end
      case .optional:
        guard position < place.end else { continue }
        let (bits, next) = look(at: position, in: place)
        guard bits & step.first != 0 else { continue }
        // The rest fits after the character more often than not; only then is it tried without.
        if let end = end(of: index + 1..<range.upperBound, from: next, in: place, barren: &barren) { return end }
      case .runBefore:
        guard let end = end(of: step, from: position, in: place, barren: &barren) else { return nil }
        position = end
      case .blanks:
        guard let end = blanksEnd(of: step, from: position, in: place) else { return nil }
        position = end
      case .contraction:
        if let end = contractionEnd(of: step, from: position, in: place) {
          position = end
        } else if step.least > 0 {
          return nil
        }
      case .joined:
        position = joinedEnd(of: step, from: position, in: place)
      case .end:
        guard position == place.end else {
          barren = position
          return nil
        }
      }
    }
    return position
  }

  @inline(__always)
  private func runEnd(of step: Step, from start: Int, in place: Place) -> Int? {
    var position = start
    var count: Int32 = 0
    while position < place.end, count < step.most {
      let (bits, next) = look(at: position, in: place)
      guard bits & step.first != 0 else { break }
      position = next
      count &+= 1
    }
    return count < step.least ? nil : position
  }

  private func end(of step: Step, from start: Int, in place: Place, barren: inout Int) -> Int? {
    var position = start
    var last: Int?
    while position < place.end {
      let (bits, next) = look(at: position, in: place)
      if bits & step.first == 0 {
        if bits & step.second != 0 {
          return runEnd(
            of: Step(kind: .run, first: step.second, most: step.most), from: position, in: place)
        }
        break
      }
      position = next
      if bits & step.second != 0 { last = next }
    }
    if last == nil, step.failsForTheRun { barren = position }
    return last
  }

  private func blanksEnd(of step: Step, from start: Int, in place: Place) -> Int? {
    var position = start
    var last = start
    var count: Int32 = 0
    while position < place.end, count < step.most {
      let (bits, next) = look(at: position, in: place)
      guard bits & step.first != 0 else { break }
      last = position
      position = next
      count &+= 1
    }
    if position < place.end, look(at: position, in: place).bits & step.first == 0 {
      position = last
      count &-= 1
    }
    return count < step.least ? nil : position
  }

  private func joinedEnd(of step: Step, from start: Int, in place: Place) -> Int {
    var position = start
    while position < place.end {
      let (bits, next) = look(at: position, in: place)
      if bits & step.first != 0 {
        position = next
      } else if place.text[position] == 0x20, next < place.end, case let after = look(at: next, in: place),
        after.bits & step.second != 0
      {
        position = after.next
      } else {
        break
      }
    }
    return position
  }

  /// The end of `'s`, `'t`, `'m`, `'d`, `'re`, `'ve` or `'ll` at `start`, or nil when none stands there.
  private func contractionEnd(of step: Step, from start: Int, in place: Place) -> Int? {
    let text = place.text
    guard start + 1 < place.end, text[start] == 0x27 else { return nil }
    let fold: UInt8 = step.ignoresCase ? 0x20 : 0
    switch text[start + 1] | fold {
    case 0x73, 0x74, 0x6D, 0x64: return start + 2
    default: break
    }
    guard start + 2 < place.end else { return nil }
    if step.foldsLongS, text[start + 1] == 0xC5, text[start + 2] == 0xBF { return start + 3 }
    switch (text[start + 1] | fold, text[start + 2] | fold) {
    case (0x72, 0x65), (0x76, 0x65), (0x6C, 0x6C): return start + 3
    default: return nil
    }
  }
}
