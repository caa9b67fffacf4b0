import CKernels
import Foundation
import InferenceCore

/// A forward pass written from the papers, in double precision, slow and without a thought of the engine's own: what the
/// engine computes is held to it for every architecture.
///
/// LLaMA (Touvron et al. 2023), Qwen2 and Qwen3 (Yang et al. 2024, 2025), Phi-2 (Li et al. 2023), Gemma 2 and 3 (2024, 2025),
/// LFM2 (Liquid AI 2025) and what sets others apart from these, with the tensors' names of GGUF. Only keys and values are
/// rounded, to 16 bits, as in every cache.
struct ReferenceTransformer {
  private let architecture: String
  private let tensors: [String: GGUFTensor]
  private let numbers: [String: Double]

  init(_ file: GGUFFile) {
    var tensors: [String: GGUFTensor] = [:]
    for tensor in file.tensors { tensors[String(decoding: tensor.name, as: UTF8.self)] = tensor }
    var numbers: [String: Double] = [:]
    var architecture = ""
    for entry in file.metadata {
      let key = String(decoding: entry.key, as: UTF8.self)
      switch entry.value {
      case .uint(let value): numbers[key] = Double(value)
      case .float(let value): numbers[key] = Double(value)
      case .bool(let value): numbers[key] = value ? 1 : 0
      case .array(let array) where array.elementType == .float32:
        for index in 0..<array.count { numbers["\(key).\(index)"] = array.float(at: index) }
      case .string(let text) where key == "general.architecture": architecture = String(decoding: text, as: UTF8.self)
      default: break
      }
    }
    (self.tensors, self.numbers, self.architecture) = (tensors, numbers, architecture)
  }

  /// The logits of the token after these.
  func logits(after tokens: [TokenID]) -> [Double] {
    let embedding = weights("token_embd.weight")!
    let width = embedding[0].count
    let scale = isGemma ? Double(width).squareRoot() : optional("embedding_scale") ?? 1
    let branchScale = optional("residual_scale") ?? 1
    let positions = weights("position_embd.weight")
    var x = tokens.enumerated().map { position, token in
      sum(embedding[Int(token)].map { $0 * scale }, positions?[position] ?? [Double](repeating: 0, count: width))
    }
    func add(_ branch: [[Double]], _ postNorm: String) {
      let hasPostNorm = tensors[postNorm + ".weight"] != nil && !isNormedLate
      for (token, y) in branch.enumerated() {
        x[token] = sum(x[token], (hasPostNorm ? norm(y, postNorm) : y).map { $0 * branchScale })
      }
    }
    for layer in 0..<Int(number("block_count")) {
      let name = "blk.\(layer)."
      /// The first of these norms that the file has; without any, what comes in.
      func normalized(_ names: String...) -> [[Double]] {
        guard let found = names.first(where: { tensors[name + $0 + ".weight"] != nil }) else { return x }
        return x.map { norm($0, name + found) }
      }
      let input = normalized("attn_norm_2", "attn_norm")
      let mixed =
        tensors[name + "shortconv.conv.weight"] == nil
        ? linear(attention(input, layer), name + "attn_output") : convolution(input, name)
      if isParallel {
        let fed = feedForward(normalized("ffn_norm", "attn_norm"), name)
        add(mixed, "")
        add(fed, "")
        continue
      }
      add(mixed, name + "post_attention_norm")
      let fed = normalized(isNormedLate ? "post_attention_norm" : "ffn_norm")
      add(feedForward(fed, name), name + "post_ffw_norm")
    }
    let last = [norm(x[x.count - 1], architecture == "lfm2" ? "token_embd_norm" : "output_norm")]
    let logits = linear(last, weights("output.weight") == nil ? "token_embd" : "output", bias: "output.bias")[0]
    let logitScale = optional("logit_scale") ?? 1
    return logits.map {
      bounded(architecture == "granite" ? $0 / logitScale : $0 * logitScale, "final_logit_softcapping")
    }
  }

  /// Mixer and feed-forward read the same (Wang and Komatsuzaki 2021).
  private var isParallel: Bool {
    switch architecture {
    case "phi2", "falcon", "cohere2": true
    case "gptneox": optional("use_parallel_residual") == 1
    case "stablelm": tensors["blk.0.ffn_norm.weight"] == nil
    default: false
    }
  }

  /// The norm before the feed-forward has another's name.
  private var isNormedLate: Bool { architecture == "seed_oss" || architecture == "gpt-oss" }

  private var isGemma: Bool { architecture.hasPrefix("gemma") }

  /// Gemma 2's soft caps.
  private func bounded(_ x: Double, _ key: String) -> Double {
    guard let cap = numbers["\(architecture).\(key)"] else { return x }
    return cap * tanh(x / cap)
  }

  /// LFM2's gated short convolution: out(c * conv(b * x)) with b, c, x = in(h), each channel on its own and causal.
  private func convolution(_ input: [[Double]], _ name: String) -> [[Double]] {
    let gates = linear(input, name + "shortconv.in_proj")
    let kernel = weights(name + "shortconv.conv.weight")!
    let channels = kernel.count
    let gated = gates.map { g in (0..<channels).map { g[$0] * g[2 * channels + $0] } }
    let outputs = input.indices.map { token in
      (0..<channels).map { channel -> Double in
        let length = kernel[channel].count
        let sum = (0..<length).reduce(0.0) { sum, tap in
          let from = token - (length - 1 - tap)
          return from < 0 ? sum : sum + kernel[channel][tap] * gated[from][channel]
        }
        return gates[token][channels + channel] * sum
      }
    }
    return linear(outputs, name + "shortconv.out_proj")
  }

  /// Softmax of scaled products over what comes before (Vaswani et al. 2017), heads of keys shared (Ainslie et al. 2023).
  private func attention(_ input: [[Double]], _ layer: Int) -> [[Double]] {
    let name = "blk.\(layer)."
    let heads = Int(number("attention.head_count"))
    let (length, valueLength) = (Int(number("attention.key_length")), Int(number("attention.value_length")))
    let shared =
      optional("attention.head_count_kv").map { Int($0) } ?? weights(name + "attn_k.weight")!.count / length
    if tensors[name + "attn_kv_a_mqa.weight"] != nil { return latentAttention(input, layer) }
    var (q, k, v): ([[Double]], [[Double]], [[Double]])
    if tensors[name + "attn_qkv.weight"] != nil {
      let all = linear(input, name + "attn_qkv")
      let (first, second) = (heads * length, heads * length + shared * length)
      (q, k) = (all.map { Array($0[..<first]) }, all.map { Array($0[first..<second]) })
      v = all.map { Array($0[second...]) }
    } else {
      (q, k) = (linear(input, name + "attn_q"), linear(input, name + "attn_k"))
      v = linear(input, name + "attn_v")
    }
    // Gemma 2: one layer with a window, then one without; Gemma 3: five; others three.
    let period = ["gemma2": 2, "gemma3": 6, "gpt-oss": 2][architecture] ?? 4
    let isLocal = optional("attention.sliding_window") != nil && layer % period != period - 1
    // Without a rotation: all layers, or one of four, or those without a window.
    let isTurned =
      switch architecture {
      case "gpt2": false
      case "smollm3": layer % 4 != 3
      case "cohere2", "exaone4": isLocal
      default: true
      }
    for position in input.indices {
      q[position] = rotated(q[position], length, position, name + "attn_q_norm", isLocal, isTurned)
      k[position] = rotated(k[position], length, position, name + "attn_k_norm", isLocal, isTurned).map(half)
      v[position] = v[position].map(half)
    }
    let window = isLocal ? Int(number("attention.sliding_window")) : .max
    return input.indices.map { token in
      (0..<heads).flatMap { head -> [Double] in
        let from = head * shared / heads
        let seen = Array(max(0, token - (window == .max ? token : window - 1))...token)
        let scores = seen.map { place in
          let product = (0..<length).reduce(0) { $0 + q[token][head * length + $1] * k[place][from * length + $1] }
          let scale = optional("attention.scale") ?? 1 / Double(length).squareRoot()
          return bounded(product * scale, "attn_logit_softcapping")
        }
        // GPT-OSS: a score of the head's own, which has no value.
        let sink = weights(name + "attn_sinks.weight")?[0][head] ?? -.infinity
        let most = max(scores.max()!, sink)
        let shares = scores.map { exp($0 - most) }
        let whole = shares.reduce(exp(sink - most), +)
        return (0..<valueLength).map { index in
          zip(seen, shares).reduce(0) { $0 + $1.1 * v[$1.0][from * valueLength + index] } / whole
        }
      }
    }
  }

  /// DeepSeek-V2's: keys and values are products of a latent vector, and what is turned of a key is of all heads.
  private func latentAttention(_ input: [[Double]], _ layer: Int) -> [[Double]] {
    let name = "blk.\(layer)."
    let (heads, rank) = (Int(number("attention.head_count")), Int(number("attention.kv_lora_rank")))
    let (length, valueLength) = (Int(number("attention.key_length_mla")), Int(number("attention.value_length_mla")))
    let turned = Int(number("rope.dimension_count"))
    let plain = length - turned
    let lowered = linear(input, name + "attn_q_a").map { norm($0, name + "attn_q_a_norm") }
    let q = linear(lowered, name + "attn_q_b").enumerated().map { position, row in
      stride(from: 0, to: row.count, by: length).map { start -> [Double] in
        let tail = Array(row[start + plain..<start + length])
        return Array(row[start..<start + plain]) + rotated(tail, turned, position, "", false, true)
      }
    }
    let shared = linear(input, name + "attn_kv_a_mqa")
    let c = shared.map { norm(Array($0[..<rank]), name + "attn_kv_a_norm").map(half) }
    let tails = shared.enumerated().map { rotated(Array($1[rank...]), turned, $0, "", false, true).map(half) }
    /// The rows of a head's matrix of keys, or of values.
    func matrix(_ head: Int, isOfKeys: Bool) -> [[Double]] {
      if let both = weights(name + "attn_kv_b.weight") {
        let first = head * (plain + valueLength)
        return Array(isOfKeys ? both[first..<first + plain] : both[first + plain..<first + plain + valueLength])
      }
      let all = weights(name + (isOfKeys ? "attn_k_b" : "attn_v_b") + ".weight")!
      let count = all.count / heads
      let own = Array(all[head * count..<(head + 1) * count])
      return isOfKeys ? (0..<plain).map { column in own.map { $0[column] } } : own
    }
    func products(_ matrix: [[Double]], _ x: [Double]) -> [Double] {
      matrix.map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
    }
    let k = (0..<heads).map { head in c.indices.map { products(matrix(head, isOfKeys: true), c[$0]) + tails[$0] } }
    let v = (0..<heads).map { head in c.map { products(matrix(head, isOfKeys: false), $0) } }
    return input.indices.map { token in
      (0..<heads).flatMap { head -> [Double] in
        let scores = (0...token).map { products([k[head][$0]], q[token][head])[0] / Double(length).squareRoot() }
        let shares = scores.map { exp($0 - scores.max()!) }
        return (0..<valueLength).map { index in
          shares.indices.reduce(0) { $0 + shares[$1] * v[head][$1][index] } / shares.reduce(0, +)
        }
      }
    }
  }

  /// Rotary embedding (Su et al. 2021) of every head, normalized before where the model has norms for that.
  private func rotated(
    _ vector: [Double], _ length: Int, _ position: Int, _ normName: String, _ isLocal: Bool, _ isTurned: Bool
  ) -> [Double] {
    let dimensions = Int(number("rope.dimension_count"))
    let base = isLocal && architecture == "gemma3" ? 10_000 : numbers["\(architecture).rope.freq_base"] ?? 10_000
    let factors = weights("rope_freqs.weight")?[0]
    let norms = weights(normName + ".weight")
    let isWhole = norms?[0].count == vector.count && vector.count > length
    let vector = isWhole ? norm(vector, factors: norms![0]) : vector
    var result: [Double] = []
    for start in stride(from: 0, to: vector.count, by: length) {
      var head = Array(vector[start..<start + length])
      func normalize() {
        guard let norms, !isWhole else { return }
        head = norm(head, factors: norms.count > 1 ? norms[start / length] : norms[0])
      }
      if architecture != "hunyuan-dense" { normalize() }
      for pair in 0..<dimensions / 2 where isTurned {
        // LLaMA's files and others made like them have neighbours as pairs, the rest the two halves.
        let hasNeighbours = ["llama", "cohere2", "granite", "smollm3", "deepseek2"].contains(architecture)
        let (a, b) = hasNeighbours ? (2 * pair, 2 * pair + 1) : (pair, pair + dimensions / 2)
        let angle = Double(position) * pow(base, -2 * Double(pair) / Double(dimensions)) / (factors?[pair] ?? 1)
        (head[a], head[b]) = (head[a] * cos(angle) - head[b] * sin(angle), head[a] * sin(angle) + head[b] * cos(angle))
      }
      if architecture == "hunyuan-dense" { normalize() }
      result += head
    }
    return result
  }

  /// SwiGLU or GeGLU (Shazeer 2020), or without a gate.
  private func feedForward(_ input: [[Double]], _ name: String) -> [[Double]] {
    func act(_ x: Double) -> Double {
      switch architecture {
      case "gemma2", "gemma3", "phi2", "falcon", "gpt2", "gptneox":
        0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
      case "nemotron": x > 0 ? x * x : 0
      case "apertus": xielu(x, layer: name.split(separator: ".")[1])
      default: x / (1 + exp(-x))
      }
    }
    if tensors[name + "ffn_gate_inp.weight"] != nil { return input.map { mixture($0, name, act) } }
    let up = linear(input, name + "ffn_up")
    let inner = Int(number("feed_forward_length"))
    if up[0].count == 2 * inner {
      let both = up.map { row in (0..<inner).map { act(row[$0]) * row[inner + $0] } }
      return linear(both, name + "ffn_down")
    }
    guard tensors[name + "ffn_gate.weight"] != nil else { return linear(up.map { $0.map(act) }, name + "ffn_down") }
    let gate = linear(input, name + "ffn_gate").map { $0.map(act) }
    return linear(zip(gate, up).map { zip($0, $1).map(*) }, name + "ffn_down")
  }

  /// xIELU (Huang and Schlag 2024).
  private func xielu(_ x: Double, layer: Substring) -> Double {
    func parameter(_ name: String) -> Double { numbers["xielu.\(name).\(layer)"]! }
    func softplus(_ x: Double) -> Double { log(1 + exp(x)) }
    let beta = parameter("beta")
    return x > 0
      ? softplus(parameter("alpha_p")) * x * x + beta * x
      : (expm1(min(x, parameter("eps"))) - x) * (beta + softplus(parameter("alpha_n"))) + beta * x
  }

  /// GPT-OSS's gated unit (OpenAI 2025).
  private func bounded(gate: Double, up: Double) -> Double {
    let gate = min(gate, 7)
    return gate / (1 + exp(-1.702 * gate)) * (min(max(up, -7), 7) + 1)
  }

  /// The experts that a softmax holds likeliest (Shazeer et al. 2017), and one through which every token goes.
  private func mixture(_ x: [Double], _ name: String, _ act: (Double) -> Double) -> [Double] {
    func fed(_ kind: String, _ expert: Int?) -> [Double] {
      func product(_ part: String, _ x: [Double]) -> [Double] {
        let name = name + "ffn_\(part)_\(kind).weight"
        let rows = weights(name)!
        let count = tensors[name]!.shape[1]
        let first = (expert ?? 0) * count
        let result = rows[first..<first + count].map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
        return weights(name.replacing("weight", with: "bias")).map { sum(result, $0[expert ?? 0]) } ?? result
      }
      let halves = zip(product("gate", x), product("up", x))
      return product("down", halves.map { architecture == "gpt-oss" ? bounded(gate: $0, up: $1) : act($0) * $1 })
    }
    let logits = linear([x], name + "ffn_gate_inp")[0]
    let isSigmoid = architecture == "deepseek2"
    let likelihoods = logits.map { isSigmoid ? 1 / (1 + exp(-$0)) : exp($0 - logits.max()!) }
    let whole = likelihoods.reduce(0, +)
    let used = Int(number("expert_used_count"))
    let chosen = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(used)
    let share =
      ["qwen3moe", "gpt-oss", "deepseek2"].contains(architecture) ? chosen.reduce(0) { $0 + likelihoods[$1] } : whole
    var result = [Double](repeating: 0, count: x.count)
    let scale = optional("expert_weights_scale") ?? 1
    for expert in chosen { result = sum(result, fed("exps", expert).map { $0 * likelihoods[expert] / share * scale }) }
    if isSigmoid { return sum(result, fed("shexp", nil)) }
    guard let factor = weights(name + "ffn_gate_inp_shexp.weight")?[0] else { return result }
    let gate = 1 / (1 + exp(-zip(factor, x).reduce(0) { $0 + $1.0 * $1.1 }))
    return sum(result, fed("shexp", nil).map { $0 * gate })
  }

  /// RMSNorm (Zhang and Sennrich 2019), or LayerNorm (Ba et al. 2016).
  private func norm(_ x: [Double], _ name: String) -> [Double] {
    let result = norm(x, factors: weights(name + ".weight")![0])
    return weights(name + ".bias").map { sum(result, $0[0]) } ?? result
  }

  private func norm(_ x: [Double], factors: [Double]) -> [Double] {
    let count = Double(x.count)
    guard let epsilon = optional("attention.layer_norm_epsilon") else {
      let scale = 1 / (x.reduce(0) { $0 + $1 * $1 } / count + number("attention.layer_norm_rms_epsilon")).squareRoot()
      return zip(x, factors).map { $0 * scale * $1 }
    }
    let mean = x.reduce(0, +) / count
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let scale = 1 / (variance + epsilon).squareRoot()
    return zip(x, factors).map { ($0 - mean) * scale * $1 }
  }

  private func linear(_ input: [[Double]], _ name: String, bias: String? = nil) -> [[Double]] {
    let matrix = weights(name + ".weight")!
    let bias = weights(bias ?? name + ".bias")?[0]
    return input.map { x in
      let product = matrix.map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
      return bias.map { sum(product, $0) } ?? product
    }
  }

  private func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map(+) }
  private func half(_ x: Double) -> Double { Double(ck_f16_to_f32(ck_f32_to_f16(Float(x)))) }
  private func number(_ key: String) -> Double { optional(key)! }
  private func optional(_ key: String) -> Double? { numbers["\(architecture).\(key)"] }

  /// A tensor's rows.
  private func weights(_ name: String) -> [[Double]]? {
    guard let tensor = tensors[name] else { return nil }
    let columns = tensor.shape[0]
    let count = tensor.shape.reduce(1, *)
    var values = [Float](repeating: 0, count: count)
    let data = tensor.data.baseAddress!.assumingMemoryBound(to: UInt8.self)
    values.withUnsafeMutableBufferPointer {
      tensor.format.definition.dequantize(data, count: count, into: $0.baseAddress!)
    }
    return stride(from: 0, to: count, by: columns).map { values[$0..<$0 + columns].map(Double.init) }
  }
}
