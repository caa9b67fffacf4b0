import CKernels

/// A model in memory that stands for another one: its architecture and formats, random weights, and sizes of its own.
///
/// It answers what can be asked before the other's weights are there, or without them: whether a device computes rightly,
/// and how fast a processor reads such weights.
public struct SampleModel {
  public let model: LanguageModel
  /// Bytes of its matrices that a token reads, and of the other's.
  public let bytesPerToken: Int64
  public let allBytesPerToken: Int64

  /// A small one, whose rows are long enough for every kernel that the other one needs.
  public static func small(of other: LanguageModel) throws(ModelError) -> SampleModel {
    try SampleModel(of: other, width: 1024, vocabulary: 320, layers: Self.kinds(of: other))
  }

  /// One as wide as the other, cut after so many bytes.
  ///
  /// - Throws: ``ModelError/Kind-swift.enum/outOfResources`` for layers of more than half a gigabyte.
  public static func cut(of other: LanguageModel, bytes: Int64) throws(ModelError) -> SampleModel {
    var (count, size) = (0, Int64(0))
    while count < other.layers.count, size < bytes {
      size += other.layers[count].bytes
      count += 1
    }
    guard size <= 1 << 29 else {
      throw ModelError(.outOfResources, "A layer of the model has \(size) bytes, too many for a sample of it.")
    }
    return try SampleModel(of: other, width: .max, vocabulary: 320, layers: Array(0..<count))
  }

  /// The first layer of each kind.
  private static func kinds(of other: LanguageModel) -> [Int] {
    var found: [Int] = []
    for (index, layer) in other.layers.enumerated()
    where !found.contains(where: { other.layers[$0].isLike(layer) }) { found.append(index) }
    return found
  }

  private init(of other: LanguageModel, width: Int, vocabulary: Int, layers: [Int]) throws(ModelError) {
    let h = other.hyperparameters
    guard h.latents.isEmpty, !h.isBidirectional else {
      throw ModelError(.unsupported, "No sample is made of a model of vectors, or whose attention has latent ones.")
    }
    let sizes = Sizes(
      width: min(h.embeddingLength, width), vocabulary: min(h.vocabularySize, vocabulary),
      limit: width)
    let shapes = layers.map { sizes.cut(h.layers[$0]) }
    let own = Hyperparameters(h, embeddingLength: sizes.width, vocabularySize: sizes.vocabulary, layers: shapes)

    var measure = WeightMaker()
    _ = measure.make(other, own, layers)
    let memory = try ArenaMemory(bytes: measure.size, for: "A sample of the model")
    var maker = WeightMaker(memory.base)
    let parts = maker.make(other, own, layers)
    model = try LanguageModel(
      own, embedding: parts.embedding, outputNorm: parts.outputNorm, output: parts.output, layers: parts.layers,
      memory: memory)
    bytesPerToken = parts.layers.reduce(parts.output.weight.bytes) { $0 + $1.bytes }
    allBytesPerToken = other.layers.reduce(other.output.weight.bytes) { $0 + $1.bytes }
  }
}

/// The sizes of a sample.
private struct Sizes {
  let width: Int
  let vocabulary: Int
  /// Most elements of what is between.
  let limit: Int

  func cut(_ layer: LayerShape) -> LayerShape {
    let mixer: LayerShape.Mixer
    switch layer.mixer {
    case .attention(let shape): mixer = .attention(cut(shape))
    case .latent: mixer = layer.mixer
    case .convolution(let shape): mixer = .convolution(ConvolutionShape(channels: width, length: shape.length))
    }
    return LayerShape(
      mixer: mixer, feedForwardLength: min(layer.feedForwardLength, limit), experts: layer.experts.map(cut))
  }

  /// A few experts that a token does not go through, of one superblock; or as many as are read, of their own length.
  private func cut(_ shape: ExpertShape) -> ExpertShape {
    guard limit < .max else {
      return ExpertShape(count: shape.used, used: shape.used, length: shape.length, routing: shape.routing)
    }
    return ExpertShape(
      count: min(shape.count, shape.used + 2), used: shape.used, length: min(shape.length, 256), routing: shape.routing)
  }

  /// As few heads as give whole superblocks, since the output's rows consist of them.
  private func cut(_ shape: AttentionShape) -> AttentionShape {
    let sharing = shape.headCount / shape.keyValueHeadCount
    var heads = 1
    while heads < shape.keyValueHeadCount,
      heads * sharing * shape.valueLength < limit || heads * sharing * shape.valueLength % 256 != 0
    { heads += 1 }
    return AttentionShape(
      headCount: heads * sharing, keyValueHeadCount: heads, keyLength: shape.keyLength, valueLength: shape.valueLength,
      window: shape.window, isBidirectional: shape.isBidirectional, hasLinearBiases: shape.hasLinearBiases,
      scale: shape.scale, softCap: shape.softCap, rotary: shape.rotary,
      temperature: shape.temperature)
  }
}

/// Makes random weights like those of a model, or only counts their bytes.
private struct WeightMaker {
  private var arena: Arena
  private var random = SplitMix64(seed: 7)

  init() { arena = Arena() }
  init(_ base: UnsafeMutableRawPointer) { arena = Arena(base: base) }

  var size: Int64 { arena.size }

  mutating func make(
    _ other: LanguageModel, _ h: Hyperparameters, _ layers: [Int]
  ) -> (embedding: Matrix, outputNorm: Norm?, output: Linear, layers: [Layer]) {
    let width = h.embeddingLength
    let embedding = matrix(like: other.embedding, h.vocabularySize, width)
    let output = linear(like: other.output, h.vocabularySize, width)
    let outputNorm = other.outputNorm.map { norm(like: $0, width, before: output) }
    var place = CachePlace()
    let made = layers.enumerated().map { index, from in layer(like: other.layers[from], h.layers[index], h, &place) }
    return (embedding, outputNorm, output, made)
  }

  private mutating func layer(
    like other: Layer, _ shape: LayerShape, _ h: Hyperparameters, _ place: inout CachePlace
  ) -> Layer {
    let (width, inner) = (h.embeddingLength, shape.feedForwardLength)
    let feedForward: FeedForward
    let first: Linear
    switch other.feedForward {
    case .gated(let gate, let up, let down):
      first = linear(like: up, inner, width)
      feedForward = .gated(
        gate: linear(like: gate, inner, width), up: first, down: linear(like: down, width, inner))
    case .plain(let up, let down, let curve):
      first = linear(like: up, inner, width)
      feedForward = .plain(up: first, down: linear(like: down, width, inner), curve)
    case .mixture(let mixture):
      guard let experts = shape.experts else { preconditionFailure("a layer's sizes are of another kind") }
      let made = self.mixture(like: mixture, experts, shared: inner, width)
      // Its first rows are as good as all of them.
      first = made.up
      feedForward = .mixture(made)
    }
    let (mixer, input) = mixer(like: other.mixer, shape.mixer, h, &place)
    let mixerNorm = other.mixerNorm.map { norm(like: $0, width, before: input) }
    let mixerPostNorm = other.mixerPostNorm.map { norm(like: $0, width) }
    let feedForwardNorm = other.feedForwardNorm.map { norm(like: $0, width, before: first) }
    let feedForwardPostNorm = other.feedForwardPostNorm.map { norm(like: $0, width) }
    return Layer(
      mixerNorm: mixerNorm, mixer: mixer, mixerPostNorm: mixerPostNorm, feedForwardNorm: feedForwardNorm,
      isParallel: other.isParallel, feedForward: feedForward, feedForwardPostNorm: feedForwardPostNorm)
  }

  private mutating func mixture(like other: Mixture, _ shape: ExpertShape, shared: Int, _ width: Int) -> Mixture {
    let (count, length) = (shape.count, shape.length)
    let up = linear(like: other.up, count * length, width)
    var router = linear(like: other.router, count, width)
    if router.weight.format == .f32 {
      // So unlike that two which devices may mistake for each other weigh little.
      router = Linear(weight: floats(count, width, spread: 20 * size(of: up.weight)), bias: router.bias)
    }
    let sharedExpert = other.shared.map {
      SharedExpert(
        gate: linear(like: $0.gate, shared, width), up: linear(like: $0.up, shared, width),
        down: linear(like: $0.down, width, shared), factor: vector(like: $0.factor, width, around: 0))
    }
    return Mixture(
      shape: shape, choiceBias: vector(like: other.choiceBias, count, around: 0), router: router,
      gate: linear(like: other.gate, count * length, width), up: up,
      down: linear(like: other.down, count * width, length), shared: sharedExpert)
  }

  /// A mixer, and the matrix that reads its input.
  private mutating func mixer(
    like other: Mixer, _ shape: LayerShape.Mixer, _ h: Hyperparameters, _ place: inout CachePlace
  ) -> (Mixer, Linear) {
    let width = h.embeddingLength
    switch (other, shape) {
    case (.attention(let other), .attention(let shape)):
      defer { place.page += PageLayout.elements(of: shape) }
      let query = linear(like: other.query, shape.queryWidth, width)
      let lengths = Attention.normLengths(other.norms, shape)
      let attention = Attention(
        shape: shape, query: query, key: linear(like: other.key, shape.keyWidth, width),
        value: linear(like: other.value, shape.valueWidth, width),
        norms: other.norms, queryNorm: vector(like: other.queryNorm, lengths.query, around: 1),
        keyNorm: vector(like: other.keyNorm, lengths.key, around: 1),
        output: linear(like: other.output, width, shape.attendedWidth),
        rotaryTable: h.rotaryShapes.firstIndex(of: shape.rotary) ?? 0, place: place.page)
      return (.attention(attention), query)
    case (.convolution(let other), .convolution(let shape)):
      defer { place.state += shape.stateCount }
      let kernel = floats(shape.channels * shape.length, around: 0)
      let input = linear(like: other.input, 3 * shape.channels, width)
      let convolution = ShortConvolution(
        shape: shape, input: input, kernel: kernel, output: linear(like: other.output, width, shape.channels),
        place: place.state)
      return (.convolution(convolution), input)
    default: preconditionFailure("a layer's sizes are of another kind")
    }
  }

  private mutating func linear(like other: Linear, _ rows: Int, _ columns: Int) -> Linear {
    Linear(weight: matrix(like: other.weight, rows, columns), bias: vector(like: other.bias, rows, around: 0))
  }

  /// A norm; of one before a matrix the factors keep what that gives near one, whatever its format's ordinary size.
  private mutating func norm(like other: Norm, _ count: Int, before next: Linear? = nil) -> Norm {
    let factor = next.map { 1 / (size(of: $0.weight) * Float(count).squareRoot()) } ?? 1
    let weight = floats(count, around: factor)
    return Norm(weight: weight, bias: vector(like: other.bias, count, around: 0))
  }

  /// The root mean square of a matrix's elements, by its first row.
  private func size(of matrix: Matrix) -> Float {
    guard arena.hasMemory else { return 1 }
    var sum: Float = 0
    var row = [Float](repeating: 0, count: matrix.columns)
    row.withUnsafeMutableBufferPointer { row in
      if let start = row.baseAddress {
        matrix.format.definition.dequantize(matrix.kernel.data, count: matrix.columns, into: start)
      }
      for element in row { sum += element * element }
    }
    return max((sum / Float(matrix.columns)).squareRoot(), 1e-6)
  }

  private mutating func vector(like other: Vector, _ count: Int, around middle: Float) -> Vector {
    other.map { _ in UnsafePointer(floats(count, around: middle)) }
  }

  private mutating func floats(_ count: Int, around middle: Float) -> UnsafeMutablePointer<Float> {
    let made = arena.cut(Float.self, count)
    guard arena.hasMemory else { return made }
    let spread = middle == 0 ? 0.25 : middle / 4
    for i in 0..<count { made[i] = middle + Float(random.nextUnit() - 0.5) * spread }
    return made
  }

  /// A matrix of numbers about zero.
  private mutating func floats(_ rows: Int, _ columns: Int, spread: Float) -> Matrix {
    let made = arena.cut(Float.self, rows * columns)
    if arena.hasMemory { for i in 0..<rows * columns { made[i] = Float(random.nextUnit() - 0.5) * spread } }
    return Matrix(
      ck_matrix(
        data: UnsafeRawPointer(made).assumingMemoryBound(to: UInt8.self),
        row_bytes: columns * MemoryLayout<Float>.size, rows: Int32(rows), columns: Int32(columns),
        format: TensorFormat.f32.rawValue), .f32)
  }

  private mutating func matrix(like other: Matrix, _ rows: Int, _ columns: Int) -> Matrix {
    let format = other.format
    let rowBytes = columns / format.blockSize * format.blockBytes
    let data = arena.cut(UInt8.self, rows * rowBytes)
    if arena.hasMemory { format.fill(data, count: rows * columns, &random) }
    return Matrix(
      ck_matrix(
        data: data, row_bytes: rowBytes, rows: Int32(rows), columns: Int32(columns), format: format.rawValue), format)
  }
}

extension Matrix {
  /// Bytes of all rows.
  fileprivate var bytes: Int64 { Int64(kernel.row_bytes) * Int64(rows) }
}

extension Layer {
  /// Bytes of its matrices that a token reads.
  fileprivate var bytes: Int64 {
    let all = matrices.reduce(Int64(0)) { $0 + $1.bytes }
    guard case .mixture(let mixture) = feedForward else { return all }
    let experts = [mixture.gate, mixture.up, mixture.down].reduce(Int64(0)) { $0 + $1.weight.bytes }
    return all - experts / Int64(mixture.shape.count) * Int64(mixture.shape.count - mixture.shape.used)
  }

  /// Those of its mixer, and of its feed-forward.
  var matrices: [Matrix] {
    let mixing: [Linear]
    switch mixer {
    case .attention(let attention): mixing = [attention.query, attention.key, attention.value, attention.output]
    case .latent(let latent): mixing = latent.matrices + [latent.output]
    case .convolution(let convolution): mixing = [convolution.input, convolution.output]
    }
    let feeding: [Linear]
    switch feedForward {
    case .gated(let gate, let up, let down): feeding = [gate, up, down]
    case .plain(let up, let down, _): feeding = [up, down]
    case .mixture(let mixture): return mixing.map { $0.weight } + mixture.matrices
    }
    return (mixing + feeding).map { $0.weight }
  }

  /// Whether the same kernels compute another layer, over the same lengths of heads.
  fileprivate func isLike(_ other: Layer) -> Bool {
    guard matrices.map({ $0.format }) == other.matrices.map({ $0.format }) else { return false }
    switch (mixer, other.mixer) {
    case (.attention(let a), .attention(let b)):
      return a.shape.keyLength == b.shape.keyLength && a.shape.valueLength == b.shape.valueLength
        && (a.shape.window == 0) == (b.shape.window == 0)
    case (.convolution, .convolution): return true
    default: return false
    }
  }

  fileprivate init(
    mixerNorm: Norm?, mixer: Mixer, mixerPostNorm: Norm?, feedForwardNorm: Norm?, isParallel: Bool,
    feedForward: FeedForward, feedForwardPostNorm: Norm?
  ) {
    (self.mixerNorm, self.mixer, self.mixerPostNorm) = (mixerNorm, mixer, mixerPostNorm)
    (self.feedForwardNorm, self.feedForward) = (feedForwardNorm, feedForward)
    (self.isParallel, self.feedForwardPostNorm) = (isParallel, feedForwardPostNorm)
    sumNorms = nil
  }
}

extension Attention {
  fileprivate init(
    shape: AttentionShape, query: Linear, key: Linear, value: Linear, norms: Architecture.QueryKeyNorms,
    queryNorm: Vector, keyNorm: Vector, output: Linear, rotaryTable: Int, place: Int
  ) {
    (self.shape, self.query, self.key, self.value) = (shape, query, key, value)
    (self.norms, self.queryNorm, self.keyNorm, self.output) = (norms, queryNorm, keyNorm, output)
    sinks = nil
    (self.rotaryTable, self.place) = (rotaryTable, place)
  }
}

extension ShortConvolution {
  fileprivate init(
    shape: ConvolutionShape, input: Linear, kernel: UnsafePointer<Float>, output: Linear, place: Int
  ) {
    (self.shape, self.input, self.kernel, self.output, self.place) = (shape, input, kernel, output, place)
  }
}

extension Mixture {
  fileprivate init(
    shape: ExpertShape, choiceBias: Vector, router: Linear, gate: Linear, up: Linear, down: Linear,
    shared: SharedExpert?
  ) {
    (self.shape, self.choiceBias, self.router, self.shared) = (shape, choiceBias, router, shared)
    (self.gate, self.up, self.down) = (gate, up, down)
  }
}

extension SharedExpert {
  fileprivate init(gate: Linear, up: Linear, down: Linear, factor: Vector) {
    (self.gate, self.up, self.down, self.factor) = (gate, up, down, factor)
  }
}

extension Hyperparameters {
  /// Another model's with sizes of its own.
  fileprivate init(_ other: Hyperparameters, embeddingLength: Int, vocabularySize: Int, layers: [LayerShape]) {
    architecture = other.architecture
    (contextLength, originalContextLength) = (other.contextLength, other.originalContextLength)
    (self.vocabularySize, self.embeddingLength) = (vocabularySize, embeddingLength)
    (layerCount, self.layers) = (layers.count, layers)
    (normEpsilon, embeddingScale, logitScale) = (other.normEpsilon, other.embeddingScale, other.logitScale)
    (isParallel, hasRotaryFactors) = (other.isParallel, other.hasRotaryFactors)
    (isBidirectional, pooling) = (other.isBidirectional, other.pooling)
    logitSoftCap = other.logitSoftCap
    traits = other.traits
  }
}
