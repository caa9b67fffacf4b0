/// A model whose weights stay where the file's bytes are.
///
/// The owner of the bytes keeps them in place while the model is used.
public final class LanguageModel {
  public let hyperparameters: Hyperparameters
  /// Bytes of all weights.
  let weightBytes: Int

  let embedding: Matrix  // token_embd.weight [vocabulary × embedding]
  let embeddingNorm: Norm?  // token_embd_norm [embedding]
  let tokenTypes: Matrix?  // token_types [types × embedding]
  let outputNorm: Norm?  // output_norm [embedding]; absent where the last layer's sum is normalized
  let output: Linear  // output [vocabulary × embedding]; where its weight is absent, the embedding's
  let layers: [Layer]
  let positions: Matrix?  // position_embd.weight [positions × embedding]
  /// What becomes of a text's vector.
  let head: TextHead
  private var rotaryTables: RotaryTables
  private let rotaryFactors: RotaryFactors
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
    embeddingNorm =
      try h.traits.hasEmbeddingNorm ? tensors.norm("token_embd_norm", h.traits.norm, count: width) : nil
    tokenTypes = try h.traits.hasTokenTypes ? tensors.optionalMatrix("token_types", columns: width) : nil
    outputNorm =
      try h.traits.hasSumNorms ? nil : tensors.norm(h.traits.outputNorm, h.traits.norm, count: width)
    head = try TextHead(h, tensors)
    let untied = try tensors.optionalMatrix("output.weight", rows: h.vocabularySize, columns: width)
    output = Linear(
      weight: untied ?? embedding, bias: try tensors.optionalVector("output.bias", count: h.vocabularySize))

    positions =
      try h.traits.hasPositionEmbeddings
      ? tensors.matrix("position_embd.weight", rows: h.contextLength, columns: width) : nil
    rotaryFactors = try RotaryFactors(h, tensors)
    rotaryTables = try RotaryTables(h, file.hasData ? rotaryFactors : .none)

    var built = [Layer]()
    var place = CachePlace()
    for index in 0..<h.layerCount { built.append(try Layer(index, h, tensors, &place)) }
    layers = built
    try tensors.checkNoneIsLeft()
  }

  /// A model of no file.
  init(
    _ h: Hyperparameters, embedding: Matrix, outputNorm: Norm?, output: Linear, layers: [Layer], memory: ArenaMemory
  ) throws(ModelError) {
    hyperparameters = h
    weightBytes = 0
    (self.embedding, self.outputNorm, self.output, self.layers) = (embedding, outputNorm, output, layers)
    (rotaryFactors, stream, self.memory, positions) = (.none, nil, memory, nil)
    (embeddingNorm, tokenTypes, head) = (nil, nil, TextHead())
    rotaryTables = try RotaryTables(h, .none)
  }

  /// Elements of a text's vector, or how many scores it gets.
  public var embeddingLength: Int { head.length(hyperparameters.pooling ?? .mean, hyperparameters) }

  /// Angles per position, one for each of ``Hyperparameters/rotaryShapes``.
  ///
  /// - Parameter contextLength: Tokens that a sequence may have, all of them: what decides between factors for texts as long
  ///   as those of the first training and for longer ones (Ding et al. 2024).
  func rotaryTables(forContext contextLength: Int) -> [RotaryEmbedding] {
    contextLength > hyperparameters.originalContextLength ? rotaryTables.long : rotaryTables.short
  }

  /// - Throws: ``ModelError/Kind-swift.enum/outOfResources`` for a context of positions that the model has not learned.
  func check(_ limits: ExecutionLimits) throws(ModelError) {
    guard let positions, limits.contextLength > positions.rows else { return }
    throw ModelError(
      .outOfResources,
      "A context of \(limits.contextLength) tokens is wanted; this model has learned \(positions.rows) positions.")
  }
  /// All weights have passed by: what follows from some of them is computed.
  ///
  /// - Throws: ``ModelError/Kind-swift.enum/invalid`` as ``init(file:stream:)`` does for what is in them.
  func streamHasEnded() throws(ModelError) {
    stream?.finish()
    rotaryTables = try RotaryTables(hyperparameters, rotaryFactors)
  }
}

/// Divisors of the frequencies, as the file has them: [rotated elements / 2].
private struct RotaryFactors {
  var short: Vector
  var long: Vector

  static var none: RotaryFactors { RotaryFactors(short: nil, long: nil) }

  /// Where they are from.
  private(set) var names: (short: StaticString, long: StaticString) = (common, common)
  private static let common: StaticString = "rope_freqs.weight"

  private init(short: Vector, long: Vector) {
    (self.short, self.long) = (short, long)
  }

  init(_ h: Hyperparameters, _ tensors: TensorReader) throws(ModelError) {
    self = .none
    for shape in h.rotaryShapes where shape.dimensions > 0 {
      let count = shape.dimensions / 2
      let common = try tensors.optionalVector(Self.common, count: count)
      func factors(_ name: StaticString) throws(ModelError) -> (Vector, StaticString) {
        let own = try tensors.optionalVector(name, count: count)
        if h.hasRotaryFactors { _ = try tensors.required(own, "\(name), which longrope scales rotations by,") }
        return own == nil ? (common, Self.common) : (own, name)
      }
      (short, names.short) = try factors("rope_factors_short.weight")
      (long, names.long) = try factors("rope_factors_long.weight")
    }
  }
}

/// The angles of a model's rotary shapes, for contexts as long as those of the first training and for longer ones.
private struct RotaryTables {
  private(set) var short: [RotaryEmbedding] = []
  private(set) var long: [RotaryEmbedding] = []

  init(_ h: Hyperparameters, _ factors: RotaryFactors) throws(ModelError) {
    for shape in h.rotaryShapes {
      short.append(try RotaryEmbedding(shape, factors: factors.short, named: factors.names.short))
      long.append(try RotaryEmbedding(shape, factors: factors.long, named: factors.names.long))
    }
  }
}
