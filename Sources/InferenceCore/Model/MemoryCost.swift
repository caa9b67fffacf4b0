/// The bytes a model takes at a context length.
public struct MemoryCost: Equatable, Sendable {
  /// The weights, where the file's bytes are.
  public let weights: Int64
  /// Keys, values and states of the whole context.
  public let cache: Int64
  /// Everything between input and logits.
  public let scratch: Int64

  /// What is needed besides the weights.
  public var working: Int64 { cache.saturatingSum(scratch) }
  public var total: Int64 { weights.saturatingSum(working) }
}

extension LanguageModel {
  /// What GGUF calls the architectures that run.
  package static var architectures: [StaticString] { Architecture.names }

  /// What a model needs for an executor of such limits, from its header alone.
  public static func memoryCost(
    of file: GGUFFile, limits: ExecutionLimits, threads: Int = 1
  ) throws(ModelError) -> MemoryCost {
    let h = try Hyperparameters(file)
    let limits = limits.fitting(h)
    try limits.check()
    var arena = Arena()
    _ = Workspace(h, InputFormats(), limits, lanes: threads, in: &arena)
    let pages = PageLayout(h).bytes.saturatingProduct(limits.pages)
    let states = RecurrentState.bytes(h).saturatingProduct(limits.sequences)
    // Beside one request's, which every shell has room for: a sampler's copies of the logits, and what is looked up.
    let requests = (Int64(2 * MemoryLayout<Float>.size) * Int64(h.vocabularySize) + 1 << 20)
      .saturatingProduct(limits.sequences - 1)
    return MemoryCost(
      weights: file.dataSize, cache: pages.saturatingSum(states), scratch: arena.size.saturatingSum(requests))
  }

  /// What a model needs for one sequence of a context length, with as many rows of logits as speculation wants.
  public static func memoryCost(
    of file: GGUFFile, contextLength: Int, threads: Int = 1
  ) throws(ModelError) -> MemoryCost {
    let limits = ExecutionLimits(contextLength: contextLength, logitRows: Speculation.logitRows)
    return try memoryCost(of: file, limits: limits, threads: threads)
  }
}
