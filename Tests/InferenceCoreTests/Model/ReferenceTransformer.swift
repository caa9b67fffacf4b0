import CKernels
import Foundation
import InferenceCore

/// A forward pass written from the papers, in double precision, slow and without a thought of the engine's own: what the
/// engine computes is held to it for every architecture.
///
/// LLaMA (Touvron et al. 2023), Qwen2 and Qwen3 (Yang et al. 2024, 2025), Phi-2 (Li et al. 2023), Gemma 2 and 3 (2024, 2025)
/// and LFM2 (Liquid AI 2025), with the tensors' names of GGUF. Only keys and values are rounded, to 16 bits, as in every cache.
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
    var x = tokens.map { token in
      embedding[Int(token)].map { isGemma ? $0 * Double(width).squareRoot() : $0 }
    }
    for layer in 0..<Int(number("block_count")) {
      let name = "blk.\(layer)."
      let input = x.map { norm($0, name + "attn_norm") }
      var attended =
        tensors[name + "shortconv.conv.weight"] == nil
        ? linear(attention(input, layer), name + "attn_output") : convolution(input, name)
      if architecture == "phi2" {
        let fed = feedForward(input, name)
        for token in x.indices { x[token] = sum(sum(x[token], attended[token]), fed[token]) }
        continue
      }
      if isGemma { attended = attended.map { norm($0, name + "post_attention_norm") } }
      for token in x.indices { x[token] = sum(x[token], attended[token]) }
      var fed = feedForward(x.map { norm($0, name + "ffn_norm") }, name)
      if isGemma { fed = fed.map { norm($0, name + "post_ffw_norm") } }
      for token in x.indices { x[token] = sum(x[token], fed[token]) }
    }
    let last = [norm(x[x.count - 1], architecture == "lfm2" ? "token_embd_norm" : "output_norm")]
    let logits = linear(last, weights("output.weight") == nil ? "token_embd" : "output", bias: "output.bias")[0]
    return logits.map { bounded($0, "final_logit_softcapping") }
  }

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
    let shared =
      (weights(name + "attn_k.weight")?.count ?? heads * Int(number("attention.key_length")))
      / Int(number("attention.key_length"))
    let (length, valueLength) = (Int(number("attention.key_length")), Int(number("attention.value_length")))
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
    // Gemma 2: one layer with a window, then one without; Gemma 3: five.
    let isLocal = isGemma && (architecture == "gemma2" ? layer % 2 == 0 : layer % 6 != 5)
    for position in input.indices {
      q[position] = rotated(q[position], length, position, name + "attn_q_norm", isLocal)
      k[position] = rotated(k[position], length, position, name + "attn_k_norm", isLocal).map(half)
      v[position] = v[position].map(half)
    }
    let window = isLocal ? Int(number("attention.sliding_window")) : .max
    return input.indices.map { token in
      (0..<heads).flatMap { head -> [Double] in
        let from = head * shared / heads
        let seen = Array(max(0, token - (window == .max ? token : window - 1))...token)
        let scores = seen.map { place in
          let product = (0..<length).reduce(0) { $0 + q[token][head * length + $1] * k[place][from * length + $1] }
          return bounded(product / Double(length).squareRoot(), "attn_logit_softcapping")
        }
        let most = scores.max()!
        let shares = scores.map { exp($0 - most) }
        let whole = shares.reduce(0, +)
        return (0..<valueLength).map { index in
          zip(seen, shares).reduce(0) { $0 + $1.1 * v[$1.0][from * valueLength + index] } / whole
        }
      }
    }
  }

  /// Rotary embedding (Su et al. 2021) of every head, normalized before where the model has norms for that.
  private func rotated(
    _ vector: [Double], _ length: Int, _ position: Int, _ normName: String, _ isLocal: Bool
  ) -> [Double] {
    let dimensions = Int(number("rope.dimension_count"))
    let base = isLocal && architecture == "gemma3" ? 10_000 : numbers["\(architecture).rope.freq_base"] ?? 10_000
    let factors = weights("rope_freqs.weight")?[0]
    var result: [Double] = []
    for start in stride(from: 0, to: vector.count, by: length) {
      var head = Array(vector[start..<start + length])
      if tensors[normName + ".weight"] != nil { head = norm(head, normName) }
      for pair in 0..<dimensions / 2 {
        // LLaMA's files have neighbours as pairs, the others the two halves.
        let (a, b) = architecture == "llama" ? (2 * pair, 2 * pair + 1) : (pair, pair + dimensions / 2)
        let angle = Double(position) * pow(base, -2 * Double(pair) / Double(dimensions)) / (factors?[pair] ?? 1)
        (head[a], head[b]) = (head[a] * cos(angle) - head[b] * sin(angle), head[a] * sin(angle) + head[b] * cos(angle))
      }
      result += head
    }
    return result
  }

  /// SwiGLU or GeGLU (Shazeer 2020), or without a gate.
  private func feedForward(_ input: [[Double]], _ name: String) -> [[Double]] {
    func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
    func gelu(_ x: Double) -> Double { 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x))) }
    let up = linear(input, name + "ffn_up")
    if architecture == "phi2" { return linear(up.map { $0.map(gelu) }, name + "ffn_down") }
    let gate = linear(input, name + "ffn_gate").map { $0.map(isGemma ? gelu : silu) }
    return linear(zip(gate, up).map { zip($0, $1).map(*) }, name + "ffn_down")
  }

  /// RMSNorm (Zhang and Sennrich 2019), in Phi-2 LayerNorm (Ba et al. 2016).
  private func norm(_ x: [Double], _ name: String) -> [Double] {
    let weight = weights(name + ".weight")![0]
    let count = Double(x.count)
    if architecture != "phi2" {
      let scale = 1 / (x.reduce(0) { $0 + $1 * $1 } / count + number("attention.layer_norm_rms_epsilon")).squareRoot()
      return zip(x, weight).map { $0 * scale * $1 }
    }
    let mean = x.reduce(0, +) / count
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    let scale = 1 / (variance + number("attention.layer_norm_epsilon")).squareRoot()
    return sum(zip(x, weight).map { ($0 - mean) * scale * $1 }, weights(name + ".bias")![0])
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
  private func number(_ key: String) -> Double { numbers["\(architecture).\(key)"]! }

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
