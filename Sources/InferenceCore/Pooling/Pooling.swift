/// How the vectors of a text's tokens become one: the numbers of GGUF's `pooling_type`, of which 0 is none.
public enum Pooling: UInt8, CaseIterable, Sendable {
  /// Their mean (Reimers and Gurevych 2019).
  case mean = 1
  /// The first one, of a token that stands for the text (Devlin et al. 2019).
  case cls = 2
  /// The last one, which in a decoder has seen all others.
  case last = 3
  /// No vector but the scores that a classifier gives it: how well a text answers a query (Nogueira and Cho 2019).
  case rank = 4

  /// The word that programs use.
  public var name: StaticString {
    switch self {
    case .mean: "mean"
    case .cls: "cls"
    case .last: "last"
    case .rank: "rank"
    }
  }

  /// The pooling with this name (UTF-8), or nil.
  public init?(name: UnsafeRawBufferPointer) {
    for pooling in Self.allCases where isText(name, pooling.name) {
      self = pooling
      return
    }
    return nil
  }
}

/// The vector of one text, as those of its tokens come out of passes.
public struct TextVector {
  private let model: LanguageModel
  private let pooling: Pooling
  private var vector: [Float]
  private var count = 0

  public init(_ pooling: Pooling, of model: LanguageModel) {
    (self.pooling, self.model) = (pooling, model)
    vector = Array(repeating: 0, count: model.hyperparameters.embeddingLength)
  }

  /// Takes the vectors of the next tokens: [token][embedding].
  public mutating func add(_ rows: UnsafeBufferPointer<Float>) {
    let width = vector.count
    for row in 0..<rows.count / width {
      let values = rows[row * width..<(row + 1) * width]
      switch pooling {
      case .mean: for (index, value) in values.enumerated() { vector[index] += value }
      case .last: vector = Array(values)
      case .cls: if count == 0 { vector = Array(values) }
      // Of a decoder's tokens only the last one has seen the text.
      case .rank: if count == 0 || !model.hyperparameters.isBidirectional { vector = Array(values) }
      }
      count += 1
    }
  }

  /// The text's vector, of length 1 where that is wanted; for ``Pooling/rank`` its scores.
  public func finish(normalizes: Bool) -> [Float] {
    if pooling == .rank { return model.head.classify(vector, model.hyperparameters) }
    var result = pooling == .mean ? vector.map { $0 / Float(max(count, 1)) } : vector
    for projection in model.head.projections { result = projection.product(result) }
    guard normalizes else { return result }
    let length = result.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return length > 0 ? result.map { Float(Double($0) / length) } : result
  }
}
