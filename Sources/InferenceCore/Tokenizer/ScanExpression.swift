/// One regular expression of a pre-tokenizer, made ready to be looked for in text.
///
/// The notation is the part of regular expressions that published tokenizers use, so that a rule reads as it is
/// published. Alternatives parted by `|`, the first that fits wins, each a sequence of:
///
/// - classes: `[…]` with ranges, `^` and `&&[^…]` (without these), `\p{L}` `\p{N}` `\p{P}` `\p{S}` `\p{M}`, `\s` `\S`,
///   `\r` `\n` `\t`, `\x{4E00}`, or a character that stands for itself; each with `?` `*` `+` `{n}` or `{n,m}`,
/// - `(?:'s|'t|'re|'ve|'m|'ll|'d)`, with `?i` in any case, and with `?iu` also with a long s; an `?` makes it optional,
/// - `(?:X| Y)*` of two classes: characters of the one, and single spaces before one of the other,
/// - `(?!\S)` after whitespace, and `$` for the end.
///
/// Each class gets a bit, and each character the bits of the classes that it is in: 128 words for ASCII, one for each
/// ``CharacterClass`` beyond, and a list of the ranges that the expression names. Matching looks at bits only.
final class ScanExpression {
  struct Step {
    enum Kind: UInt8 {
      /// From `least` to `most` characters of `first`, as many as there are.
      case run
      /// None or one of `first`, with one if the rest fits then.
      case optional
      /// As many of `first` as leave one of `second` at the end, then from one to `most` of `second`.
      case runBefore
      /// From `least` to `most` of `first`, one less if something other follows.
      case blanks
      /// `'s` and its like; `first` is the apostrophe's.
      case contraction
      /// Characters of `first`, and single spaces before one of `second`.
      case joined
      /// The end of the text.
      case end
    }

    var kind: Kind
    var first: UInt32 = 0
    var second: UInt32 = 0
    var least: Int32 = 1
    var most: Int32 = 1
    /// Of contractions: whether capitals count, and whether U+017F counts as an s.
    var ignoresCase = false
    var foldsLongS = false
    /// See ``Alternative/failsForTheRun``.
    var failsForTheRun = false
  }

  struct Alternative {
    /// The classes that a match may begin with.
    var begins: UInt32
    var steps: Range<Int>
    /// Whether no match from a place means none from any place up to the end of the run there.
    var failsForTheRun: Bool
  }

  /// Characters that the expression names one by one or by range, beyond ASCII.
  struct NamedRange {
    var range: ClosedRange<UInt32>
    /// The classes that they are in because of it, and those that they are not in.
    var set: UInt32
    var cleared: UInt32
  }

  // Pointers, since what counts is the time for one character.
  let steps: UnsafePointer<Step>
  let alternatives: UnsafeBufferPointer<Alternative>
  let ascii: UnsafePointer<UInt32>
  let beyond: [UInt32]
  /// Ascending and apart.
  let ranges: [NamedRange]
  let kinds: CharacterClasses

  /// - Parameter text: in the notation above; what is not in it has no meaning.
  init(_ text: StaticString, classes kinds: CharacterClasses) {
    var parser = ScanExpressionParser(text)
    var steps: [Step] = []
    var alternatives: [Alternative] = []
    while true {
      let start = steps.count
      while let step = parser.nextStep() { Self.append(step, to: &steps, after: start) }
      let isRun = steps.count == start + 1 && steps[start].kind == .runBefore || steps.last?.kind == .end
      if isRun { steps[steps.count - 1].failsForTheRun = true }
      var begins: UInt32 = 0
      for step in steps[start...] {
        begins |= step.first
        if step.kind == .runBefore { begins |= step.second }
        if step.kind == .runBefore || step.kind != .joined && step.least > 0 { break }
      }
      alternatives.append(Alternative(begins: begins, steps: start..<steps.count, failsForTheRun: isRun))
      guard parser.skip(0x7C) else { break }
    }
    let classes = parser.classes
    self.steps = Self.copy(steps)
    self.alternatives = UnsafeBufferPointer(start: Self.copy(alternatives), count: alternatives.count)
    self.kinds = kinds
    ascii = Self.copy((0..<128).map { scalar in Self.bits(of: scalar, kinds[scalar], classes) })
    beyond = (0..<CharacterClass.count).map { value in
      CharacterClass(rawValue: UInt8(value)).map { Self.bits(of: nil, $0, classes) } ?? 0
    }
    ranges = Self.ranges(of: classes)
  }

  deinit {
    steps.deallocate()
    alternatives.deallocate()
    ascii.deallocate()
  }

  private static func copy<Element>(_ array: [Element]) -> UnsafePointer<Element> {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: array.count)
    for (index, element) in array.enumerated() { (copy + index).initialize(to: element) }
    return UnsafePointer(copy)
  }

  /// Appends a step, joined with the one before it where the two have to be looked at together.
  private static func append(_ step: Step, to steps: inout [Step], after start: Int) {
    if let last = steps.last, steps.count > start {
      if step.kind == .blanks {
        steps[steps.count - 1].kind = .blanks
        return
      }
      // `\s*[\r\n]+` and the like; what does not overlap needs no way back.
      if step.kind == .run, step.least > 0, last.kind == .run, last.least == 0, last.most == .max {
        steps[steps.count - 1] = Step(kind: .runBefore, first: last.first, second: step.first, most: step.most)
        return
      }
    }
    steps.append(step)
  }

  private static func bits(
    of scalar: UInt32?, _ kind: CharacterClass, _ classes: [ScanExpressionParser.Class]
  ) -> UInt32 {
    var bits: UInt32 = 0
    for (bit, found) in classes.enumerated() where found.contains(scalar, kind) { bits |= 1 << UInt32(bit) }
    return bits
  }

  /// What the classes name beyond ASCII. Ranges of several classes are equal or apart.
  private static func ranges(of classes: [ScanExpressionParser.Class]) -> [NamedRange] {
    var all: [NamedRange] = []
    for (bit, found) in classes.enumerated() {
      let mask: UInt32 = 1 << UInt32(bit)
      for range in found.ranges where range.upperBound >= 128 {
        all.append(
          NamedRange(range: range, set: found.isNegated ? 0 : mask, cleared: found.isNegated ? mask : 0))
      }
      for range in found.excluded where range.upperBound >= 128 {
        all.append(NamedRange(range: range, set: 0, cleared: mask))
      }
    }
    all.sort { $0.range.lowerBound < $1.range.lowerBound }
    var ranges: [NamedRange] = []
    for var range in all {
      if let last = ranges.last, last.range.upperBound >= range.range.lowerBound {
        if last.range == range.range {
          ranges[ranges.count - 1].set |= range.set
          ranges[ranges.count - 1].cleared |= range.cleared
          continue
        }
        // Of one class that names a character twice.
        guard range.range.upperBound > last.range.upperBound else { continue }
        range.range = (last.range.upperBound + 1)...range.range.upperBound
      }
      ranges.append(range)
    }
    return ranges
  }
}
