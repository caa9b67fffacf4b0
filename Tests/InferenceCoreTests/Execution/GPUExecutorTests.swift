import InferenceCore
import Testing

/// What makes a graphics card fast can be counted without one: what it is told, and how often.
@Suite struct GPUExecutorTests {
  /// Notes what it is told, and does nothing.
  private final class NotingDevice: GraphicsDevice {
    let limits: GraphicsLimits
    var buffers: [Int] = []
    var written: [Int] = []
    var contents: [[UInt8]] = []
    var pipelines: [String] = []
    var bindings: [[BufferRange]] = []
    var submissions: [(commands: [UInt32], read: Int, ticket: UInt32)] = []
    var writes = 0
    var releases = 0

    init(binding: Int = 1 << 27, subgroup: Int = 0, rounded: [GPUArithmetic] = []) {
      limits = GraphicsLimits(
        buffer: 1 << 28, binding: binding, alignment: 256, subgroup: subgroup, rounded: rounded)
    }

    func makeBuffer(bytes: Int, isUniform: Bool) -> UInt32 {
      #expect(bytes > 0 && bytes % 4 == 0 && bytes <= limits.buffer)
      buffers.append(bytes)
      written.append(0)
      contents.append([UInt8](repeating: 0, count: bytes))
      return UInt32(buffers.count - 1)
    }
    func write(_ bytes: UnsafeRawBufferPointer, to buffer: UInt32, at offset: Int) {
      #expect(bytes.count % 4 == 0 && offset % 4 == 0 && offset + bytes.count <= buffers[Int(buffer)])
      written[Int(buffer)] += bytes.count
      contents[Int(buffer)].replaceSubrange(offset..<offset + bytes.count, with: bytes)
      writes += 1
    }
    func makePipeline(files: [StaticString], constants: String) -> UInt32 {
      pipelines.append("\(files.last!) \(constants)")
      return UInt32(pipelines.count - 1)
    }
    func bind(_ ranges: [BufferRange]) -> UInt32 {
      #expect(ranges.count == 6)
      for range in ranges {
        #expect(range.count > 0 && range.count <= limits.binding && range.offset % limits.alignment == 0)
        #expect(range.offset + range.count <= buffers[Int(range.buffer)])
      }
      bindings.append(ranges)
      return UInt32(bindings.count - 1)
    }
    func submit(_ commands: [UInt32], reading: (from: BufferRange, to: UnsafeMutableRawPointer)?) -> UInt32 {
      submissions.append((commands, reading?.from.count ?? 0, UInt32(submissions.count)))
      return UInt32(submissions.count - 1)
    }
    var kernelsLeft: Int { 0 }
    /// Kernels that the card refuses, by their names.
    var refused: [String] = []
    var failedPipelines: [UInt32] {
      pipelines.indices.filter { index in refused.contains { pipelines[index].hasPrefix($0) } }.map { UInt32($0) }
    }
    func another() -> any GraphicsDevice { NotingDevice(binding: limits.binding) }
    func release() { releases += 1 }

    /// The names of the kernels that were started, and what each sees of weights.
    func dispatches(_ commands: [UInt32]) -> [(kernel: Substring, weights: BufferRange)] {
      stride(from: 0, to: commands.count, by: GPUCommand.words).compactMap { at in
        guard commands[at] & GPUCommand.copyFlag == 0 else { return nil }
        return (pipelines[Int(commands[at])].prefix { $0 != " " }, bindings[Int(commands[at + 1])][0])
      }
    }
  }

  private func withExecutor<Result>(
    _ architecture: TinyArchitecture, on device: NotingDevice, length: Int = 400, now: @escaping () -> Double = { 0 },
    _ body: (GPUExecutor) throws -> Result
  ) throws -> Result {
    try architecture.file().withUnsafeBytes { bytes in
      let model = try LanguageModel(file: GGUFFile(bytes))
      let limits = ExecutionLimits(contextLength: length, logitRows: 8)
      return try body(GPUExecutor(model: model, device: device, limits: limits, now: now))
    }
  }

  /// Takes tokens through all layers, answering for the card.
  private func pass(_ count: Int, _ sequence: TokenSequence, _ executor: GPUExecutor, _ device: NotingDevice) throws {
    try executor.submit(Batch([Batch.Span(sequence, tokens: Array(repeating: 7, count: count))]))
    while true {
      switch executor.advance(layers: .max) {
      case .waiting: executor.finished(device.submissions.last!.ticket)
      case .again: continue
      case .done: return
      case .idle: throw ModelError(.invalid, "The pass was given up.")
      }
    }
  }

  @Test(
    arguments: TinyArchitecture.onCards + [
      TinyArchitecture(name: "llama", format: .q4_0, valueFormat: .q8_0),
      TinyArchitecture(name: "gemma2", format: .q4_0, valueFormat: .q8_0),
    ])
  func aTokenIsOneSubmissionOfFewDispatches(architecture: TinyArchitecture) throws {
    let device = NotingDevice()
    try withExecutor(architecture, on: device) { executor in
      let sequence = executor.makeSequence()
      try pass(200, sequence, executor, device)
      try pass(100, sequence, executor, device)
      let made = (device.buffers.count, device.bindings.count, device.pipelines.count)
      let before = device.submissions.count
      try pass(1, sequence, executor, device)
      #expect(device.submissions.count == before + 1 && sequence.tokens.count == 301)
      let dispatches = device.dispatches(device.submissions.last!.commands)
      // Of each layer, and before and after them, where positions may be embedded too. An expert that all go through
      // has two.
      let most = architecture.family.sharedLength > 0 ? 10 : 8
      #expect(dispatches.count <= 7 * most + (architecture.name == "gpt2" ? 5 : 4), "\(dispatches.map { $0.kernel })")
      #expect((device.buffers.count, device.bindings.count, device.pipelines.count) == made)
    }
    #expect(device.releases == 1)
  }

  @Test(arguments: TinyArchitecture.onCards)
  func weightsAreReadOnceForEachToken(architecture: TinyArchitecture) throws {
    let device = NotingDevice()
    try withExecutor(architecture, on: device) { executor in
      let sequence = executor.makeSequence()
      try pass(1, sequence, executor, device)
      let products = device.dispatches(device.submissions.last!.commands).filter {
        ["product", "experts"].contains($0.kernel)
      }
      // Where matrices that lie together need two dispatches, each sees both.
      let seen = Dictionary(grouping: products.map { $0.weights }) { [Int($0.buffer), $0.offset] }
      #expect(seen.values.allSatisfy { $0.count == 1 })
      let bytes = products.reduce(0) { $0 + $1.weights.count }
      #expect(Double(bytes) <= 1.02 * Double(architecture.file().count))
    }
  }

  /// Where a kernel sees little at a time, matrices are cut.
  @Test func aMatrixIsCutWhereABindingDoesNotHoldIt() throws {
    let architecture = TinyArchitecture(name: "llama", heads: 21, keyValueHeads: 1)
    func products(_ device: NotingDevice) throws -> Int {
      try withExecutor(architecture, on: device, length: 8) { executor in
        try pass(1, executor.makeSequence(), executor, device)
        return device.dispatches(device.submissions.last!.commands).filter { $0.kernel == "product" }.count
      }
    }
    // The queries' matrix has 86 KB.
    #expect(try products(NotingDevice(binding: 64 << 10)) > products(NotingDevice()))
    #expect(throws: ModelError.self) { try products(NotingDevice(binding: 16 << 10)) }
  }

  /// What a kernel sees of experts has the same ones of each matrix.
  @Test func expertsAreCutWhereABindingDoesNotHoldAll() throws {
    func experts(_ device: NotingDevice) throws -> [BufferRange] {
      try withExecutor(TinyArchitecture(name: "qwen3moe"), on: device, length: 8) { executor in
        try pass(1, executor.makeSequence(), executor, device)
        return device.dispatches(device.submissions.last!.commands).filter { $0.kernel == "experts" }.map { $0.weights }
      }
    }
    let (whole, cut) = (try experts(NotingDevice()), try experts(NotingDevice(binding: 256 << 10)))
    #expect(whole.count == 7 * 2 && cut.count > whole.count)
    #expect(cut.reduce(0) { $0 + $1.count } == whole.reduce(0) { $0 + $1.count })
    #expect(throws: ModelError.self) { try experts(NotingDevice(binding: 32 << 10)) }
  }

  /// Of the logits only the likeliest come back, unless more is wanted.
  @Test func fewBytesAreReadForAToken() throws {
    let device = NotingDevice()
    try withExecutor(TinyArchitecture(name: "llama"), on: device) { executor in
      let sequence = executor.makeSequence()
      try pass(1, sequence, executor, device)
      #expect((1...1024).contains(device.submissions.last!.read))
      #expect(device.dispatches(device.submissions.last!.commands).last?.kernel == "top")
      #expect(executor.candidates(ofRow: 0) != nil && executor.candidates(ofRow: 1) == nil)

      // All of them, afterwards.
      executor.fetchLogits()
      let fetch = try #require(device.submissions.last)
      let bytes = TinyArchitecture.vocabulary * MemoryLayout<Float>.size
      #expect(fetch.commands.isEmpty && fetch.read == bytes)
      #expect(executor.advance(layers: .max) == .waiting && executor.tokensUnderWay == 1)
      executor.finished(fetch.ticket)
      #expect(executor.advance(layers: .max) == .done && executor.candidates(ofRow: 0) == nil)
      #expect(executor.logits.count == TinyArchitecture.vocabulary && sequence.tokens.count == 1)

      // And at once, where that is known before.
      try executor.submit(Batch([Batch.Span(sequence, tokens: [7])], wantsAllLogits: true))
      #expect(executor.advance(layers: .max) == .waiting && device.submissions.last!.read == bytes)
      executor.finished(device.submissions.last!.ticket)
      #expect(executor.advance(layers: .max) == .done && executor.candidates(ofRow: 0) == nil)

      // Of a part of a prompt nothing is read.
      try executor.submit(Batch([Batch.Span(sequence, tokens: [7, 8], logitRows: 0)]))
      #expect(executor.advance(layers: .max) == .waiting && device.submissions.last!.read == 0)
    }
  }

  /// Weights that pass by are where those are that lie in memory.
  @Test(
    arguments: [
      TinyArchitecture(name: "llama"), TinyArchitecture(name: "phi2"), TinyArchitecture(name: "gemma3"),
      TinyArchitecture(name: "lfm2"), TinyArchitecture(name: "gemma2", valueFormat: .q8_0),
      TinyArchitecture(name: "qwen2moe"),
    ], [1, 3, 1000, .max])
  func weightsMayPassBy(architecture: TinyArchitecture, piece: Int) throws {
    let (mapped, streamed) = (NotingDevice(), NotingDevice())
    try withExecutor(architecture, on: mapped, length: 8) { _ in }
    try architecture.file().withUnsafeBytes { bytes in
      let file = try GGUFFile.parseHeader(bytes, fileSize: Int64(bytes.count))
      let stream = WeightStream()
      let model = try LanguageModel(file: file, stream: stream)
      let executor = try GPUExecutor(
        model: model, device: streamed, limits: ExecutionLimits(contextLength: 8, logitRows: 8))
      var place = 0
      while place < bytes.count {
        let count = min(piece, bytes.count - place)
        stream.take(UnsafeRawBufferPointer(rebasing: bytes[place..<place + count]))
        place += count
      }
      try executor.streamHasEnded()
      #expect(streamed.contents == mapped.contents)
    }
  }

  /// What needs a feature of the card says so first; a row has no more threads than a subgroup.
  @Test func kernelsUseSubgroupsWhereThereAreAny() throws {
    let architecture = TinyArchitecture(name: "qwen3", heads: 21, keyValueHeads: 1)
    for subgroup in [0, 4, 64] {
      let device = NotingDevice(subgroup: subgroup)
      try withExecutor(architecture, on: device, length: 8) { _ in }
      for kernel in ["normalize", "turn", "attend", "attendRows", "product"] {
        let texts = device.pipelines.filter { $0.hasPrefix("\(kernel) ") }
        #expect(!texts.isEmpty)
        for text in texts { #expect(text.hasPrefix("\(kernel) enable subgroups;\n") == (subgroup > 0)) }
      }
      // Rows are short here: without subgroups eight threads are the fewest.
      let lanes = "const lanes = \(subgroup == 4 ? 4 : 8)u;"
      #expect(device.pipelines.allSatisfy { !$0.hasPrefix("product ") || $0.contains(lanes) })
    }
  }

  /// Each of the numbers that a card can multiply is tried on prompts that come, and then the fastest is taken.
  @Test(arguments: [GPUArithmetic.floats, .halves, .bytes])
  func promptsTakeTheFastestNumbers(fastest: GPUArithmetic) throws {
    let device = NotingDevice(rounded: [.halves, .bytes])
    let architecture = TinyArchitecture(name: "llama", format: .q4_0, valueFormat: .q8_0)
    var (clock, seen) = (0.0, [GPUArithmetic]())
    func time() -> Double { clock }
    try withExecutor(architecture, on: device, length: 1200, now: time) { executor in
      func take(_ count: Int) throws {
        let sequence = executor.makeSequence()
        try executor.submit(Batch([Batch.Span(sequence, tokens: Array(repeating: 7, count: count))]))
        _ = executor.advance(layers: .max)
        let submission = try #require(device.submissions.last)
        let texts = stride(from: 0, to: submission.commands.count, by: GPUCommand.words).map {
          device.pipelines[Int(submission.commands[$0])]
        }
        let rounds = texts.contains { $0.hasPrefix("round ") }
        #expect(texts.contains { $0.hasPrefix("tileRounded ") } == rounds)
        #expect(texts.contains { $0.hasPrefix("tile ") } != rounds)
        let used = !rounds ? GPUArithmetic.floats : texts.contains { $0.contains("enable f16;") } ? .halves : .bytes
        seen.append(used)
        // The first pass of each takes longer than all others.
        clock += seen.count(where: { $0 == used }) == 1 ? 1000 : used == fastest ? 10 : 20
        executor.finished(submission.ticket)
        #expect(executor.advance(layers: .max) == .done)
        sequence.rewind(to: 0)
      }
      for _ in 0..<12 { try take(64) }
      #expect(Array(seen.prefix(9)) == Array(repeating: [.floats, .halves, .bytes], count: 3).flatMap { $0 })
      #expect(seen.suffix(3).allSatisfy { $0 == fastest })
      try take(20)
      #expect(seen.last == fastest)
      // Among many more rows another may be the fastest.
      for _ in 0..<12 { try take(256) }
      #expect(Set(seen.suffix(12).prefix(3)).count == 3 && seen.suffix(3).allSatisfy { $0 == fastest })
    }
  }

  /// A card that offers halves or bytes may not compile what needs them.
  @Test(arguments: [["round "], ["tileRounded "]])
  func numbersWhoseKernelsDoNotCompileAreNotUsed(refused: [String]) throws {
    let device = NotingDevice(rounded: [.halves, .bytes])
    device.refused = refused
    try withExecutor(TinyArchitecture(name: "llama", format: .q4_0, valueFormat: .q8_0), on: device) { executor in
      let sequence = executor.makeSequence()
      for _ in 0..<5 {
        try pass(70, sequence, executor, device)
        let kernels = device.dispatches(device.submissions.last!.commands).map { $0.kernel }
        #expect(kernels.contains("tile") && !kernels.contains("round") && !kernels.contains("tileRounded"))
      }
    }
  }

  /// A model of floating-point numbers has nothing to round.
  @Test func floatsAreNotRounded() throws {
    let device = NotingDevice(rounded: [.halves, .bytes])
    try withExecutor(TinyArchitecture(name: "llama", format: .f32), on: device) { _ in }
    #expect(device.pipelines.allSatisfy { !$0.hasPrefix("round") && !$0.hasPrefix("tileRounded") })
  }

  /// Few rows of logits behind a prompt read the output's weights once.
  @Test func theLogitsOfAPromptAreAProduct() throws {
    let device = NotingDevice()
    try withExecutor(TinyArchitecture(name: "llama"), on: device) { executor in
      let sequence = executor.makeSequence()
      for rows in [1, 8, 0] {
        try executor.submit(Batch([Batch.Span(sequence, tokens: Array(repeating: 7, count: 20), logitRows: rows)]))
        _ = executor.advance(layers: .max)
        let submission = try #require(device.submissions.last)
        let products = device.dispatches(submission.commands).filter { $0.kernel == "product" }
        #expect(products.count == (rows > 0 ? 1 : 0))
        executor.finished(submission.ticket)
        #expect(executor.advance(layers: .max) == .done)
      }
    }
  }

  @Test func aPassThatIsGivenUpChangesNothing() throws {
    let device = NotingDevice()
    try withExecutor(TinyArchitecture(name: "llama"), on: device) { executor in
      let sequence = executor.makeSequence()
      try executor.submit(Batch([Batch.Span(sequence, tokens: [1, 2, 3])]))
      #expect(executor.advance(layers: 1) == .waiting && executor.advance(layers: 1) == .waiting)
      let late = device.submissions.last!.ticket
      executor.giveUp()
      #expect(executor.advance(layers: 1) == .idle && sequence.tokens.isEmpty)
      try executor.submit(Batch([Batch.Span(sequence, tokens: [4])]))
      #expect(executor.advance(layers: .max) == .waiting)
      // What the card says of the other one means nothing.
      executor.finished(late)
      #expect(executor.advance(layers: .max) == .waiting)
      executor.finished(device.submissions.last!.ticket)
      #expect(executor.advance(layers: .max) == .done && sequence.tokens == [4])
    }
  }

  /// A page is brought here and put back in parts, one of each layer's buffer.
  @Test func blocksAreBroughtFromTheCardAndPutBack() throws {
    let device = NotingDevice()
    try withExecutor(TinyArchitecture(name: "gemma3"), on: device) { executor in
      let sequence = executor.makeSequence()
      #expect(sequence.hasBlocks && sequence.blockLength == 128)
      try pass(200, sequence, executor, device)
      try pass(100, sequence, executor, device)
      #expect(executor.block(1, of: sequence) == nil)
      let submission = try #require(device.submissions.last)
      #expect(submission.read == sequence.blockSize && submission.commands.count == 7 * GPUCommand.words)
      #expect(executor.block(1, of: sequence) == nil && device.submissions.last!.ticket == submission.ticket)
      executor.finished(submission.ticket)
      let block = try #require(executor.block(1, of: sequence))
      #expect(block.count == sequence.blockSize)

      // What was brought of other tokens is brought again.
      #expect(executor.block(0, of: sequence) == nil)
      let stale = try #require(device.submissions.last)
      try pass(1, sequence, executor, device)
      executor.finished(stale.ticket)
      #expect(executor.block(0, of: sequence) == nil && device.submissions.last!.ticket != stale.ticket)

      let other = executor.makeSequence()
      sequence.rewind(to: 0)
      let writes = device.writes
      let marked = (0..<block.count).map { UInt8(truncatingIfNeeded: $0 / 4) }
      try marked.withUnsafeBytes { try other.appendBlock($0, tokens: Array(repeating: 7, count: 128)[...]) }
      #expect(device.writes == writes + 7 && other.tokens.count == 128)
      let pages = (0..<4).map { page in
        stride(from: 0, to: submission.commands.count, by: GPUCommand.words).flatMap { copy in
          let (buffer, count) = (submission.commands[copy] & ~GPUCommand.copyFlag, Int(submission.commands[copy + 4]))
          return device.contents[Int(buffer)][page * count..<(page + 1) * count]
        }
      }
      #expect(pages.contains(marked))
    }
  }

  /// Sequences that share pages get copies before either writes.
  @Test(arguments: [TinyArchitecture(name: "llama"), TinyArchitecture(name: "lfm2")])
  func sharedPagesAndStatesAreCopiedByTheCard(architecture: TinyArchitecture) throws {
    let device = NotingDevice()
    try architecture.file().withUnsafeBytes { bytes in
      let model = try LanguageModel(file: GGUFFile(bytes))
      let executor = try GPUExecutor(
        model: model, device: device, limits: ExecutionLimits(contextLength: 200, sequences: 2))
      let (one, other) = (executor.makeSequence(), executor.makeSequence())
      try pass(70, one, executor, device)
      #expect(other.share(prefixOf: one, upTo: 70) == 70)
      try pass(1, other, executor, device)
      let commands = device.submissions.last!.commands
      let copies = stride(from: 0, to: commands.count, by: GPUCommand.words).filter {
        commands[$0] & GPUCommand.copyFlag != 0
      }
      #expect(!copies.isEmpty && copies.first == 0)
      for at in copies { #expect(commands[at] & ~GPUCommand.copyFlag != commands[at + 1] && commands[at + 4] % 4 == 0) }
    }
  }
}
