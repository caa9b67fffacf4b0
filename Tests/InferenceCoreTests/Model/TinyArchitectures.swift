import CKernels
import InferenceCore

/// Models of a few thousand random weights, one for each architecture and weight format wanted.
struct TinyArchitecture: CustomStringConvertible, Sendable {
  let name: String
  var format = TensorFormat.f32
  /// The format of the values' matrices; nil where it is the same.
  var valueFormat: TensorFormat?
  var heads = 4
  var keyValueHeads = 2
  var hasRotaryFactors = false
  var isFused = false
  var rotaryBase: Float?
  var convolutionLength = 3

  var description: String {
    "\(name) \(format)\(valueFormat.map { " values \($0)" } ?? "")\(heads > 4 ? " \(heads) heads" : "")\(isFused ? " fused" : "")\(rotaryBase.map { " base \($0)" } ?? "")"
  }

  static let vocabulary = 96
  static let all: [TinyArchitecture] = [
    TinyArchitecture(name: "llama"),
    TinyArchitecture(name: "llama", format: .q4_1, hasRotaryFactors: true),
    TinyArchitecture(name: "llama", format: .q8_0, keyValueHeads: 1),
    // More heads share keys than are attended together.
    TinyArchitecture(name: "llama", heads: 21, keyValueHeads: 1),
    TinyArchitecture(name: "qwen2", format: .f16),
    TinyArchitecture(name: "qwen3", format: .q5_0),
    TinyArchitecture(name: "phi2", keyValueHeads: 4),
    TinyArchitecture(name: "phi2", format: .q5_1, keyValueHeads: 4, isFused: true),
    TinyArchitecture(name: "gemma2", format: .q4_0),
    TinyArchitecture(name: "gemma3"),
    TinyArchitecture(name: "gemma3", format: .iq4_NL),
    TinyArchitecture(name: "lfm2"),
    TinyArchitecture(name: "lfm2", format: .q8_0),
  ]

  /// Whether some layers keep a state that cannot be cut back.
  var isRecurrent: Bool { name == "lfm2" }
  /// Of such a model, the layers that are attention.
  static let attentionLayers = [2, 4, 6]

  /// The file's bytes. The parameters spoil it for tests of errors.
  func file(
    without missing: String? = nil, replacing: (name: String, shape: [UInt64])? = nil, adding more: [String] = [],
    rotaryFactor: Float? = nil
  ) -> [UInt8] {
    var builder = GGUFBuilder()
    var generator = TestGenerator(state: 7)
    let (width, inner, layers, length) = (64, 96, 7, 16)
    builder.add("general.architecture", name)
    for (key, value) in [
      ("context_length", 512), ("embedding_length", width), ("block_count", layers), ("feed_forward_length", inner),
      ("attention.head_count", heads), ("attention.head_count_kv", keyValueHeads), ("attention.key_length", length),
      ("attention.value_length", length), ("rope.dimension_count", name == "phi2" ? length / 2 : length),
    ] where key != missing && !(isRecurrent && key == "attention.head_count_kv") {
      builder.add("\(name).\(key)", .uint32, UInt32(value))
    }
    if isRecurrent {
      builder.add(
        "lfm2.attention.head_count_kv", arrayOf: .int32,
        (0..<layers).map { littleEndian(Int32(Self.attentionLayers.contains($0) ? keyValueHeads : 0)) })
      builder.add("lfm2.shortconv.l_cache", .uint32, UInt32(convolutionLength))
    }
    if name == "gemma2" {
      builder.add("gemma2.attn_logit_softcapping", Float(2))
      builder.add("gemma2.final_logit_softcapping", Float(3))
    }
    if let rotaryBase { builder.add("\(name).rope.freq_base", rotaryBase) }
    if name.hasPrefix("gemma") { builder.add("\(name).attention.sliding_window", .uint32, UInt32(24)) }
    builder.add("\(name).attention.layer_norm\(name == "phi2" ? "" : "_rms")_epsilon", Float(1e-5))

    func add(_ tensor: String, _ shape: [Int], _ format: TensorFormat, mean: Float = 0, spread: Float) {
      guard tensor != missing else { return }
      let count = shape.reduce(1, *)
      let shape = replacing?.name == tensor ? replacing!.shape : shape.map(UInt64.init)
      var values = (0..<count).map { _ in
        mean + spread * (Float(generator.next() >> 40) / Float(1 << 23) - 1)
      }
      builder.addTensor(
        tensor, shape: shape, format: format.rawValue,
        data: Self.encode(&values, as: format, with: &generator))
    }
    func matrix(_ tensor: String, _ rows: Int, _ columns: Int, _ other: TensorFormat? = nil) {
      add(tensor, [columns, rows], other ?? format, spread: 2 / Float(columns).squareRoot())
    }
    func vector(_ tensor: String, _ count: Int, mean: Float = 1) {
      add(tensor, [count], .f32, mean: mean, spread: 0.2)
    }

    add("token_embd.weight", [width, Self.vocabulary], format, spread: 1)
    if let rotaryFactor { add("rope_freqs.weight", [length / 2], .f32, mean: rotaryFactor, spread: 0) }
    if hasRotaryFactors { vector("rope_freqs.weight", length / 2, mean: 2) }
    for index in 0..<layers {
      let layer = "blk.\(index)."
      vector(layer + "attn_norm.weight", width)
      let isConvolution = isRecurrent && !Self.attentionLayers.contains(index)
      if isConvolution {
        matrix(layer + "shortconv.in_proj.weight", 3 * width, width)
        add(layer + "shortconv.conv.weight", [convolutionLength, width], .f32, spread: 1)
        matrix(layer + "shortconv.out_proj.weight", width, width)
      } else if isFused {
        matrix(layer + "attn_qkv.weight", (heads + 2 * keyValueHeads) * length, width)
        vector(layer + "attn_qkv.bias", (heads + 2 * keyValueHeads) * length, mean: 0)
      } else {
        for (part, count) in [("q", heads), ("k", keyValueHeads), ("v", keyValueHeads)] {
          matrix(layer + "attn_\(part).weight", count * length, width, part == "v" ? valueFormat : nil)
          if name == "qwen2" || name == "phi2" { vector(layer + "attn_\(part).bias", count * length, mean: 0) }
        }
      }
      if !isConvolution { matrix(layer + "attn_output.weight", width, heads * length) }
      if name == "qwen3" || name == "gemma3" || (isRecurrent && !isConvolution) {
        vector(layer + "attn_q_norm.weight", length)
        vector(layer + "attn_k_norm.weight", length)
      }
      if name.hasPrefix("gemma") {
        vector(layer + "post_attention_norm.weight", width)
        vector(layer + "post_ffw_norm.weight", width)
      }
      if name == "phi2" {
        vector(layer + "attn_norm.bias", width, mean: 0)
        vector(layer + "ffn_up.bias", inner, mean: 0)
        vector(layer + "ffn_down.bias", width, mean: 0)
      } else {
        vector(layer + "ffn_norm.weight", width)
        matrix(layer + "ffn_gate.weight", inner, width)
      }
      matrix(layer + "ffn_up.weight", inner, width)
      matrix(layer + "ffn_down.weight", width, inner)
    }
    vector(isRecurrent ? "token_embd_norm.weight" : "output_norm.weight", width)
    if name == "phi2" { vector("output_norm.bias", width, mean: 0) }
    for tensor in more { vector(tensor, inner) }
    return builder.file
  }

  /// Floats as they are; a quantized format gets random blocks with a small scale.
  private static func encode(
    _ values: inout [Float], as format: TensorFormat, with generator: inout TestGenerator
  ) -> [UInt8] {
    switch format {
    case .f32: return values.flatMap { littleEndian($0.bitPattern) }
    case .f16: return values.flatMap { littleEndian(ck_f32_to_f16($0)) }
    default:
      return (0..<values.count / 32).flatMap { _ in
        var block = (0..<format.blockBytes).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let scale: Float = format == .q8_0 || format == .iq4_NL ? 0.002 : 0.02
        block.replaceSubrange(0..<2, with: littleEndian(ck_f32_to_f16(scale)))
        if format == .q4_1 || format == .q5_1 {
          block.replaceSubrange(2..<4, with: littleEndian(ck_f32_to_f16(-scale * 8)))
        }
        return block
      }
    }
  }
}
