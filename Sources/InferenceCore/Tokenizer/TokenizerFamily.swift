/// Typed access to a file's metadata that reports faults as a ``TokenizerError``.
struct TokenizerMetadata {
  let file: GGUFFile

  func string(_ key: GGUFKey) throws(TokenizerError) -> UnsafeRawBufferPointer? {
    do { return try file.string(key) } catch { throw TokenizerError(.malformed, error.message) }
  }

  func bool(_ key: GGUFKey) throws(TokenizerError) -> Bool? {
    do { return try file.bool(key) } catch { throw TokenizerError(.malformed, error.message) }
  }

  func int(_ key: GGUFKey) throws(TokenizerError) -> Int64? {
    do { return try file.int(key) } catch { throw TokenizerError(.malformed, error.message) }
  }

  func array(_ key: GGUFKey, of kind: GGUFArray.ElementKind) throws(TokenizerError) -> GGUFArray? {
    do { return try file.array(key, of: kind) } catch { throw TokenizerError(.malformed, error.message) }
  }
}

/// Which of the known tokenizers a file asks for.
enum TokenizerFamily {
  case bytePairs(NamedPreTokenizer)
  case sentencePieces

  init(_ metadata: TokenizerMetadata) throws(TokenizerError) {
    guard let model = try metadata.string("tokenizer.ggml.model") else {
      throw TokenizerError(.missing, "Expected a tokenizer in the file's metadata, found no tokenizer.ggml.model.")
    }
    if isText(model, "llama") {
      self = .sentencePieces
    } else if isText(model, "gpt2") {
      // Files older than the key were made for llama.cpp's default.
      let name = try metadata.string("tokenizer.ggml.pre")
      let known = NamedPreTokenizer.all
      guard let match = known.first(where: { isText(name, $0.name) || name == nil && $0.scanner == .standard }) else {
        throw TokenizerError(
          .unsupported,
          "Expected tokenizer.ggml.pre to be one of \(known.map { $0.text }.joined(separator: ", ")); found "
            + "\(name.map { readableName($0) } ?? "none").")
      }
      self = .bytePairs(match)
    } else {
      throw TokenizerError(
        .unsupported,
        "Expected tokenizer.ggml.model to be llama (SentencePiece) or gpt2 (byte-level BPE); found "
          + "\(readableName(model)).")
    }
  }

  /// Whether a begin-of-text token is added when the file does not say.
  var addsBeginOfText: Bool {
    switch self {
    case .bytePairs(let preTokenizer): preTokenizer.addsBeginOfText
    case .sentencePieces: true
    }
  }
}

/// A value of `tokenizer.ggml.pre` and what llama.cpp makes of it.
struct NamedPreTokenizer {
  let name: StaticString
  let scanner: PreTokenizer
  var ignoresMerges = false
  var addsBeginOfText = false

  var text: String { name.description }

  private static func llama3(_ name: StaticString) -> NamedPreTokenizer {
    NamedPreTokenizer(name: name, scanner: .llama3, ignoresMerges: true, addsBeginOfText: true)
  }

  static let all: [NamedPreTokenizer] = [
    NamedPreTokenizer(name: "default", scanner: .standard),
    NamedPreTokenizer(name: "gpt-2", scanner: .gpt2),
    NamedPreTokenizer(name: "phi-2", scanner: .gpt2),
    NamedPreTokenizer(name: "mpt", scanner: .gpt2),
    NamedPreTokenizer(name: "olmo", scanner: .gpt2),
    NamedPreTokenizer(name: "jais", scanner: .gpt2),
    NamedPreTokenizer(name: "exaone4", scanner: .gpt2),
    NamedPreTokenizer(name: "trillion", scanner: .gpt2),
    NamedPreTokenizer(name: "smollm", scanner: .smollm),
    NamedPreTokenizer(name: "starcoder", scanner: .smollm),
    NamedPreTokenizer(name: "refact", scanner: .smollm),
    NamedPreTokenizer(name: "command-r", scanner: .smollm),
    NamedPreTokenizer(name: "codeshell", scanner: .smollm),
    NamedPreTokenizer(name: "exaone", scanner: .smollm),
    NamedPreTokenizer(name: "minerva-7b", scanner: .smollm),
    llama3("llama-bpe"),
    llama3("llama3"),
    llama3("llama-v3"),
    llama3("falcon3"),
    llama3("pixtral"),
    llama3("lfm2"),
    NamedPreTokenizer(name: "dbrx", scanner: .llama3),
    NamedPreTokenizer(name: "smaug-bpe", scanner: .llama3),
    NamedPreTokenizer(name: "qwen2", scanner: .qwen2),
    NamedPreTokenizer(name: "deepseek-r1-qwen", scanner: .qwen2),
    NamedPreTokenizer(name: "stablelm2", scanner: .qwen2),
    NamedPreTokenizer(name: "megrez", scanner: .qwen2),
    NamedPreTokenizer(name: "hunyuan", scanner: .qwen2),
  ]
}

/// Whether `bytes` spell `text`.
func isText(_ bytes: UnsafeRawBufferPointer?, _ text: StaticString) -> Bool {
  guard let bytes, bytes.count == text.utf8CodeUnitCount else { return false }
  for offset in 0..<bytes.count where bytes[offset] != text.utf8Start[offset] { return false }
  return true
}
