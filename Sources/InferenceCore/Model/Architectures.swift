/// What sets one GGUF `general.architecture` apart; the pass reads these and nothing else about it.
///
/// Biases are not listed: a layer has those whose tensors are in the file.
struct Architecture: Sendable {
  enum Norm: Sendable {
    /// Root mean square, without mean and bias (Zhang and Sennrich 2019).
    case rms
    /// Mean and deviation, with an optional bias (Ba et al. 2016).
    case layer
  }
  enum Activation: Sendable {
    case silu
    /// In its tanh form.
    case gelu
  }
  /// Which elements of a head form a rotated pair.
  enum RotaryLayout: Sendable {
    /// (2i, 2i + 1)
    case interleaved
    /// (i, i + half)
    case halves
  }

  let name: StaticString
  var norm = Norm.rms
  var activation = Activation.silu
  /// `down(activation(gate x) * up x)` rather than `down(activation(up x))`.
  var isGated = true
  /// Mixer and feed-forward both read the same normalized input (Wang and Komatsuzaki 2021).
  var isParallel = false
  var rotaryLayout = RotaryLayout.halves
  /// Each query and key head is normalized before its rotation.
  var hasQueryKeyNorms = false
  /// The branches' outputs are normalized before they are added.
  var hasPostNorms = false
  /// Embeddings are multiplied by the square root of their length.
  var scalesEmbeddings = false
  /// Scores of attention and logits are bounded as the header says (Gemma Team 2024).
  var hasSoftCaps = false
  /// With a sliding window in the file: every so many layers, one attends to everything. 0: none has a window.
  var globalLayerPeriod = 0
  /// The rotary base of the layers with a window.
  var windowRotaryBase: Double? = nil
  /// The layer count of the one size whose scores are divided by the square root of embedding length per head.
  var layersScaledByHeads: Int? = nil
  /// Layers without heads of keys and values are short convolutions.
  var hasConvolutions = false
  /// The norm before the output.
  var outputNorm: StaticString = "output_norm"

  static let table: [Architecture] = [
    // SmolLM2, Llama 2 to 3.3, Mistral
    Architecture(name: "llama", rotaryLayout: .interleaved),
    Architecture(name: "qwen2"),
    Architecture(name: "qwen3", hasQueryKeyNorms: true),
    Architecture(name: "phi2", norm: .layer, activation: .gelu, isGated: false, isParallel: true),
    Architecture(
      name: "gemma2", activation: .gelu, hasPostNorms: true, scalesEmbeddings: true, hasSoftCaps: true,
      globalLayerPeriod: 2, layersScaledByHeads: 46),
    Architecture(
      name: "gemma3", activation: .gelu, hasQueryKeyNorms: true, hasPostNorms: true, scalesEmbeddings: true,
      globalLayerPeriod: 6, windowRotaryBase: 10_000, layersScaledByHeads: 62),
    Architecture(name: "lfm2", hasQueryKeyNorms: true, hasConvolutions: true, outputNorm: "token_embd_norm"),
  ]

  /// The table's entry for a name from a file.
  static func named(_ name: UnsafeRawBufferPointer) throws(ModelError) -> Architecture {
    for entry in table where entry.name.utf8CodeUnitCount == name.count {
      if entry.name.withUTF8Buffer({ name.elementsEqual($0) }) { return entry }
    }
    var known = ""
    for entry in table { known += (known.isEmpty ? "" : ", ") + "\(entry.name)" }
    let found = String(decoding: name.prefix(64), as: UTF8.self)
    throw ModelError(.unknownArchitecture, "The model's architecture is \(found); known here are \(known).")
  }
}
