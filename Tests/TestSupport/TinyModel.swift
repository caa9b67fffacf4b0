import Foundation

/// A GGUF model of a few hundred KB with deterministic random weights, so that tests always have a real one.
///
/// The architecture is `llama`, everything in F32. Its vocabulary is the 256 bytes (in GPT-2's alphabet, without merges:
/// one token a byte) and three special tokens. Greedy output is printable ASCII and does not end by itself.
public struct TinyModel: Sendable {
  public var contextLength = 512
  public var layers = 2
  /// Rows of the hidden state; a multiple of 64.
  public var embedding = 64
  public var seed: UInt64 = 1
  public var name = "Tiny"
  /// Jinja source; nil for a model without a chat template.
  public var chatTemplate: String? = Self.chatML
  public var architecture = "llama"
  /// GGUF's number for how vectors of tokens become a text's; 0 for a model for chat.
  public var pooling = 0
  /// Whether tokens see those behind them.
  public var isBidirectional = false
  /// What stands in the place of `<|endoftext|>`, and GGUF's kind of it: 3 for a control token, 4 for one that users define.
  public var endOfText = (text: "<|endoftext|>", kind: Int32(3))
  /// What stands in the place of `<|im_start|>` and `<|im_end|>`.
  public var turns = (start: "<|im_start|>", end: "<|im_end|>")

  /// The factors of the norm before the output.
  public var outputNorm: Float = 1
  /// Rows of the matrices beyond the vocabulary, which the model would choose above all.
  public var padding = 0

  public init() {}

  /// Ends a text.
  public static let endOfText: Int32 = 256
  /// `<|im_start|>`
  public static let startOfTurn: Int32 = 257
  /// `<|im_end|>`, which ends a reply.
  public static let endOfTurn: Int32 = 258
  public static let vocabularySize = 259

  public static let chatML =
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

  /// The file's bytes.
  public func bytes() -> [UInt8] {
    var writer = TinyGGUFWriter()
    let headLength = 32
    let heads = embedding / headLength
    let keyValueHeads = heads / 2
    let feedForward = embedding * 2
    writer.string("general.architecture", architecture)
    writer.string("general.name", name)
    writer.uint("\(architecture).block_count", layers)
    writer.uint("\(architecture).context_length", contextLength)
    writer.uint("\(architecture).embedding_length", embedding)
    writer.uint("\(architecture).feed_forward_length", feedForward)
    writer.uint("\(architecture).attention.head_count", heads)
    writer.uint("\(architecture).attention.head_count_kv", keyValueHeads)
    writer.float("\(architecture).attention.layer_norm_rms_epsilon", 1e-5)
    writer.uint("\(architecture).rope.dimension_count", headLength)
    if pooling > 0 { writer.uint("\(architecture).pooling_type", pooling) }
    if isBidirectional { writer.bool("\(architecture).attention.causal", false) }
    writer.string("tokenizer.ggml.model", "gpt2")
    writer.string("tokenizer.ggml.pre", "gpt-2")
    writer.strings("tokenizer.ggml.tokens", Self.bytes + [endOfText.text, turns.start, turns.end])
    writer.ints(
      "tokenizer.ggml.token_type", (0..<Self.vocabularySize).map { $0 < 256 ? 1 : $0 == 256 ? endOfText.kind : 3 }
    )
    writer.strings("tokenizer.ggml.merges", [])
    writer.uint("tokenizer.ggml.bos_token_id", Int(Self.endOfText))
    writer.uint("tokenizer.ggml.eos_token_id", Int(Self.endOfTurn))
    writer.bool("tokenizer.ggml.add_bos_token", false)
    if let chatTemplate { writer.string("tokenizer.chat_template", chatTemplate) }

    var random = SplitMix(state: seed)
    func matrix(_ name: String, rows: Int, columns: Int, gain: Float = 1, row isUsed: (Int) -> Bool = { _ in true }) {
      let scale = gain * (3 / Float(columns)).squareRoot()
      var values = [Float](repeating: 0, count: rows * columns)
      for row in 0..<rows where isUsed(row) {
        for column in 0..<columns { values[row * columns + column] = random.uniform() * scale }
      }
      writer.tensor(name, [columns, rows], values)
    }
    func ones(_ name: String) {
      writer.tensor(name, [embedding], [Float](repeating: 1, count: embedding))
    }
    let rows = Self.vocabularySize + padding
    matrix("token_embd.weight", rows: rows, columns: embedding, gain: Float(embedding).squareRoot())
    for layer in 0..<layers {
      let prefix = "blk.\(layer)."
      ones(prefix + "attn_norm.weight")
      matrix(prefix + "attn_q.weight", rows: heads * headLength, columns: embedding, gain: 1.5)
      matrix(prefix + "attn_k.weight", rows: keyValueHeads * headLength, columns: embedding, gain: 1.5)
      matrix(prefix + "attn_v.weight", rows: keyValueHeads * headLength, columns: embedding, gain: 1.5)
      matrix(prefix + "attn_output.weight", rows: embedding, columns: heads * headLength)
      ones(prefix + "ffn_norm.weight")
      matrix(prefix + "ffn_gate.weight", rows: feedForward, columns: embedding, gain: 1.5)
      matrix(prefix + "ffn_up.weight", rows: feedForward, columns: embedding, gain: 1.5)
      matrix(prefix + "ffn_down.weight", rows: embedding, columns: feedForward)
    }
    writer.tensor("output_norm.weight", [embedding], [Float](repeating: outputNorm, count: embedding))
    // Only printable characters get logits other than 0, and what is no token larger ones.
    matrix("output.weight", rows: rows, columns: embedding, gain: 4) { (0x20..<0x7F).contains($0) || $0 >= 259 }
    return writer.finish()
  }

  /// Writes the file into a new temporary directory.
  public func write() throws -> URL {
    let directory = FileManager.default.temporaryDirectory.appending(path: "swiftlet-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let file = directory.appending(path: "tiny.gguf")
    try Data(bytes()).write(to: file)
    return file
  }

  /// Token n is byte n, written in the alphabet of printable characters that GPT-2 maps bytes to.
  private static var bytes: [String] {
    var next: UInt32 = 256
    var tokens: [String] = []
    for byte in UInt32(0)..<256 {
      let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      let scalar = isPrintable ? byte : next
      if !isPrintable { next += 1 }
      tokens.append(String(Character(Unicode.Scalar(scalar)!)))
    }
    return tokens
  }
}

/// Writes GGUF version 3 with F32 tensors.
struct TinyGGUFWriter {
  private var metadata: [UInt8] = []
  private var metadataCount = 0
  private var infos: [UInt8] = []
  private var tensorCount = 0
  private var data: [UInt8] = []

  mutating func string(_ key: String, _ value: String) { entry(key, 8) { Self.append(value, to: &$0) } }
  mutating func uint(_ key: String, _ value: Int) { entry(key, 4) { Self.append(UInt32(value), to: &$0) } }
  mutating func float(_ key: String, _ value: Float) { entry(key, 6) { Self.append(value.bitPattern, to: &$0) } }
  mutating func bool(_ key: String, _ value: Bool) { entry(key, 7) { $0.append(value ? 1 : 0) } }

  mutating func strings(_ key: String, _ values: [String]) {
    entry(key, 9) {
      Self.append(UInt32(8), to: &$0)
      Self.append(UInt64(values.count), to: &$0)
      for value in values { Self.append(value, to: &$0) }
    }
  }

  mutating func ints(_ key: String, _ values: [Int32]) {
    entry(key, 9) {
      Self.append(UInt32(5), to: &$0)
      Self.append(UInt64(values.count), to: &$0)
      for value in values { Self.append(value, to: &$0) }
    }
  }

  /// - Parameter shape: fastest dimension first.
  mutating func tensor(_ name: String, _ shape: [Int], _ values: [Float]) {
    Self.append(name, to: &infos)
    Self.append(UInt32(shape.count), to: &infos)
    for dimension in shape { Self.append(UInt64(dimension), to: &infos) }
    Self.append(UInt32(0), to: &infos)
    Self.append(UInt64(data.count), to: &infos)
    tensorCount += 1
    values.withUnsafeBytes { data += $0 }
    Self.pad(&data)
  }

  func finish() -> [UInt8] {
    var file = [UInt8]("GGUF".utf8)
    Self.append(UInt32(3), to: &file)
    Self.append(UInt64(tensorCount), to: &file)
    Self.append(UInt64(metadataCount), to: &file)
    file += metadata + infos
    Self.pad(&file)
    return file + data
  }

  private mutating func entry(_ key: String, _ type: UInt32, _ write: (inout [UInt8]) -> Void) {
    Self.append(key, to: &metadata)
    Self.append(type, to: &metadata)
    write(&metadata)
    metadataCount += 1
  }

  private static func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    append(UInt64(text.utf8.count), to: &bytes)
    bytes += text.utf8
  }

  private static func pad(_ bytes: inout [UInt8]) {
    bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
  }
}

/// A small deterministic generator (SplitMix64).
public struct SplitMix: RandomNumberGenerator {
  public var state: UInt64

  public init(state: UInt64) { self.state = state }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// From -1 to 1.
  public mutating func uniform() -> Float { Float(Int32(truncatingIfNeeded: next() >> 32)) / Float(Int32.max) }
}
