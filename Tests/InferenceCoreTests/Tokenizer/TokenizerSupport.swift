import Foundation
import InferenceCore

/// Calls `body` with the tokenizer of a GGUF file, which stays mapped meanwhile.
func withTokenizer<Result>(of url: URL, _ body: (Tokenizer) throws -> Result) throws -> Result {
  try TestFiles.map(url).withUnsafeBytes { bytes in
    try body(Tokenizer(GGUFFile(bytes)))
  }
}

/// Calls `body` with the tokenizer of a made-up file.
func withTokenizer<Result>(of builder: GGUFBuilder, _ body: (Tokenizer) throws -> Result) throws -> Result {
  try builder.file.withUnsafeBytes { bytes in
    try body(Tokenizer(GGUFFile(bytes)))
  }
}

/// A token of a made-up vocabulary.
struct MadeToken {
  var text: String
  var type: Int32 = 1
  var score: Float = 0

  static func control(_ text: String) -> MadeToken { MadeToken(text: text, type: 3) }
  static func userDefined(_ text: String) -> MadeToken { MadeToken(text: text, type: 4) }
}

extension GGUFBuilder {
  /// A vocabulary of `tokens` for the given `tokenizer.ggml.model`.
  static func vocabulary(_ model: String, _ tokens: [MadeToken]) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("tokenizer.ggml.model", model)
    builder.add("tokenizer.ggml.tokens", tokens.map(\.text))
    builder.add("tokenizer.ggml.token_type", arrayOf: .int32, tokens.map { littleEndian($0.type) })
    builder.add("tokenizer.ggml.scores", arrayOf: .float32, tokens.map { littleEndian($0.score.bitPattern) })
    return builder
  }

  /// A byte-level vocabulary: the 256 bytes as ids 0 to 255, then what `merges` form, then `others`.
  static func bytePairs(
    merges: [String] = [], others: [MadeToken] = [], preTokenizer: String = "gpt-2"
  ) -> GGUFBuilder {
    let bytes = (0..<256).map { MadeToken(text: byteSpelling(UInt8($0))) }
    let merged = merges.map { MadeToken(text: $0.filter { $0 != " " }) }
    var builder = vocabulary("gpt2", bytes + merged + others)
    builder.add("tokenizer.ggml.pre", preTokenizer)
    builder.add("tokenizer.ggml.merges", merges)
    return builder
  }

  /// A SentencePiece vocabulary: `<unk>`, `<s>`, `</s>`, the 256 bytes as ids 3 to 258, then `pieces`.
  static func sentencePieces(_ pieces: [MadeToken]) -> GGUFBuilder {
    let bytes = (0..<256).map { byte in
      let hex = String(byte, radix: 16, uppercase: true)
      return MadeToken(text: "<0x\(byte < 16 ? "0" : "")\(hex)>", type: 6)
    }
    let own = [MadeToken(text: "<unk>", type: 2), .control("<s>"), .control("</s>")]
    return vocabulary("llama", own + bytes + pieces)
  }
}

/// GPT-2's printable stand-in for a byte, from its definition: bytes that do not print are numbered from U+0100.
func byteSpelling(_ byte: UInt8) -> String {
  let printable = Set(0x21...0x7E).union(0xA1...0xAC).union(0xAE...0xFF)
  if printable.contains(Int(byte)) { return String(Unicode.Scalar(byte)) }
  let number = (0..<Int(byte)).filter { !printable.contains($0) }.count
  return String(Unicode.Scalar(UInt32(0x100 + number)).map(Character.init) ?? "?")
}

extension Tokenizer {
  /// The ids of a text without added tokens.
  func ids(_ text: String, parseSpecial: Bool = false) -> [TokenID] {
    encode(Array(text.utf8), addSpecial: false, parseSpecial: parseSpecial)
  }

  /// The texts of the tokens of a text, without added tokens.
  func pieces(_ text: String, parseSpecial: Bool = false) -> [String] {
    ids(text, parseSpecial: parseSpecial).map { String(decoding: piece($0), as: UTF8.self) }
  }
}
