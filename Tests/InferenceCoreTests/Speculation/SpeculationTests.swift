import InferenceCore
import Testing

@Suite struct SpeculationTests {
  private func draft(_ tokens: [TokenID], _ count: Int) -> [TokenID] {
    var lookup = DraftLookup(capacity: 100)
    for id in tokens { lookup.append(id) }
    return lookup.draft(count)
  }

  @Test func aDraftIsWhatFollowedTheLastTokensBefore() {
    #expect(draft([1, 2, 3, 4, 5, 9, 2, 3], 3) == [4, 5, 9])
    #expect(draft([1, 2, 3], 3) == [])
    #expect(draft([], 3) == [])
    // The place where more tokens agree counts, then the later one.
    #expect(draft([1, 2, 3, 4, 7, 3, 5, 9, 2, 3], 1) == [4])
    #expect(draft([8, 3, 4, 8, 3, 5, 1, 3], 1) == [5])
  }

  @Test func aDraftGoesOnWithItselfInALoop() {
    #expect(draft([1, 2, 1, 2], 5) == [1, 2, 1, 2, 1])
    #expect(draft([7, 7], 4) == [7, 7, 7, 7])
  }

  /// What a lookup holds is never asked for by what it was not given, whatever shares a slot of its index.
  @Test func aDraftHoldsOnlyTokensOfTheSequence() {
    var generator = TestGenerator(state: 3)
    var lookup = DraftLookup(capacity: 1)
    for _ in 0..<20_000 {
      lookup.append(TokenID(generator.next() % 300))
      #expect(lookup.draft(7).allSatisfy { 0..<300 ~= $0 })
    }
  }

  /// Tokens drafted and passes saved by a speculation that reads a sequence, with passes of these costs.
  private func read(
    _ prompt: [TokenID], _ reply: [TokenID], milliseconds: (_ drafted: Int) -> Double
  ) -> (time: Double, drafted: Int, accepted: Int) {
    var speculation = Speculation(prompt: prompt, contextLength: 16_384)
    var costs = PassCosts()
    var (at, time, drafted, accepted) = (0, 0.0, 0, 0)
    while at < reply.count {
      let draft = speculation.draft(limit: reply.count - at - 1, costs: costs, slice: 300)
      let right = zip(draft, reply[at...]).prefix { $0 == $1 }.count
      for id in reply[at...at + right] { speculation.append(id) }
      at += right + 1
      costs.passTook(milliseconds(draft.count), drafted: draft.count)
      time += milliseconds(draft.count)
      drafted += draft.count
      accepted += right
    }
    return (time, drafted, accepted)
  }

  @Test func textWithoutRepetitionsCostsLessThanTwoPercent() {
    var generator = TestGenerator(state: 5)
    // As few and as unevenly common tokens as make guesses frequent and wrong.
    func text(_ count: Int) -> [TokenID] {
      (0..<count).map { _ in TokenID((generator.next() % 200) * (generator.next() % 200) / 100) }
    }
    let reply = text(2000)
    let passes = read(text(1000), reply) { 10 * (1 + 0.15 * Double($0)) }
    #expect(passes.time < 1.02 * 10 * Double(reply.count))
  }

  @Test func aRepetitionWithOneWordChangedTakesFewPasses() {
    var generator = TestGenerator(state: 6)
    let text = (0..<400).map { _ in TokenID(generator.next() % 5000) }
    var reply = text
    reply[200] = 6000
    let passes = read(text, reply) { 10 * (1 + 0.1 * Double($0)) }
    #expect(passes.accepted > 300)
    #expect(passes.time < 10 * Double(reply.count) / 3)
  }

  @Test func draftsEndWhereTheyDoNotPay() {
    let loop = (0..<2000).map { TokenID($0 % 50) }
    // Passes that take longer than one for each token; tried now and then, since machines change.
    let passes = read([], loop) { 10 * (1 + 1.5 * Double($0)) }
    #expect(passes.drafted > 0 && passes.drafted < 200)
    #expect(passes.time < 1.03 * 10 * Double(loop.count))
  }

  @Test func draftsStayWithinASlice() {
    var speculation = Speculation(prompt: [], contextLength: 1000)
    for id in 0..<100 { speculation.append(TokenID(id % 10)) }
    var costs = PassCosts()
    #expect(speculation.draft(limit: 100, costs: costs, slice: 300).count == Speculation.longestDraft)
    #expect(speculation.draft(limit: 2, costs: costs, slice: 300).count == 1)
    #expect(speculation.draft(limit: 0, costs: costs, slice: 300).isEmpty)
    costs.passTook(100, drafted: 0)
    #expect(speculation.draft(limit: 100, costs: costs, slice: 300).count == Speculation.longestDraft)
    #expect(speculation.draft(limit: 100, costs: costs, slice: 140).count == 3)
  }

  /// Where a token alone takes longer than a slice, a draft may take half as long again and no more.
  @Test func draftsLengthenASlowPassByHalfAtMost() {
    var speculation = Speculation(prompt: [], contextLength: 1000)
    for id in 0..<100 { speculation.append(TokenID(id % 10)) }
    var costs = PassCosts()
    costs.passTook(1000, drafted: 0)
    // Three drafted tokens are thought to cost 1.3 passes, seven 1.7.
    #expect(speculation.draft(limit: 100, costs: costs, slice: 300).count == 3)
    costs.passTook(1600, drafted: 3)
    #expect(speculation.draft(limit: 100, costs: costs, slice: 300).count == 3)  // 1.45 passes, it is now believed.
    costs.passTook(1600, drafted: 3)
    #expect(speculation.draft(limit: 100, costs: costs, slice: 300).count == 1)  // 1.525
  }

  // MARK: The promise

  /// The choices of a reply, its tokens one by one or with drafts.
  private func reply(
    _ file: [UInt8], _ options: SamplingOptions, speculates: Bool
  ) throws -> (samples: [Sample], drafted: Int, accepted: Int) {
    try file.withUnsafeBytes { bytes in
      let model = try LanguageModel(file: GGUFFile(bytes))
      let executor = try CPUExecutor(
        model: model, team: ThreadTeam(count: 2),
        limits: ExecutionLimits(contextLength: 256, logitRows: Speculation.logitRows))
      let sequence = executor.makeSequence()
      let vocabulary = model.hyperparameters.vocabularySize
      // The prompt's second half repeats the first, so that there is something to find.
      let prompt = CPUExecutorTests.prompt[..<24] + CPUExecutorTests.prompt[..<24]
      var sampler = Sampler(options, vocabularySize: vocabulary)
      for id in prompt { sampler.accept(id) }
      var speculation = Speculation(prompt: Array(prompt), contextLength: 256)
      try executor.evaluate(prompt.dropLast(), in: sequence, logitRows: 0)
      var (samples, last, drafted, accepted) = ([Sample](), prompt.last!, 0, 0)
      while samples.count < 160 {
        let draft = speculates ? speculation.draft(limit: 159 - samples.count, costs: PassCosts(), slice: 300) : []
        let logits = try executor.evaluate([last] + draft, in: sequence, logitRows: draft.count + 1)
        let through = sequence.tokens.count - draft.count
        drafted += draft.count
        for row in 0...draft.count {
          let sample = sampler.sample(
            UnsafeMutableBufferPointer(rebasing: logits[row * vocabulary..<(row + 1) * vocabulary]))
          sampler.accept(sample.id)
          speculation.append(sample.id)
          samples.append(sample)
          last = sample.id
          guard row < draft.count, draft[row] == sample.id else {
            sequence.rewind(to: through + row)
            break
          }
          accepted += 1
        }
      }
      return (samples, drafted, accepted)
    }
  }

  @Test(arguments: TinyArchitecture.all.filter { !$0.isRecurrent })
  func draftsDoNotChangeABit(architecture: TinyArchitecture) throws {
    let file = architecture.file()
    let sampled = SamplingOptions(
      temperature: 0.4, repeatPenalty: 1.1, repeatLastN: 20, frequencyPenalty: 0.02, seed: 11, topLogprobs: 5)
    for options in [SamplingOptions(temperature: 0, topLogprobs: 3), sampled] {
      let plain = try reply(file, options, speculates: false)
      let drafted = try reply(file, options, speculates: true)
      #expect(drafted.samples == plain.samples)
      #expect(drafted.drafted > 0 && plain.drafted == 0)
    }
  }
}
