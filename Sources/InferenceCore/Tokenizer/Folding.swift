/// What WordPiece makes of code points: without accents, in lower case.
struct Folding {
  /// Code points that are changed: every `distance`th one from `first` on, to a target that grows by `step`.
  private struct Run {
    let first: UInt32
    let count: UInt32
    let distance: UInt32
    let target: UInt32
    let step: UInt32
  }

  private var runs: [Run] = []

  /// Expands the generated table: about 30 KB.
  init() {
    var index = 0
    func number() -> UInt32 {
      var (value, shift) = (UInt32(0), UInt32(0))
      repeat {
        value |= UInt32(foldingRuns[index] & 127) << shift
        shift += 7
        index += 1
      } while foldingRuns[index - 1] & 128 != 0
      return value
    }
    var (last, before) = (UInt32(0), UInt32(0))
    while index < foldingRuns.count {
      let place = number()
      let first = last + place / 2
      let shape = place & 1 == 1 ? number() : nil
      let count = shape.map { $0 / 6 + 2 } ?? 1
      let (distance, step) = shape.map { ($0 % 6 / 3 + 1, $0 % 3) } ?? (1, 0)
      let change = number()
      let size = change / 4
      let origin = change & 1 == 1 ? first : before
      let target = change & 2 == 2 ? origin &- size : origin &+ size
      runs.append(Run(first: first, count: count, distance: distance, target: target, step: step))
      (last, before) = (first + (count - 1) * distance, target + (count - 1) * step)
    }
  }

  /// The first code point of the canonical decomposition, in lower case; 0 for those that are left out.
  subscript(scalar: UInt32) -> UInt32 {
    if scalar < 0x41 || (0x61..<0x7F).contains(scalar) { return scalar < 0x20 ? 0 : scalar }
    // A syllable's first consonant.
    if (0xAC00...0xD7A3).contains(scalar) { return 0x1100 + (scalar - 0xAC00) / 588 }
    var (low, high) = (0, runs.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if runs[middle].first <= scalar { low = middle } else { high = middle }
    }
    let run = runs[low]
    guard scalar >= run.first else { return scalar }
    let distance = scalar - run.first
    guard distance % run.distance == 0, distance / run.distance < run.count else { return scalar }
    return run.target + distance / run.distance * run.step
  }
}
