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
    TinyArchitecture(name: "apertus"),
    TinyArchitecture(name: "deepseek2"),
    TinyArchitecture(name: "deepseek2", format: .q8_0),
    TinyArchitecture(name: "deepseek2", isFused: true),
    TinyArchitecture(name: "gpt-oss"),
    TinyArchitecture(name: "gpt-oss", format: .q8_0),
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
    TinyArchitecture(name: "cohere2"),
    TinyArchitecture(name: "exaone4", format: .q8_0),
    TinyArchitecture(name: "falcon", isFused: true),
    TinyArchitecture(name: "gpt2", isFused: true),
    TinyArchitecture(name: "gptneox", format: .q4_1),
    TinyArchitecture(name: "granite"),
    TinyArchitecture(name: "hunyuan-dense", format: .q8_0),
    TinyArchitecture(name: "nemotron"),
    TinyArchitecture(name: "olmo2"),
    TinyArchitecture(name: "olmo2", format: .q8_0),
    TinyArchitecture(name: "phi3", format: .q4_0, isFused: true),
    TinyArchitecture(name: "qwen2moe"),
    TinyArchitecture(name: "qwen2moe", format: .q4_0),
    TinyArchitecture(name: "qwen3moe"),
    TinyArchitecture(name: "qwen3moe", format: .q8_0),
    TinyArchitecture(name: "smollm3"),
    TinyArchitecture(name: "stablelm", format: .q8_0),
  ]

  /// Those that graphics cards compute.
  static var onCards: [TinyArchitecture] { all.filter { !["apertus", "deepseek2", "gpt-oss"].contains($0.name) } }

  /// Whether some layers keep a state that cannot be cut back.
  var isRecurrent: Bool { family.attentionLayers != nil }
  var family: TinyFamily { TinyFamily.named(name) }

  /// The file's bytes. The parameters spoil it for tests of errors.
  func file(
    without missing: String? = nil, withoutAll lacking: [String] = [],
    replacing: (name: String, shape: [UInt64])? = nil, adding more: [String] = [],
    rotaryFactor: Float? = nil, factorsNamed factors: [String] = ["rope_freqs.weight"],
    setting settings: [(key: String, value: TinyFamily.Value)] = [], experts: Int? = nil
  ) -> [UInt8] {
    var builder = GGUFBuilder()
    var generator = TestGenerator(state: 7)
    let (width, inner, layers, length) = (64, 96, 7, 16)
    var family = family
    if let experts { family.experts = experts }
    builder.add("general.architecture", name)
    for (key, value) in [
      ("context_length", 512), ("embedding_length", width), ("block_count", layers), ("feed_forward_length", inner),
      ("attention.head_count", heads), ("attention.head_count_kv", keyValueHeads), ("attention.key_length", length),
      ("attention.value_length", length), ("rope.dimension_count", Int(Double(length) * family.turned)),
    ] where key != missing && !(isRecurrent && key == "attention.head_count_kv") {
      builder.add("\(name).\(key)", .uint32, UInt32(value))
    }
    if let attentionLayers = family.attentionLayers {
      builder.add(
        "\(name).attention.head_count_kv", arrayOf: .int32,
        (0..<layers).map { littleEndian(Int32(attentionLayers.contains($0) ? keyValueHeads : 0)) })
      builder.add("\(name).shortconv.l_cache", .uint32, UInt32(convolutionLength))
    }
    for (key, value) in family.keys.filter({ key in !settings.contains { $0.key == key.0 } }) + settings {
      // Those of a curve stand without the architecture's name.
      let key = key.hasPrefix("xielu.") ? key : "\(name).\(key)"
      switch value {
      case .count(let count): builder.add(key, .uint32, count)
      case .number(let number): builder.add(key, number)
      case .double(let number): builder.add(key, .float64, number.bitPattern)
      case .text(let text): builder.add(key, text)
      case .numbers(let numbers):
        builder.add(key, arrayOf: .float32, numbers.map { littleEndian($0.bitPattern) })
      case .flags(let flags): builder.add(key, arrayOf: .bool, flags.map { [$0 ? 1 : 0] })
      case .flag(let flag): builder.add(key, type: .bool, bytes: [flag ? 1 : 0])
      }
    }
    if let rotaryBase { builder.add("\(name).rope.freq_base", rotaryBase) }
    builder.add("\(name).attention.layer_norm\(family.isLayerNorm ? "" : "_rms")_epsilon", Float(1e-5))

    func add(_ tensor: String, _ shape: [Int], _ format: TensorFormat, mean: Float = 0, spread: Float) {
      guard tensor != missing, !lacking.contains(tensor) else { return }
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

    func linear(_ tensor: String, _ rows: Int, _ columns: Int, _ hasBias: Bool, _ other: TensorFormat? = nil) {
      matrix(tensor + ".weight", rows, columns, other)
      if hasBias { vector(tensor + ".bias", rows, mean: 0) }
    }
    func norm(_ tensor: String) {
      vector(tensor + ".weight", width)
      if family.hasNormBiases { vector(tensor + ".bias", width, mean: 0) }
    }

    add("token_embd.weight", [width, Self.vocabulary], format, spread: 1)
    if family.hasPositions { add("position_embd.weight", [width, 512], .f32, spread: 0.5) }
    if let rotaryFactor {
      for factors in factors { add(factors, [length / 2], .f32, mean: rotaryFactor, spread: 0) }
    }
    if hasRotaryFactors { vector("rope_freqs.weight", length / 2, mean: 2) }
    for index in 0..<layers {
      let layer = "blk.\(index)."
      for name in family.before { norm(layer + name) }
      if let attentionLayers = family.attentionLayers, !attentionLayers.contains(index) {
        matrix(layer + "shortconv.in_proj.weight", 3 * width, width)
        add(layer + "shortconv.conv.weight", [convolutionLength, width], .f32, spread: 1)
        matrix(layer + "shortconv.out_proj.weight", width, width)
      } else {
        if let (rank, query) = family.latent {
          matrix(layer + "attn_q_a.weight", query, width)
          vector(layer + "attn_q_a_norm.weight", query)
          matrix(layer + "attn_q_b.weight", heads * 48, query)
          matrix(layer + "attn_kv_a_mqa.weight", rank + length, width)
          vector(layer + "attn_kv_a_norm.weight", rank)
          if isFused {
            matrix(layer + "attn_kv_b.weight", heads * 64, rank)
          } else {
            for (part, shape) in [("k", [32, rank, heads]), ("v", [rank, 32, heads])] {
              add(layer + "attn_\(part)_b.weight", shape, format, spread: 2 / Float(shape[0]).squareRoot())
            }
          }
        } else if isFused {
          linear(layer + "attn_qkv", (heads + 2 * keyValueHeads) * length, width, family.hasInputBiases)
        } else {
          for (part, count) in [("q", heads), ("k", keyValueHeads), ("v", keyValueHeads)] {
            linear(
              layer + "attn_\(part)", count * length, width, family.hasInputBiases, part == "v" ? valueFormat : nil)
          }
        }
        matrix(layer + "attn_output.weight", width, heads * (family.latent == nil ? length : 32))
        if family.hasSinks { vector(layer + "attn_sinks.weight", heads) }
        for (part, count) in [("q", heads), ("k", keyValueHeads)] {
          let name = layer + "attn_\(part)_norm.weight"
          switch family.headNorms {
          case .none: break
          case .heads: vector(name, length)
          case .separate: add(name, [length, count], .f32, mean: 1, spread: 0.2)
          case .vectors: vector(name, length * count)
          }
        }
      }
      for name in family.behind { norm(layer + name) }
      if family.experts > 0 {
        add(layer + "ffn_gate_inp.weight", [width, family.experts], .f32, spread: 2 / Float(width).squareRoot())
        if family.hasExpertBiases { vector(layer + "ffn_gate_inp.bias", family.experts, mean: 0) }
        for (part, shape) in [("gate", [width, inner]), ("up", [width, inner]), ("down", [inner, width])] {
          let spread = 2 / Float(shape[0]).squareRoot()
          add(layer + "ffn_\(part)_exps.weight", shape + [family.experts], format, spread: spread)
          if family.hasExpertBiases {
            // Some beyond the bounds that a gate may have.
            let spread: Float = part == "down" ? 0.2 : 9
            add(layer + "ffn_\(part)_exps.bias", [shape[1], family.experts], .f32, spread: spread)
          }
          guard family.sharedLength > 0 else { continue }
          let (rows, columns) = part == "down" ? (width, family.sharedLength) : (family.sharedLength, width)
          matrix(layer + "ffn_\(part)_shexp.weight", rows, columns)
        }
        if family.sharedLength > 0, family.latent == nil { vector(layer + "ffn_gate_inp_shexp.weight", width, mean: 0) }
        continue
      }
      if family.gate == .own { linear(layer + "ffn_gate", inner, width, family.hasFeedForwardBiases) }
      linear(layer + "ffn_up", family.gate == .both ? 2 * inner : inner, width, family.hasFeedForwardBiases)
      linear(layer + "ffn_down", width, inner, family.hasFeedForwardBiases)
    }
    norm(family.outputNorm)
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
