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
  case bytePairs(PreTokenizerTable.Row)
  case sentencePieces
  case wordPieces
  case unigrams

  /// - Returns: besides, the name of the pre-tokenizer if it is none of the table's.
  static func read(_ metadata: TokenizerMetadata) throws(TokenizerError) -> (TokenizerFamily, unknown: String?) {
    guard let model = try metadata.string("tokenizer.ggml.model") else {
      throw TokenizerError(.missing, "Expected a tokenizer in the file's metadata, found no tokenizer.ggml.model.")
    }
    if isText(model, "llama") { return (.sentencePieces, nil) }
    if isText(model, "bert") { return (.wordPieces, nil) }
    if isText(model, "t5") { return (.unigrams, nil) }
    if isText(model, "gemma4") {
      let name: StaticString = "gemma4"
      let row = PreTokenizerTable.row(
        named: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
      return (.bytePairs(row ?? PreTokenizerTable.fallback), nil)
    }
    guard isText(model, "gpt2") else {
      throw TokenizerError(
        .unsupported,
        "Expected tokenizer.ggml.model to be llama (SentencePiece), gpt2 (byte-level BPE), gemma4, bert (WordPiece) or t5 "
          + "(unigrams); found "
          + "\(readableName(model)).")
    }
    let name = try metadata.string("tokenizer.ggml.pre")
    if let row = PreTokenizerTable.row(named: name) { return (.bytePairs(row), nil) }
    return (.bytePairs(PreTokenizerTable.fallback), name.map { readableName($0) })
  }

  /// Whether a begin-of-text token is added, given what the file says of it.
  func addsBeginOfText(asked: Bool?) -> Bool {
    guard case .bytePairs(let row) = self else { return asked ?? !isUnigrams }
    switch row.beginOfText {
    case .onRequest: return asked ?? false
    case .byDefault: return asked ?? true
    case .always: return true
    }
  }
}

extension TokenizerFamily {
  var isUnigrams: Bool { if case .unigrams = self { true } else { false } }

  /// The ids of a family's own models, which hold for files that give none.
  var standardIDs: (beginOfText: TokenID?, endOfText: TokenID?, unknown: TokenID?, separator: TokenID?) {
    switch self {
    case .bytePairs: (nil, nil, nil, nil)
    case .sentencePieces: (1, 2, 0, nil)
    case .wordPieces: (101, nil, 100, 102)
    case .unigrams: (nil, 1, 2, nil)
    }
  }
}

/// Whether `bytes` spell `text`.
func isText(_ bytes: UnsafeRawBufferPointer?, _ text: StaticString) -> Bool {
  guard let bytes, bytes.count == text.utf8CodeUnitCount else { return false }
  for offset in 0..<bytes.count where bytes[offset] != text.utf8Start[offset] { return false }
  return true
}
