import CKernels

/// Carries out passes on the threads of a team, with keys and values in the memory of this process.
public final class CPUExecutor: Executor {
  public let model: LanguageModel
  public let limits: ExecutionLimits
  public var isOnDevice: Bool { false }
  private let pass: Pass
  private let pool: PagePool
  private let cache: CPUCache
  private let team: ThreadTeam
  private let memory: ArenaMemory
  private let workspace: Workspace
  private var work: Work?
  private var logitRows = 0
  private var vectorRows = 0

  /// A batch on its way through the layers.
  private struct Work {
    let batch: Batch
    let revisions: [Int]
    var layersDone = 0
  }

  /// - Throws: ``ModelError/Kind-swift.enum/outOfResources`` when this machine cannot address so much memory.
  public init(model: LanguageModel, team: ThreadTeam, limits: ExecutionLimits) throws(ModelError) {
    let h = model.hyperparameters
    let limits = limits.fitting(h)
    try limits.check()
    try model.check(limits)
    self.model = model
    self.limits = limits
    self.team = team
    pass = Pass(model)
    let formats = model.inputFormats
    let (layout, lanes) = (PageLayout(h), team.count)
    func cut(_ arena: inout Arena) -> (Workspace, UnsafeMutablePointer<UInt16>) {
      let workspace = Workspace(h, formats, limits, lanes: lanes, in: &arena)
      return (workspace, arena.cut(UInt16.self, limits.pages, layout.elements))
    }
    var measure = Arena()
    _ = cut(&measure)
    memory = try ArenaMemory(bytes: measure.size, for: "A context of \(limits.contextLength) tokens")
    var arena = Arena(base: memory.base)
    let pages: UnsafeMutablePointer<UInt16>
    (workspace, pages) = cut(&arena)
    cache = CPUCache(h, pages: pages, in: memory)
    pool = PagePool(h, capacity: limits.pages, memory: cache)
  }

  public func makeSequence() -> TokenSequence {
    TokenSequence(model.hyperparameters, pool: pool, contextLength: limits.contextLength)
  }

  /// Pages of the cache that sequences hold; one that several share counts once.
  public var heldPages: Int { pool.heldCount }

  // MARK: Passes

  public var tokensUnderWay: Int { work?.batch.tokenCount ?? 0 }
  public var layersDone: Int { work?.layersDone ?? 0 }

  public var logits: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: workspace.logits, count: logitRows * model.hyperparameters.vocabularySize)
  }

  public var vectors: UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(start: workspace.input.real(0), count: vectorRows * model.hyperparameters.embeddingLength)
  }

  public func giveUp() {
    work = nil
  }

  public func submit(_ batch: Batch) throws(ModelError) {
    work = nil
    try batch.check(for: model, limits, pool)
    for span in batch.spans { try span.sequence.reserve(span.tokens.count) }
    workspace.rows.fill(batch, in: cache)
    var first = 0
    for span in batch.spans {
      for (table, angles) in model.rotaryTables(forContext: limits.contextLength).enumerated() {
        let rotation = workspace.rotations[table]
        let at = first * rotation.pairs
        angles.fill(
          first: span.sequence.tokens.count, count: span.tokens.count, cosines: rotation.cosines + at,
          sines: rotation.sines + at)
      }
      first += span.tokens.count
    }
    work = Work(batch: batch, revisions: batch.spans.map { $0.sequence.revision })
  }

  public func advance(layers count: Int) -> PassProgress {
    guard let begun = work else { return .idle }
    // Whoever changed a sequence meanwhile has no use for what the pass would append to it.
    guard zip(begun.batch.spans, begun.revisions).allSatisfy({ $0.sequence.revision == $1 }) else {
      work = nil
      return .idle
    }
    let all = model.hyperparameters.layerCount
    let layers = begun.layersDone..<min(begun.layersDone + max(count, 1), all)
    run(begun.batch, layers)
    guard layers.upperBound == all else {
      work?.layersDone = layers.upperBound
      return .again
    }
    work = nil
    for span in begun.batch.spans { span.sequence.append(span.tokens[...]) }
    logitRows = begun.batch.wantsVectors ? 0 : begun.batch.logitRows
    vectorRows = begun.batch.wantsVectors ? begun.batch.logitRows : 0
    return .done
  }

  /// Appends tokens to a sequence in one pass of its own.
  ///
  /// - Returns: Logits of the last `logitRows` tokens, [row][vocabulary], valid until the next pass is begun.
  @discardableResult
  public func evaluate(
    _ tokens: ArraySlice<TokenID>, in sequence: TokenSequence, logitRows: Int = 1
  ) throws(ModelError) -> UnsafeMutableBufferPointer<Float> {
    try submit(Batch([Batch.Span(sequence, tokens: Array(tokens), logitRows: logitRows)]))
    while advance(layers: model.hyperparameters.layerCount) == .again {}
    return logits
  }

  private func run(_ batch: Batch, _ layers: Range<Int>) {
    let h = model.hyperparameters
    pass.operations.withUnsafeBufferPointer { operations in
      guard let first = operations.baseAddress, !batch.spans.isEmpty else { return }
      let range = pass.operations(ofLayers: layers)
      var under = CPUPass(
        operations: first, range: range, h: h, embedding: model.embedding, positions: model.positions,
        tokenTypes: model.tokenTypes, workspace: workspace, count: batch.tokenCount, spanCount: batch.spans.count,
        logitRows: batch.logitRows, wantsVectors: batch.wantsVectors)
      let handle = team.handle
      withUnsafeMutablePointer(to: &under) { under in
        var job = Job(pass: UnsafePointer(under), team: handle)
        ck_team_run(
          handle,
          { context, index in
            guard let job = context?.assumingMemoryBound(to: Job.self) else { return }
            let pass = job.pointee.pass
            var lane = Lane(index: Int(index), team: job.pointee.team, steps: pass.pointee.workspace.steps)
            pass.pointee.run(&lane)
          }, &job, workspace.steps, Int32(range.count), stallsToRest(tokens: batch.tokenCount))
      }
    }
  }

  /// What the threads of the team are given.
  private struct Job {
    let pass: UnsafePointer<CPUPass>
    let team: OpaquePointer
  }

  /// After how many stalls a lane is held to be in the way: some quarter of the time that the pass takes. Passes over many
  /// tokens have so many pieces that a lane which is held up half of the time still pays.
  private func stallsToRest(tokens count: Int) -> Int32 {
    guard count <= 16 else { return .max }
    return Int32(clamping: max(3, model.weightBytes >> 25 * (1 + count / 4)))
  }
}
