/// Carries out passes on a graphics card, with weights, keys and values in its memory.
public final class GPUExecutor: Executor {
  public let model: LanguageModel
  public let limits: ExecutionLimits
  public var isOnDevice: Bool { true }
  private let device: any GraphicsDevice
  private let weights: GPUWeights
  private let memory: GPUMemory
  private let pool: PagePool
  private let cache: GPUCache
  /// A pass over one row, and over a few.
  private let passes: (one: GPUPass, few: GPUPass)
  /// Passes over many, with each of the numbers that the card can multiply.
  private let prefills: [(arithmetic: GPUArithmetic, pass: GPUPass)]
  /// Begun with the first pass, when it is known which kernels there are.
  private var trial: ArithmeticTrial?
  private var leftOut: [GPUArithmetic] = []
  /// What every prefill takes, whatever is faster.
  var onlyArithmetic: GPUArithmetic?
  private let now: () -> Double
  private let step: BufferRange
  private let work: BufferRange
  /// What is read back: logits, or lists of the likeliest tokens.
  private let read: UnsafeMutableBufferPointer<Float>
  private let lists: UnsafeMutableBufferPointer<UInt32>
  private var job: Job?
  private let blocks: BlockReader
  /// The last pass that was done, and whether all of its logits are here.
  private var last = GPUPass.PassSize(rows: 0, logitRows: 0, pieces: 1)
  private var hasLogits = false

  /// A batch on its way through the layers.
  private struct Job {
    let batch: Batch
    let revisions: [Int]
    let size: GPUPass.PassSize
    /// Whether all logits are read at its end.
    let readsLogits: Bool
    /// Of a prefill, and when it was begun.
    var arithmetic = GPUArithmetic.floats
    var start = 0.0
    var layersDone = 0
    /// Through how many layers it is once the card has finished what it was told last; nil when it was told nothing.
    var layersComing: Int?
    /// What the card is to say then.
    var ticket: UInt32 = 0
    var isFinished = false
  }

  /// Writes the weights to the card, or has them written as they pass by, and begins to compile its kernels; the shell says
  /// when that is done.
  ///
  /// - Parameters:
  ///   - tokens: Of the model's vocabulary, where its matrices have more rows; nil: all of them.
  ///   - now: Milliseconds of a clock.
  /// - Throws: ``ModelError/Kind-swift.enum/outOfResources`` when the card's limits do not hold the model.
  public init(
    model: LanguageModel, device: any GraphicsDevice, limits: ExecutionLimits, tokens: Int? = nil,
    now: @escaping () -> Double = { 0 }
  ) throws(ModelError) {
    try limits.check()
    try model.check(limits)
    try GPUMemory.check(model)
    let h = model.hyperparameters
    (self.model, self.limits, self.device, self.now) = (model, limits, device, now)
    let hasIntegers = model.layers.contains { $0.matrices.contains { $0.format.hasIntegers } }
    let arithmetics = [GPUArithmetic.floats] + (hasIntegers ? device.limits.rounded : [])
    let tokenCount = max(1, min(tokens ?? h.vocabularySize, h.vocabularySize))
    try GPUMemory.check(h, limits, device.limits)
    let memory = GPUMemory(h, limits, tokenCount: tokenCount, roundsRows: arithmetics.count > 1)
    self.memory = memory
    let largest = min(device.limits.binding, device.limits.buffer)
    guard memory.size <= largest / MemoryLayout<Float>.size else {
      throw ModelError(
        .outOfResources,
        "What this model works in has \(memory.size) floats; a kernel of this graphics card sees at most \(largest) bytes. "
          + "A shorter context may fit.")
    }
    let bytes = memory.size * MemoryLayout<Float>.size
    let weights = try GPUWeights(model, on: device)
    self.weights = weights
    cache = try GPUCache(h, memory, limits, on: device)
    pool = PagePool(h, capacity: limits.pages, memory: cache)
    func buffer(_ bytes: Int) -> BufferRange {
      BufferRange(device.makeBuffer(bytes: bytes, isUniform: false), count: bytes)
    }
    blocks = BlockReader(cache, on: device)
    work = buffer(bytes)
    step = buffer(memory.stepSize * MemoryLayout<UInt32>.size)
    read = .allocate(capacity: limits.logitRows * memory.logits.stride)
    lists = .allocate(capacity: limits.logitRows * memory.list.stride)

    let pass = Pass(model)
    var assembly = GPUAssembly(device: device, vectors: weights.vectors, step: step, work: work, cache: cache)
    func written(
      batch: Int?, _ arithmetic: GPUArithmetic = .floats
    ) -> (drafts: [GPUPassWriter.Draft], layerStarts: [Int]) {
      var writer = GPUPassWriter(model, memory, weights, device.limits, batch: batch, arithmetic: arithmetic)
      return writer.write(pass)
    }
    let decodes = [written(batch: 1), written(batch: GPUMemory.decodeRows)]
    let assembled = assembly.assemble(decodes + arithmetics.map { written(batch: nil, $0) })
    kernelCount = assembly.kernelCount
    passes = (assembled[0], assembled[1])
    prefills = arithmetics.indices.map { (arithmetics[$0], assembled[2 + $0]) }
  }

  deinit {
    device.release()
    read.deallocate()
    lists.deallocate()
  }

  public func makeSequence() -> TokenSequence {
    TokenSequence(model.hyperparameters, pool: pool, contextLength: limits.contextLength)
  }

  /// The model's weights have all passed by.
  ///
  /// - Throws: ``ModelError/Kind-swift.enum/invalid`` for what is in them.
  public func streamHasEnded() throws(ModelError) {
    try model.streamHasEnded()
    weights.writeVectors(on: device)
  }

  /// Whether its kernels are compiled.
  public var isReady: Bool { kernelsLeft == 0 }
  public var kernelsLeft: Int { device.kernelsLeft }
  /// How many it has.
  public let kernelCount: Int

  // MARK: Passes

  /// The numbers that prefills may be computed with: those whose kernels compile.
  var arithmetics: [GPUArithmetic] {
    let failed = device.failedPipelines
    return prefills.filter { !$0.pass.dispatches.contains { failed.contains($0.pipeline) } }.map { $0.arithmetic }
  }

  /// The card is wrong with some numbers.
  func leaveOut(_ arithmetic: GPUArithmetic) {
    leftOut.append(arithmetic)
    trial = nil
  }

  public var tokensUnderWay: Int { job?.size.rows ?? 0 }
  public var layersDone: Int { job?.layersDone ?? 0 }

  public var logits: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: read[..<(last.logitRows * model.hyperparameters.vocabularySize)])
  }

  public func candidates(ofRow row: Int) -> TopCandidates? {
    guard !hasLogits, row < last.logitRows else { return nil }
    let list = lists[(row * memory.list.stride)...].prefix(TopCandidates.words)
    return TopCandidates(UnsafeBufferPointer(rebasing: list), tokenCount: memory.tokenCount)
  }

  public func giveUp() {
    job = nil
  }

  public func submit(_ batch: Batch) throws(ModelError) {
    job = nil
    guard !batch.wantsVectors else {
      throw ModelError(.unsupportedOnDevice, "Vectors of texts are computed by the processor alone so far.")
    }
    try batch.check(for: model, limits, pool)
    for span in batch.spans { try span.sequence.reserve(span.tokens.count) }
    let pages = batch.spans.map { ($0.sequence.tokens.count + $0.tokens.count - 1) / PageLayout.positions + 1 }
    let isDecode = batch.tokenCount <= GPUMemory.decodeRows
    let size = GPUPass.PassSize(
      rows: batch.tokenCount, logitRows: batch.logitRows,
      pieces: isDecode ? min(pages.max() ?? 1, GPUMemory.mostPieces) : 1)
    if trial == nil { trial = ArithmeticTrial(arithmetics.filter { !leftOut.contains($0) }) }
    let job = Job(
      batch: batch, revisions: batch.spans.map { $0.sequence.revision }, size: size, readsLogits: batch.wantsAllLogits,
      arithmetic: onlyArithmetic ?? trial?.next(rows: size.rows) ?? .floats, start: now())
    let words = StepWords(batch, model, limits, size)
    words.words.withUnsafeBytes { device.write($0, to: step.buffer, at: 0) }
    self.job = job
  }

  public func advance(layers count: Int) -> PassProgress {
    guard var current = job else { return .idle }
    guard zip(current.batch.spans, current.revisions).allSatisfy({ $0.sequence.revision == $1 }) else {
      job = nil
      return .idle
    }
    let all = model.hyperparameters.layerCount
    if let coming = current.layersComing {
      guard current.isFinished else { return .waiting }
      current.layersDone = coming
      current.layersComing = nil
      current.isFinished = false
      job = current
      guard coming == all else { return .again }
      job = nil
      for span in current.batch.spans { span.sequence.append(span.tokens[...]) }
      (last, hasLogits) = (current.size, current.readsLogits)
      if !current.batch.spans.isEmpty {
        trial?.took(now() - current.start, rows: current.size.rows, with: current.arithmetic)
      }
      if hasLogits { pack(rows: last.logitRows) }
      return .done
    }
    let layers = current.layersDone..<min(current.layersDone + max(count, 1), all)
    var commands: [UInt32] = []
    cache.takeCopies(into: &commands)
    let pass =
      switch current.size.rows {
      case 1: passes.one
      case ...GPUMemory.decodeRows: passes.few
      default: prefills.first { $0.arithmetic == current.arithmetic }?.pass ?? prefills[0].pass
      }
    commands += pass.commands(ofLayers: layers, current.size)
    current.layersComing = layers.upperBound
    tell(commands, reads: layers.upperBound == all, of: current)
    return .waiting
  }

  public func fetchLogits() {
    guard job == nil, !hasLogits else { return }
    let all = model.hyperparameters.layerCount
    tell(
      [], reads: true,
      of: Job(batch: Batch(), revisions: [], size: last, readsLogits: true, layersDone: all, layersComing: all))
  }

  /// Tells the card what to do, and has it say when that is done.
  private func tell(_ commands: [UInt32], reads: Bool, of current: Job) {
    let (region, start) =
      current.readsLogits
      ? (memory.logits, UnsafeMutableRawPointer(read.baseAddress))
      : (memory.list, UnsafeMutableRawPointer(lists.baseAddress))
    var reading: (BufferRange, UnsafeMutableRawPointer)?
    if reads, current.size.logitRows > 0, let start {
      let bytes = MemoryLayout<Float>.size
      let count = current.size.logitRows * region.stride
      reading = (BufferRange(work.buffer, offset: region.place * bytes, count: count * bytes), start)
    }
    var current = current
    current.ticket = device.submit(commands, reading: reading)
    job = current
  }

  /// The card has done what it was told with this ticket.
  public func finished(_ ticket: UInt32) {
    if job?.ticket == ticket { job?.isFinished = true }
    blocks.finished(ticket)
  }

  public func block(_ index: Int, of sequence: TokenSequence) -> [UInt8]? {
    blocks.block(index, of: sequence)
  }

  /// Rows come with their padding; those who read them know of none.
  private func pack(rows: Int) {
    let width = model.hyperparameters.vocabularySize
    guard let start = read.baseAddress, memory.logits.stride != width else { return }
    for row in 1..<max(rows, 1) { (start + row * width).update(from: start + row * memory.logits.stride, count: width) }
  }
}

/// What a pass is over, as `rows.wgsl` reads it.
private struct StepWords {
  private(set) var words: [UInt32]

  init(_ batch: Batch, _ model: LanguageModel, _ limits: ExecutionLimits, _ size: GPUPass.PassSize) {
    words = Array(repeating: 0, count: GPUMemory.stepHeader)
    (words[0], words[1], words[2]) = (UInt32(size.rows), UInt32(size.logitRows), UInt32(size.pieces))
    let rowsEnd = GPUMemory.stepHeader + size.rows * GPUMemory.stepRow
    var (first, pagesAt, logitRow) = (0, rowsEnd, UInt32(0))
    let stateSize = RecurrentState.size(model.hyperparameters)
    for span in batch.spans {
      let begin = span.sequence.tokens.count
      let slots = span.sequence.state?.slots ?? (read: 0, write: 0)
      for (offset, token) in span.tokens.enumerated() {
        let isWanted = offset >= span.tokens.count - span.logitRows
        words += [
          UInt32(bitPattern: token), UInt32(begin + offset), UInt32(pagesAt), isWanted ? logitRow : .max, UInt32(first),
          UInt32(span.tokens.count), UInt32(slots.read * stateSize), UInt32(slots.write * stateSize),
        ]
        if isWanted { logitRow += 1 }
      }
      first += span.tokens.count
      pagesAt += span.sequence.pageNumbers.count
    }
    for span in batch.spans { words += span.sequence.pageNumbers.map { UInt32($0) } }
    for (index, table) in model.rotaryTables(forContext: limits.contextLength).enumerated() {
      words[3 + index] = UInt32(words.count)
      append(table, batch)
    }
  }

  /// Cosine and sine of each pair, row after row.
  private mutating func append(_ table: RotaryEmbedding, _ batch: Batch) {
    let pairs = table.frequencies.count
    withUnsafeTemporaryAllocation(of: Float.self, capacity: max(2 * pairs, 1)) { angles in
      guard let start = angles.baseAddress else { return }
      for span in batch.spans {
        for offset in 0..<span.tokens.count {
          table.fill(first: span.sequence.tokens.count + offset, count: 1, cosines: start, sines: start + pairs)
          for pair in 0..<pairs { words += [start[pair].bitPattern, start[pairs + pair].bitPattern] }
        }
      }
    }
  }
}
