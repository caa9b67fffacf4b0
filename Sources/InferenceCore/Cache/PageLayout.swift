import CKernels

/// What a page of the cache holds: keys and values of all layers for consecutive positions of one sequence.
///
/// Layer after layer and head after head, the keys, F16 [position / 32][key length][32], so that a vector holds positions,
/// then the values, F16 [position][value length].
struct PageLayout: Equatable {
  /// Positions of a page: those whose part of an attention is computed in one piece.
  static let positions = Int(CK_SPAN)

  /// Keys and values of a page, in elements; more than `Int` counts of a header that nobody can have memory for.
  private let size: Int64

  init(_ h: Hyperparameters) {
    size = h.cacheBytesPerToken / Int64(MemoryLayout<UInt16>.size) * Int64(Self.positions)
  }

  var bytes: Int64 { size * Int64(MemoryLayout<UInt16>.size) }
  var elements: Int { Int(clamping: size) }

  /// Elements of one position, in the order in which they are in a page: of each head's key, then its value.
  static func widths(_ h: Hyperparameters) -> [Int] {
    h.attentions.flatMap { shape in
      (0..<shape.keyValueHeadCount).flatMap { _ in [shape.keyLength, shape.valueLength] }
    }
  }

  /// What one layer takes.
  static func elements(of shape: AttentionShape) -> Int { positions * (shape.keyWidth + shape.valueWidth) }

  /// Where a head's keys are, from the beginning of the page.
  static func keys(_ attention: Attention, head: Int) -> Int { keys(attention.shape, at: attention.place, head: head) }

  /// The same of a layer at such a place.
  static func keys(_ shape: AttentionShape, at place: Int, head: Int) -> Int {
    place + head * positions * (shape.keyLength + shape.valueLength)
  }

  /// Where a head's values are.
  static func values(_ attention: Attention, head: Int) -> Int {
    keys(attention, head: head) + positions * attention.shape.keyLength
  }
}
