import CKernels

/// The sizes and constants of one model, from the metadata of its file.
public struct Hyperparameters: Sendable {
  /// GGUF's `general.architecture`.
  public let architecture: String
  /// Tokens the model was trained to attend over.
  public let contextLength: Int
  public let vocabularySize: Int
  public let layerCount: Int
  /// Elements of the residual stream.
  public let embeddingLength: Int
  public let feedForwardLength: Int
  public let headCount: Int
  /// Heads of keys and values, each shared by `headCount / keyValueHeadCount` query heads (Ainslie et al. 2023).
  public let keyValueHeadCount: Int
  /// Elements of one query or key head.
  public let keyLength: Int
  /// Elements of one value head.
  public let valueLength: Int
  public let normEpsilon: Float
  /// Elements of a head that are rotated, from its first.
  public let rotaryDimensions: Int
  public let rotaryBase: Double
  /// What positions are multiplied by on layers without a window.
  public let rotaryScale: Double
  /// Positions a windowed layer sees, the token's own included; 0 without windows.
  public let slidingWindow: Int
  /// What a query's product with a key is multiplied by.
  public let attentionScale: Float

  let traits: Architecture

  /// Bytes that one token's keys and values take in the cache, all layers together.
  public var cacheBytesPerToken: Int64 {
    Int64(layerCount * keyValueHeadCount) * Int64((keyLength + valueLength) * MemoryLayout<UInt16>.size)
  }

  /// Query heads that share a head of keys and values, in groups that are attended together.
  var headGroups: (count: Int, size: Int) {
    let sharing = headCount / keyValueHeadCount
    let size = min(sharing, Int(CK_ATTENTION_ROWS))
    return ((sharing + size - 1) / size, size)
  }

  /// Reads and checks the header's values.
  public init(_ file: GGUFFile) throws(ModelError) {
    let read = try HeaderReader(file)
    traits = read.traits
    architecture = String(decoding: read.prefix, as: UTF8.self)
    contextLength = try read.count(".context_length", upTo: 1 << 24)
    embeddingLength = try read.count(".embedding_length", upTo: 1 << 20)
    layerCount = try read.count(".block_count", upTo: 1024)
    feedForwardLength = try read.count(".feed_forward_length", upTo: 1 << 20)
    headCount = try read.count(".attention.head_count", upTo: 4096)
    keyValueHeadCount = try read.count(".attention.head_count_kv", upTo: 4096, default: headCount)
    guard headCount % keyValueHeadCount == 0 else {
      throw read.invalid("the number of heads to be a multiple of \(keyValueHeadCount), found \(headCount)")
    }
    let headLength = embeddingLength / headCount
    keyLength = try read.count(".attention.key_length", upTo: 4096, default: headLength)
    valueLength = try read.count(".attention.value_length", upTo: 4096, default: headLength)
    let epsilonKey: StaticString =
      traits.norm == .rms ? ".attention.layer_norm_rms_epsilon" : ".attention.layer_norm_epsilon"
    normEpsilon = Float(try read.number(epsilonKey, default: 1e-5))
    rotaryDimensions = try read.count(".rope.dimension_count", upTo: 4096, default: keyLength)
    guard rotaryDimensions <= keyLength, rotaryDimensions % 2 == 0 else {
      throw read.invalid("an even number of rotated elements up to \(keyLength), found \(rotaryDimensions)")
    }
    rotaryBase = try read.number(".rope.freq_base", default: 10_000)
    rotaryScale = try read.rotaryScale()
    slidingWindow =
      traits.globalLayerPeriod > 0 ? try read.count(".attention.sliding_window", upTo: 1 << 24, default: 0) : 0
    // Gemma 3 27B, of 62 layers, alone divides by the square root of embedding length per head.
    let isGemma27B = traits.globalLayerPeriod == 6 && layerCount == 62
    attentionScale = 1 / Float(isGemma27B ? headLength : keyLength).squareRoot()

    let embedding = try gguf { () throws(GGUFError) in try file.tensor("token_embd.weight") }
    guard let embedding, embedding.shape.count == 2 else {
      throw ModelError(.missing, "The file has no matrix token_embd.weight; does it hold only a vocabulary?")
    }
    vocabularySize = embedding.shape[1]
  }
}
