import ArgumentParser
import InferenceCore

/// `swiftlet tokenize`: text on standard input, token ids on standard output.
struct TokenizeTextCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Turn the text on standard input into token ids.",
    discussion: "Prints one token a line, its id and its text. Works on a GGUF that holds only a vocabulary.")

  @Argument(help: ModelArgument.help)
  var model: String

  @Flag(help: "Add the tokens that the model expects around a text.")
  var addSpecial = false

  @Flag(help: "Read special tokens that are written out in the text as such.")
  var parseSpecial = false

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Output: Encodable {
    let tokens: [TokenID]
  }

  func run() async throws {
    let text = try TextFile.readStandardInput()
    try LocalModel(model).read { file in
      let tokenizer = try Tokenizer(file)
      warn(tokenizer.warning)
      try tokenize(text, tokenizer)
    }
  }

  private func tokenize(_ text: [UInt8], _ tokenizer: Tokenizer) throws {
    let tokens = tokenizer.encode(text, addSpecial: addSpecial, parseSpecial: parseSpecial)
    if json { return try JSONOutput.print(Output(tokens: tokens), pretty: false) }
    for token in tokens {
      Terminal.write(Array("\(token)\t".utf8) + Self.shown(tokenizer.piece(token)) + [0x0A])
    }
  }

  /// A token's bytes on one line: line breaks and the like as escapes.
  private static func shown(_ piece: [UInt8]) -> [UInt8] {
    var shown: [UInt8] = []
    for byte in piece {
      switch byte {
      case 0x0A: shown += Array("\\n".utf8)
      case 0x0D: shown += Array("\\r".utf8)
      case 0x09: shown += Array("\\t".utf8)
      case 0..<0x20, 0x7F: shown += Array("\\x".utf8) + hex(byte)
      default: shown.append(byte)
      }
    }
    // Bytes that are no whole character alone (byte tokens, parts of emoji) as escapes too.
    if String(validating: shown, as: UTF8.self) != nil { return shown }
    return piece.flatMap { $0 < 0x80 && $0 >= 0x20 ? [$0] : Array("\\x".utf8) + hex($0) }
  }

  private static func hex(_ byte: UInt8) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
  }
}
