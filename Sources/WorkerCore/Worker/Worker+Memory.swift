import InferenceCore

/// What a model takes, and whether that is there.
extension Worker {
  /// Bytes of memory that the model being fetched needs, as far as its size, its entry in the catalog and `prefix`, the
  /// beginning of the (first) file, tell.
  public func memoryNeed(_ fetch: FetchID, prefix: UnsafeRawBufferPointer, fileSize: UInt64) -> UInt64 {
    guard let load, load.fetch == fetch else { return fileSize }
    if let file = try? GGUFFile.parseHeader(prefix, fileSize: Int64(clamping: fileSize)),
      let trained = try? Hyperparameters(file).contextLength,
      let cost = try? LanguageModel.memoryCost(
        of: file, limits: limits(for: load, contextLength: contextLength(for: load, trained: trained)),
        threads: threads(for: load))
    {
      return max(UInt64(cost.weights), fileSize) + UInt64(cost.working)
    }
    guard let entry = load.entry else { return fileSize }
    return max(entry.fileSize, fileSize) - entry.fileSize
      + entry.memoryNeed(
        contextLength: contextLength(for: load, trained: entry.contextLength) * sequences(for: load))
  }

  /// What the command asks for, or the usual context, but no more than the model was trained for.
  func contextLength(for load: Load, trained: Int) -> Int {
    let wanted = load.command.contextLength
    let usual = load.entry?.defaultContextLength ?? 4096
    return max(1, min(wanted == 0 ? usual : Int(clamping: wanted), trained))
  }

  /// Most requests that run together.
  private static let mostSequences: UInt32 = 64

  func limits(for load: Load, contextLength: Int) -> ExecutionLimits {
    let sequences = sequences(for: load)
    return ExecutionLimits(
      contextLength: contextLength, sequences: sequences, logitRows: max(Speculation.logitRows, sequences))
  }

  func sequences(for load: Load) -> Int { Int(max(1, min(load.command.sequences, Self.mostSequences))) }

  /// Throws `notEnoughMemory` when the model does not fit at its context length.
  func checkMemory(
    _ file: GGUFFile, _ load: Load, fileSize: UInt64, limit: UInt64
  ) throws(WorkerError) {
    let cost: MemoryCost
    let length: Int
    do throws(ModelError) {
      length = contextLength(for: load, trained: try Hyperparameters(file).contextLength)
      cost = try LanguageModel.memoryCost(
        of: file, limits: limits(for: load, contextLength: length), threads: threads(for: load))
    } catch {
      throw WorkerError(error)
    }
    // Of a split file only the first part's tensors are known before the download.
    let weights = max(UInt64(cost.weights), fileSize)
    // The working memory is one piece, which 32 bits count only up to their half.
    let addressable = weights > .max / 2 ? .max : weights + UInt64(Int.max)
    try checkMemory(
      load, weights: weights, working: UInt64(cost.working), contextLength: length,
      limit: limit == 0 ? addressable : min(limit, addressable))
  }

  /// Throws `notEnoughMemory` when what the model takes is more than the limit; 0 is no limit.
  func checkMemory(
    _ load: Load, weights: UInt64, working: UInt64, contextLength: Int, limit: UInt64
  ) throws(WorkerError) {
    let (sum, overflow) = weights.addingReportingOverflow(working)
    let need = overflow ? .max : sum
    guard limit > 0, need > limit else { return }
    throw WorkerError(
      .notEnoughMemory,
      "\(load.displayName) needs \(byteText(need)) of memory: \(byteText(weights)) for its weights and "
        + "\(byteText(working)) to work in with a context of \(contextLength) tokens. At most \(byteText(limit)) can be "
        + "used here. Choose a smaller model or a shorter context.",
      need: need, limit: limit)
  }
}
