import InferenceCore
import Testing

@Suite struct TokenizerErrorTests {
  struct Fault: CustomTestStringConvertible {
    let name: String
    let kind: TokenizerError.Kind
    let mentions: [String]
    let builder: GGUFBuilder
    var testDescription: String { name }
  }

  static let faults: [Fault] = [
    Fault(name: "no tokenizer", kind: .missing, mentions: ["tokenizer.ggml.model"], builder: GGUFBuilder()),
    Fault(
      name: "unknown model", kind: .unsupported, mentions: ["llama", "gpt2", "rwkv"],
      builder: .vocabulary("rwkv", [MadeToken(text: "a")])),
    Fault(
      name: "no tokens", kind: .missing, mentions: ["tokenizer.ggml.tokens"],
      builder: made("llama") { _ in }),
    Fault(
      name: "tokens that are numbers", kind: .malformed, mentions: ["tokenizer.ggml.tokens", "strings"],
      builder: made("llama") { $0.add("tokenizer.ggml.tokens", arrayOf: .uint8, [[1], [2]]) }),
    Fault(
      name: "no merges", kind: .missing, mentions: ["tokenizer.ggml.merges"],
      builder: made("gpt2") { $0.add("tokenizer.ggml.tokens", ["a"]) }),
    Fault(
      name: "too few types", kind: .malformed, mentions: ["token_type", "2", "1"],
      builder: made("llama") {
        $0.add("tokenizer.ggml.tokens", ["a", "b"])
        $0.add("tokenizer.ggml.token_type", arrayOf: .int32, [littleEndian(Int32(1))])
      }),
    Fault(
      name: "too few scores", kind: .malformed, mentions: ["scores", "4", "1"],
      builder: made("llama") {
        $0.add("tokenizer.ggml.tokens", ["a", "b", "c", "d"])
        $0.add("tokenizer.ggml.scores", arrayOf: .float32, [littleEndian(Float(1).bitPattern)])
      }),
    Fault(
      name: "a missing begin-of-text token", kind: .malformed, mentions: ["bos_token_id"],
      builder: .bytePairs(preTokenizer: "llama-bpe")),
    Fault(
      name: "a number for the model", kind: .malformed, mentions: ["tokenizer.ggml.model", "string"],
      builder: {
        var builder = GGUFBuilder()
        builder.add("tokenizer.ggml.model", .uint32, UInt32(7))
        return builder
      }()),
  ]

  private static func made(_ model: String, _ fill: (inout GGUFBuilder) -> Void) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("tokenizer.ggml.model", model)
    fill(&builder)
    return builder
  }

  @Test(arguments: faults)
  func saysWhatIsWrong(_ fault: Fault) throws {
    let error = try #require(throws: TokenizerError.self) { try withTokenizer(of: fault.builder) { _ in } }
    #expect(error.kind == fault.kind)
    for part in fault.mentions { #expect(error.message.contains(part), "\(error.message)") }
  }

  /// Texts made to share one hash are refused at once, instead of taking quadratic time.
  @Test(.timeLimit(.minutes(1)))
  func refusesAVocabularyMadeToCollide() throws {
    // Two blocks that lead FNV-1a from the same state to the same state; 12 such pairs in a row give 2^12 texts.
    var state: UInt32 = 0x811C_9DC5
    var pairs: [(String, String)] = []
    while pairs.count < 12 {
      var seen: [UInt32: String] = [:]
      var number = 0
      while true {
        let block = "\(100_000_000 + number)"
        let next = block.utf8.reduce(state) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        if let other = seen[next] {
          pairs.append((other, block))
          state = next
          break
        }
        seen[next] = block
        number += 1
      }
    }
    let texts = (0..<1 << 12).map { choice in
      pairs.enumerated().map { choice >> $0 & 1 == 0 ? $1.0 : $1.1 }.joined()
    }
    let error = try #require(throws: TokenizerError.self) {
      try withTokenizer(of: .vocabulary("llama", texts.map { MadeToken(text: $0) })) { _ in }
    }
    #expect(error.kind == .malformed)
    #expect(error.message.contains("collisions"))
  }

  /// Nonsense in every field neither stops the process nor leaves text out.
  @Test func survivesNonsense() throws {
    var random = TestGenerator(state: 5)
    let parts = ["a", "b", "Ġ", " ", "<0x41>", "<s>", "", "é", "▁", "aa", "\u{0}", "<|im_end|>"]
    for round in 0..<300 {
      func text() -> String {
        (0..<Int.random(in: 0...3, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
      }
      let scores: [Float] = [0, -0.0, 1, -1, .nan, .infinity, -.infinity, 1e-37]
      let tokens = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        MadeToken(
          text: text(), type: Int32.random(in: -1...8, using: &random),
          score: scores.randomElement(using: &random) ?? 0)
      }
      var builder = GGUFBuilder.vocabulary(round % 2 == 0 ? "llama" : "gpt2", [MadeToken(text: "a")] + tokens)
      builder.add("tokenizer.ggml.merges", (0..<20).map { _ in text() + " " + text() })
      builder.add("tokenizer.ggml.bos_token_id", .uint32, UInt32.random(in: 0...50, using: &random))
      do {
        try withTokenizer(of: builder) { tokenizer in
          for _ in 0..<10 {
            let input = Array((text() + text() + text()).utf8)
            let ids = tokenizer.encode(input, addSpecial: true, parseSpecial: true)
            #expect(ids.allSatisfy { (0..<TokenID(tokenizer.vocabularySize)).contains($0) })
            _ = tokenizer.decode(ids)
          }
        }
      } catch let error as TokenizerError {
        // A begin-of-text token is required but out of range: the only thing to complain of here.
        #expect(error.message.contains("bos_token_id"))
      }
    }
  }
}
