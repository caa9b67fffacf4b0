/// A model whose weights stay where the file's bytes are.
///
/// The owner of the bytes keeps them in place while the model is used.
public final class LanguageModel {
  public let hyperparameters: Hyperparameters
  /// Bytes of all weights.
  let weightBytes: Int

  let embedding: Matrix  // token_embd.weight [vocabulary × embedding]
  let outputNorm: UnsafePointer<Float>  // output_norm.weight [embedding]
  let outputNormBias: Vector  // output_norm.bias
  let output: Matrix  // output.weight [vocabulary × embedding]; when absent, the embedding
  let outputBias: Vector  // output.bias
  let layers: UnsafeMutableBufferPointer<Layer>
  /// Angles per position, for layers without a window and with one.
  let rotary: RotaryEmbedding
  let windowRotary: RotaryEmbedding

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
    let norm = try tensors.optionalVector("output_norm.weight", count: width)
    outputNorm = try tensors.required(norm, "output_norm.weight")
    outputNormBias = try tensors.optionalVector("output_norm.bias", count: width)
    let untied = try tensors.optionalMatrix("output.weight", rows: h.vocabularySize, columns: width)
    output = untied ?? embedding
    outputBias = try tensors.optionalVector("output.bias", count: h.vocabularySize)

    let factors = try tensors.optionalVector("rope_freqs.weight", count: h.rotaryDimensions / 2)
    rotary = try RotaryEmbedding(
      dimensions: h.rotaryDimensions, base: h.rotaryBase, scale: h.rotaryScale, factors: factors)
    windowRotary = try RotaryEmbedding(
      dimensions: h.rotaryDimensions, base: h.traits.windowRotaryBase ?? h.rotaryBase, scale: 1, factors: factors)

    var built = [Layer]()
    for index in 0..<h.layerCount { built.append(try Layer(index, h, tensors)) }
    try tensors.checkNoneIsLeft()
    layers = .allocate(capacity: built.count)
    _ = layers.initialize(from: built)
  }

  deinit {
    layers.deallocate()
  }
}

/// The formats of the matrices that read each vector of a pass.
struct InputFormats {
  var input: [TensorFormat] = []
  var attended: [TensorFormat] = []
  var hidden: [TensorFormat] = []
}

extension LanguageModel {
  var inputFormats: InputFormats {
    var formats = InputFormats(input: [output.format])
    for layer in layers {
      formats.input += [layer.query.format, layer.key.format, layer.value.format, layer.up.format]
      if let gate = layer.gate { formats.input.append(gate.format) }
      formats.attended.append(layer.attentionOutput.format)
      formats.hidden.append(layer.down.format)
    }
    return formats
  }
}
