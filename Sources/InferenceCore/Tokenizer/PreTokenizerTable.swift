/// What llama.cpp makes of a value of `tokenizer.ggml.pre`.
struct PreTokenizerTable {
  struct Row {
    /// The names, parted by single spaces.
    let names: StaticString
    let rule: PreTokenizerRule
    /// Whether a word that is a token stays whole even where the merges would not build it.
    var ignoresMerges = false
    var beginOfText = BeginOfText.onRequest
    var spelling = Spelling.bytes
  }

  /// Whether a begin-of-text token is added.
  enum BeginOfText {
    /// Where the file asks for it.
    case onRequest
    /// Where the file does not forbid it.
    case byDefault
    /// Whatever the file says.
    case always
  }

  /// What merges begin with, and how a vocabulary writes it.
  enum Spelling {
    /// Bytes, in GPT-2's alphabet.
    case bytes
    /// Characters, with U+2581 for spaces and `<0x41>` for bytes of those that are no tokens.
    case characters
    /// The same, and a word of line feeds that is a token stays whole.
    case charactersAndLineFeeds
  }

  /// Every name that llama.cpp knows for byte-pair encoding, except `whitespace` and `mmbert`: models with these only
  /// embed texts.
  static let rows: [Row] = [
    Row(names: "default", rule: .standard),
    Row(
      names: """
        gpt-2 phi-2 jina-es jina-de gigachat jina-v2-es jina-v2-de a.x-4.0 mellum modern-bert jina-v1-en \
        jina-v2-code roberta-bpe mpt olmo jais exaone4 trillion granite-docling
        """, rule: .gpt2),
    Row(
      names: "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2", rule: .singleDigits),
    Row(names: "falcon", rule: .falcon),
    Row(
      names: "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano", rule: .llama3,
      ignoresMerges: true, beginOfText: .byDefault),
    Row(names: "dbrx smaug-bpe chatglm-bpe glm4 glm5", rule: .llama3),
    Row(
      names: "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2", rule: .qwen2),
    Row(names: "qwen35", rule: .qwen35),
    Row(names: "ufakzeka", rule: .ufakzeka),
    Row(names: "seed-coder", rule: .seedCoder),
    Row(names: "bailingmoe bailingmoe2 llada-moe", rule: .bailing),
    Row(names: "minicpm5", rule: .miniCPM5, ignoresMerges: true),
    Row(names: "jais-2", rule: .jais2),
    Row(names: "k2-horizon", rule: .k2Horizon),
    Row(names: "exaone-moe", rule: .exaoneMoE),
    Row(names: "laguna", rule: .laguna),
    Row(names: "deepseek-llm", rule: .deepSeekLLM),
    Row(names: "deepseek-coder", rule: .deepSeekCoder),
    Row(names: "deepseek-v3 hunyuan-dense joyai-llm hy_v4", rule: .deepSeekV3),
    Row(names: "spark2_5", rule: .spark),
    Row(names: "afmoe", rule: .afmoe),
    Row(names: "poro-chat bloom gpt3-finnish", rule: .bloom),
    Row(names: "viking", rule: .viking),
    Row(names: "tekken", rule: .tekken, ignoresMerges: true, beginOfText: .byDefault),
    Row(names: "gpt-4o llama4 kanana2 talkie minimax-m2", rule: .gpt4o),
    Row(names: "granite-embed-multi-97m", rule: .graniteEmbedding, ignoresMerges: true),
    Row(names: "tiny_aya cohere2moe", rule: .tinyAya),
    Row(names: "youtu", rule: .youtu, ignoresMerges: true),
    Row(names: "kimi-k2", rule: .kimiK2),
    Row(names: "superbpe", rule: .superBPE),
    Row(names: "chameleon", rule: .chameleon, beginOfText: .byDefault),
    Row(
      names: "gemma4 granite-embed-multi-311m", rule: .lines, beginOfText: .always, spelling: .charactersAndLineFeeds),
    Row(names: "sarvam-moe", rule: .lines, spelling: .characters),
  ]

  /// For names that are not in the table: Llama 3's rule, which most models of today have or come close to.
  static let fallback = Row(names: "", rule: .llama3)

  /// The row of a name. Files that give none are older than the names and were made for llama.cpp's default.
  static func row(named name: UnsafeRawBufferPointer?) -> Row? {
    guard let name else { return rows[0] }
    return rows.first { row in
      let names = UnsafeRawBufferPointer(start: row.names.utf8Start, count: row.names.utf8CodeUnitCount)
      return names.split(separator: 0x20).contains { $0.elementsEqual(name) }
    }
  }

  /// All names, in the table's order.
  static var names: [String] {
    rows.flatMap { row in row.names.description.utf8.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
    }
  }
}
