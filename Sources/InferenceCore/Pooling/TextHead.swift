import CKernels

/// What becomes of a text's vector behind the layers.
struct TextHead {
  /// One after the other.
  private(set) var projections: [Linear] = []  // dense_2, dense_3
  private var dense: Linear?  // cls [embedding × embedding]
  private var norm: Norm?  // cls.norm
  private var output: Linear?  // cls.output [labels × embedding]

  /// None.
  init() {}

  init(_ h: Hyperparameters, _ tensors: TensorReader) throws(ModelError) {
    var width = h.embeddingLength
    guard let pooling = h.pooling else { return }
    guard pooling == .rank else {
      let names: [StaticString] = ["dense_2", "dense_3"]
      for name in names {
        guard let projection = try tensors.optionalLinear(name, columns: width) else { continue }
        projections.append(projection)
        width = projection.weight.rows
      }
      return
    }
    dense = try tensors.optionalLinear("cls", columns: width)
    norm = try tensors.optionalNorm("cls.norm", .layer, count: width)
    output = try tensors.optionalLinear("cls.output", columns: dense?.weight.rows ?? width)
    if dense == nil, output == nil {
      throw ModelError(
        .missing, "The file ranks texts (pooling_type 4), but has no classifier: cls and cls.output are absent.")
    }
  }

  /// Elements of a text's vector, or its scores.
  func length(_ pooling: Pooling, _ h: Hyperparameters) -> Int {
    let last = pooling == .rank ? output ?? dense : projections.last
    return last?.weight.rows ?? h.embeddingLength
  }

  /// Scores of a text's vector: of a decoder's, how likely each label is.
  func classify(_ vector: [Float], _ h: Hyperparameters) -> [Float] {
    var scores = vector
    if let dense {
      scores = dense.product(scores)
      let count = Int32(scores.count)
      scores.withUnsafeMutableBufferPointer { scores in
        guard let x = scores.baseAddress else { return }
        // With a norm of its own as ModernBERT (Warner et al. 2024), or as BERT.
        if let norm {
          ck_gelu_gate(x, nil, count)
          ck_layer_norm(x, norm.weight, norm.bias, h.normEpsilon, count, x)
        } else {
          ck_soft_cap(x, 1, count)
        }
      }
    }
    if let output { scores = output.product(scores) }
    guard !h.isBidirectional, scores.count > 1 else { return scores }
    let largest = scores.reduce(-Float.infinity, max)
    let weights = scores.map { ck_expf($0 - largest) }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }
}

extension Linear {
  /// W x + b of one vector, in one fixed order: of little work, beside that of the layers.
  func product(_ vector: [Float]) -> [Float] {
    var row = [Float](repeating: 0, count: vector.count)
    return (0..<weight.rows).map { index in
      row.withUnsafeMutableBufferPointer { row in
        guard let start = row.baseAddress else { return 0 }
        weight.dequantize(row: index, into: start)
        var sum = bias?[index] ?? 0
        for column in 0..<vector.count { sum += start[column] * vector[column] }
        return sum
      }
    }
  }
}
