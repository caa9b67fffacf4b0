/// A model whose weights stay where the file's bytes are.
///
/// The owner of the bytes keeps them in place while the model is used.
public final class LanguageModel {
  public let hyperparameters: Hyperparameters
  /// Bytes of all weights.
  let weightBytes: Int

  let embedding: Matrix  // token_embd.weight [vocabulary × embedding]
  let outputNorm: Norm  // output_norm [embedding]
  let output: Linear  // output [vocabulary × embedding]; where its weight is absent, the embedding's
  let layers: [Layer]
  /// Angles per position, one for each of ``Hyperparameters/rotaryShapes``.
  let rotaryTables: [RotaryEmbedding]

  /// Checks a file of which only the header is there: whether its architecture is known, and its tensors are those that the
  /// architecture uses. Of a split file nothing is said, whose tensors stand in several headers.
  public static func check(header file: GGUFFile) throws(ModelError) {
    guard file.partCount == 1 else { return }
    _ = try LanguageModel(file: file)
  }

  /// Finds and checks every tensor that the architecture needs.
  ///
  /// - Throws: ``ModelError`` also when the file has tensors that the architecture does not use.
  public init(file: GGUFFile) throws(ModelError) {
    let h = try Hyperparameters(file)
    let tensors = TensorReader(file: file)
    let width = h.embeddingLength
    hyperparameters = h
    weightBytes = Int(clamping: file.dataSize)
    embedding = try tensors.matrix("token_embd.weight", rows: h.vocabularySize, columns: width)
    outputNorm = try tensors.norm(h.traits.outputNorm, h.traits.norm, count: width)
    let untied = try tensors.optionalMatrix("output.weight", rows: h.vocabularySize, columns: width)
    output = Linear(
      weight: untied ?? embedding, bias: try tensors.optionalVector("output.bias", count: h.vocabularySize))

    var tables: [RotaryEmbedding] = []
    for shape in h.rotaryShapes {
      let factors = try tensors.optionalVector("rope_freqs.weight", count: shape.dimensions / 2)
      tables.append(
        try RotaryEmbedding(
          dimensions: shape.dimensions, base: shape.base, scale: shape.scale, factors: file.hasData ? factors : nil))
    }
    rotaryTables = tables

    var built = [Layer]()
    var place = CachePlace()
    for index in 0..<h.layerCount { built.append(try Layer(index, h, tensors, &place)) }
    layers = built
    try tensors.checkNoneIsLeft()
  }
}
