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
  private(set) var rotaryTables: [RotaryEmbedding]
  private let rotaryFactors: Vector  // rope_freqs.weight [rotated elements / 2]
  /// Where the weights come from, when they only pass by.
  public let stream: WeightStream?
  /// What holds the weights of a model that is of no file.
  private let memory: ArenaMemory?

  /// Checks a file of which only the header is there: whether its architecture is known, and its tensors are those that the
  /// architecture uses. Of a split file nothing is said, whose tensors stand in several headers.
  public static func check(header file: GGUFFile) throws(ModelError) {
    guard file.partCount == 1 else { return }
    _ = try LanguageModel(file: file)
  }

  /// Finds and checks every tensor that the architecture needs.
  ///
  /// - Parameter stream: Of a header alone, what the file's bytes will pass through; ``streamHasEnded()`` says when they
  ///   have. Matrices are then where an executor has them written.
  /// - Throws: ``ModelError`` also when the file has tensors that the architecture does not use.
  public init(file: GGUFFile, stream: WeightStream? = nil) throws(ModelError) {
    let h = try Hyperparameters(file)
    let tensors = TensorReader(file: file, stream: stream)
    self.stream = stream
    memory = nil
    let width = h.embeddingLength
    hyperparameters = h
    weightBytes = Int(clamping: file.dataSize)
    embedding = try tensors.matrix("token_embd.weight", rows: h.vocabularySize, columns: width)
    outputNorm = try tensors.norm(h.traits.outputNorm, h.traits.norm, count: width)
    let untied = try tensors.optionalMatrix("output.weight", rows: h.vocabularySize, columns: width)
    output = Linear(
      weight: untied ?? embedding, bias: try tensors.optionalVector("output.bias", count: h.vocabularySize))

    var factors: Vector = nil
    for shape in h.rotaryShapes {
      factors = try tensors.optionalVector("rope_freqs.weight", count: shape.dimensions / 2)
    }
    rotaryFactors = factors
    rotaryTables = try Self.tables(h, factors: file.hasData ? factors : nil)

    var built = [Layer]()
    var place = CachePlace()
    for index in 0..<h.layerCount { built.append(try Layer(index, h, tensors, &place)) }
    layers = built
    try tensors.checkNoneIsLeft()
  }

  /// A model of no file.
  init(
    _ h: Hyperparameters, embedding: Matrix, outputNorm: Norm, output: Linear, layers: [Layer], memory: ArenaMemory
  ) throws(ModelError) {
    hyperparameters = h
    weightBytes = 0
    (self.embedding, self.outputNorm, self.output, self.layers) = (embedding, outputNorm, output, layers)
    (rotaryFactors, stream, self.memory) = (nil, nil, memory)
    rotaryTables = try Self.tables(h, factors: nil)
  }

  private static func tables(_ h: Hyperparameters, factors: Vector) throws(ModelError) -> [RotaryEmbedding] {
    var tables: [RotaryEmbedding] = []
    for shape in h.rotaryShapes {
      tables.append(
        try RotaryEmbedding(dimensions: shape.dimensions, base: shape.base, scale: shape.scale, factors: factors))
    }
    return tables
  }

  /// All weights have passed by: what follows from some of them is computed.
  ///
  /// - Throws: ``ModelError/Kind-swift.enum/invalid`` as ``init(file:stream:)`` does for what is in them.
  func streamHasEnded() throws(ModelError) {
    stream?.finish()
    rotaryTables = try Self.tables(hyperparameters, factors: rotaryFactors)
  }
}
