/// How text is cut into words before byte-pair encoding: one or several regular expressions, each for the pieces that
/// the one before it left.
///
/// The expressions are those of llama.cpp, which hold for its classes: `\p{Lu}` and its like are `\p{L}` there, and a
/// cased letter is one of ASCII.
package enum PreTokenizerRule: UInt8, CaseIterable, Sendable {
  case standard
  case gpt2
  case singleDigits
  case falcon
  case llama3
  case qwen2
  case qwen35
  case ufakzeka
  case seedCoder
  case bailing
  case miniCPM5
  case jais2
  case k2Horizon
  case exaoneMoE
  case laguna
  case deepSeekLLM
  case deepSeekCoder
  case deepSeekV3
  case spark
  case afmoe
  case bloom
  case viking
  case tekken
  case gpt4o
  case graniteEmbedding
  case tinyAya
  case youtu
  case kimiK2
  case superBPE
  case chameleon
  case lines

  var scans: [PreTokenizer.Scan] {
    switch self {
    case .standard:
      [.expression(#"[\p{P}$+<=>^~|]+"#), Self.gpt2Words, .expression(#"\p{N}+"#), .expression("[0-9]{3}")]
    case .gpt2: [Self.gpt2Words]
    case .singleDigits: [.expression(#"\p{N}"#), Self.gpt2Words]
    case .falcon: [.expression(#"[\p{P}$+<=>^~|`]+"#), Self.gpt2Words, .expression("[0-9]{3}")]
    case .llama3:
      [
        .expression(
          #"""
          (?i:'s|'t|'re|'ve|'m|'ll|'d)
          |[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#)
      ]
    case .qwen2: [Self.qwen2Words]
    case .qwen35:
      [
        .expression(
          #"""
          (?i:'s|'t|'re|'ve|'m|'ll|'d)
          |[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#)
      ]
    case .ufakzeka:
      [
        .expression(
          #"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#)
      ]
    case .seedCoder:
      [
        .expression(
          #"""
          (?i:'s|'t|'re|'ve|'m|'ll|'d)
          |[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+
          """#)
      ]
    case .bailing:
      [
        .expression(
          #"""
          (?i:'s|'t|'re|'ve|'m|'ll|'d)
          |[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+
          """#)
      ]
    case .miniCPM5:
      [
        .expression(#"\p{N}{1,3}"#),
        .expression(
          #"""
          (?i:'s|'t|'re|'ve|'m|'ll|'d)
          |[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#),
      ]
    case .jais2:
      [
        .expression(
          #"""
          (?i:'s|'t|'re|'ve|'m|'ll|'d)
          |[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+
          |\s{512}(?!\S)|\s{256}(?!\S)|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)
          |\s{4}(?!\S)|\s{1,2}(?!\S)|\s
          """#)
      ]
    case .k2Horizon:
      [
        .expression(
          #"""
          (?iu:'s|'t|'re|'ve|'m|'ll|'d)
          |[^\r\n\p{L}\p{N}]?[\p{L}\p{M}\x{200C}\x{200D}]+
          |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#)
      ]
    case .exaoneMoE:
      // `(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+` for the second line.
      [
        .expression(
          #"""
          (?i:'s|'t|'re|'ve|'m|'ll|'d)
          |[^\r\n\p{L}\p{N}]?\p{L}(?:[\p{L}\p{M}]| \p{L})*
          |\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+
          """#)
      ]
    case .laguna: [.expression(#"[^\n]+|[\n]+"#), Self.qwen2Words]
    case .deepSeekLLM:
      [
        .expression(#"[\r\n]"#), .expression(Self.casedLetters),
        .expression(#"\s?[!-/:-~！-／：-～‘-‟\x{3000}-。]+"#), .expression(#"\s+$"#),
        .expression(#"[一-龥ࠀ-一가-\x{D7FF}]+"#), .expression(#"\p{N}+"#),
      ]
    case .deepSeekCoder:
      [
        .expression(#"[\r\n]"#), .expression(#"\s?\p{L}+"#), .expression(#"\s?\p{P}+"#),
        .expression(#"[一-龥ࠀ-一가-\x{D7FF}]+"#), .expression(#"\p{N}"#),
      ]
    case .deepSeekV3:
      [.expression(#"\p{N}{1,3}"#), .expression(#"[一-龥\x{3040}-ゟ゠-ヿ]+"#), Self.deepSeekV3Words]
    case .spark:
      [
        .expression(#"\p{N}{1,3}"#), .expression(#"[一-龥\x{3040}-ゟ゠-ヿ]+"#),
        .expression(
          ##"""
          [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+
          |[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+
          """##), .expression(#"\p{N}"#),
      ]
    case .afmoe:
      [
        .numbers,
        .expression(
          #"""
          [一-\x{9FFF}㐀-䶿豈-\x{FAFF}\x{3040}-ゟ゠-ヿ･-ﾟ⼀-\x{2FDF}เ-\x{0E7F}\x{0E80}-\x{0EFF}ក-\x{17FF}
          က-႟ꩠ-ꩿꧠ-\x{A9FF}가-\x{D7AF}ᄀ-ᇿ]+
          """#), Self.deepSeekV3Words,
      ]
    case .bloom: [Self.unpunctuated]
    case .viking: [Self.unpunctuated, .expression(#"\p{N}"#)]
    case .tekken:
      [
        .expression(
          #"""
          [^\r\n\p{L}\p{N}]?[\p{L}&&[^a-z]]*[\p{L}&&[^A-Z]]+
          |[^\r\n\p{L}\p{N}]?[\p{L}&&[^a-z]]+[\p{L}&&[^A-Z]]*
          |\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#)
      ]
    case .gpt4o:
      [
        .expression(
          #"""
          [^\r\n\p{L}\p{N}]?[\p{L}&&[^a-z]]*[\p{L}&&[^A-Z]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
          |[^\r\n\p{L}\p{N}]?[\p{L}&&[^a-z]]+[\p{L}&&[^A-Z]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
          |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#)
      ]
    case .graniteEmbedding:
      [
        .expression(
          #"""
          [^\r\n\p{L}\p{N}]?[\p{L}\p{M}&&[^a-z]]*[\p{L}\p{M}&&[^A-Z]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
          |[^\r\n\p{L}\p{N}]?[\p{L}\p{M}&&[^a-z]]+[\p{L}\p{M}&&[^A-Z]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
          |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#)
      ]
    case .tinyAya:
      [
        .numbers,
        .expression(
          #"""
          [^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
          |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#),
      ]
    case .youtu:
      [
        .expression(
          #"[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-\x{303F}︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\x{3040}-ゟ゠-ヿ]+"#),
        .expression(
          #"""
          [^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
          |\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
          """#),
      ]
    case .kimiK2:
      [.expression(Self.hanApart)]
    case .superBPE: [.expression(#"\p{N}+"#), .digits]
    case .chameleon:
      [
        .expression("<sentinel:[0-9]+>"), .expression("IMGIMG[A-I]{1,4}Z"), .expression(#"[\t\n]| {4}| {2}"#),
        .expression(#"\p{N}"#), .expression(#"[\p{P}!-/:-@\[-`{-~]"#), Self.gpt2Words,
      ]
    case .lines: [.expression(#"[^\n]+|[\n]+"#)]
    }
  }

  private static let gpt2Words = PreTokenizer.Scan.expression(
    #"(?:'s|'t|'re|'ve|'m|'ll|'d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#)

  private static let qwen2Words = PreTokenizer.Scan.expression(
    #"""
    (?i:'s|'t|'re|'ve|'m|'ll|'d)
    |[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
    """#)

  private static let deepSeekV3Words = PreTokenizer.Scan.expression(
    ##"""
    [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+
    |[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
    """##)

  private static let unpunctuated = PreTokenizer.Scan.expression(" ?[^(\\s|.,!?…。，、।۔،)]+")
}
