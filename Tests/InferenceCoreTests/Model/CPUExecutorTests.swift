import CKernels
import InferenceCore
import Testing

/// The promise that makes everything else checkable: the same tokens give the same bits, however they are computed.
@Suite(.serialized) struct CPUExecutorTests {
  static let prompt: [TokenID] = (0..<61).map { TokenID(($0 * 37 + 11) % TinyArchitecture.vocabulary) }

  /// Logits after the prompt, given in pieces of the sizes.
  static func logits(
    _ bytes: [UInt8], pieces: [Int], threads: Int = 1, prompt: [TokenID] = prompt
  ) throws -> [Float] {
    try withExecutor(bytes, threads: threads, length: max(200, prompt.count)) { executor in
      let sequence = executor.makeSequence()
      var at = 0
      var result = [Float]()
      for piece in pieces {
        result = Array(try executor.evaluate(prompt[at..<at + piece], in: sequence))
        at += piece
      }
      #expect(at == prompt.count)
      return result
    }
  }

  /// An executor of a model for sequences of a length.
  @discardableResult
  static func withExecutor<Result>(
    _ bytes: [UInt8], threads: Int = 1, length: Int = 200, sequences: Int = 1, logitRows: Int = 1,
    _ body: (CPUExecutor) throws -> Result
  ) throws -> Result {
    try bytes.withUnsafeBytes { bytes in
      let limits = ExecutionLimits(contextLength: length, sequences: sequences, logitRows: logitRows)
      let model = try LanguageModel(file: GGUFFile(bytes))
      return try body(CPUExecutor(model: model, team: ThreadTeam(count: threads), limits: limits))
    }
  }

  @Test(arguments: TinyArchitecture.all)
  func chunksAndThreadsDoNotChangeABit(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let whole = try Self.logits(bytes, pieces: [61])
    #expect(whole.allSatisfy { $0.isFinite })
    #expect(Set(whole).count > 80)
    let oneByOne = Array(repeating: 1, count: 61)
    for pieces in [oneByOne, [1, 60], [3, 5, 50, 3], [32, 29], [4, 57]] {
      #expect(try Self.logits(bytes, pieces: pieces) == whole, "\(pieces)")
    }
    for threads in [2, 3, 5] {
      #expect(try Self.logits(bytes, pieces: [61], threads: threads) == whole, "\(threads) threads")
      #expect(try Self.logits(bytes, pieces: [20] + Array(repeating: 1, count: 41), threads: threads) == whole)
    }
  }

  /// A context of several spans of attention, filled to its end.
  @Test(arguments: TinyArchitecture.all)
  func spansOfALongContextDoNotChangeABit(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let prompt = (0..<300).map { TokenID(($0 * 53 + 5) % TinyArchitecture.vocabulary) }
    let whole = try Self.logits(bytes, pieces: [128, 128, 44], prompt: prompt)
    for pieces in [[128, 128, 32, 12], [128, 126, 7, 16, 15, 1, 4, 3], [100, 100, 92, 8]] {
      for threads in [1, 2] {
        #expect(try Self.logits(bytes, pieces: pieces, threads: threads, prompt: prompt) == whole, "\(pieces)")
      }
    }
  }

  @Test(arguments: TinyArchitecture.all)
  func instructionSetsDoNotChangeABit(architecture: TinyArchitecture) throws {
    let standard = String(cString: ck_instruction_set())
    defer { _ = ck_select_instruction_set(standard) }
    let bytes = architecture.file()
    let expected = try Self.logits(bytes, pieces: [40, 1, 20])
    var compared = 0
    for name in ["avx2", "sse2", "neon", "scalar"] where ck_select_instruction_set(name) == 1 {
      #expect(try Self.logits(bytes, pieces: [40, 1, 20]) == expected, "\(name)")
      compared += 1
    }
    #expect(compared > 0)
  }

  @Test(arguments: TinyArchitecture.all)
  func aReusedPrefixGivesWhatAFreshRunGives(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let fresh = try Self.logits(bytes, pieces: [61])
    try Self.withExecutor(bytes) { executor in
      let sequence = executor.makeSequence()
      let other = Array(Self.prompt[..<30]) + [1, 2, 3, 4, 5, 6, 7]
      try executor.evaluate(other[...], in: sequence)
      let shared = sequence.commonPrefix(with: Self.prompt)
      #expect(shared == 30)
      let left = sequence.rewind(to: shared)
      #expect(left == (sequence.rewindsExactly ? shared : 0))
      #expect(try Array(executor.evaluate(Self.prompt[left...], in: sequence)) == fresh)
      #expect(sequence.tokens == Self.prompt)
    }
  }

  @Test(arguments: TinyArchitecture.all)
  func logitsOfSeveralTokensAreThoseOfEach(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    try Self.withExecutor(bytes, threads: 2, sequences: 2, logitRows: 8) { executor in
      let (many, single) = (executor.makeSequence(), executor.makeSequence())
      let rows = Array(try executor.evaluate(Self.prompt[..<20], in: many, logitRows: 8))
      for token in 0..<20 {
        let row = Array(try executor.evaluate(Self.prompt[token...token], in: single))
        if token >= 12 {
          let at = (token - 12) * TinyArchitecture.vocabulary
          #expect(row == Array(rows[at..<at + TinyArchitecture.vocabulary]))
        }
      }
    }
  }

  @Test(arguments: TinyArchitecture.all)
  func aPassCutBetweenLayersGivesTheSameBits(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let whole = try Self.logits(bytes, pieces: [61])
    try Self.withExecutor(bytes, threads: 2) { executor in
      let sequence = executor.makeSequence()
      let layers = executor.model.hyperparameters.layerCount
      try executor.submit(Batch([Batch.Span(sequence, tokens: Self.prompt)]))
      for done in 1..<layers {
        #expect(executor.advance(layers: 1) == .again)
        #expect(executor.tokensUnderWay == 61 && executor.layersDone == done && sequence.tokens.isEmpty)
      }
      #expect(executor.advance(layers: 1) == .done)
      #expect(Array(executor.logits) == whole)
      #expect(sequence.tokens == Self.prompt && executor.tokensUnderWay == 0 && executor.advance(layers: 1) == .idle)
    }
  }

  @Test(arguments: TinyArchitecture.all)
  func aPassThatIsGivenUpLeavesTheSequenceAsItWas(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let whole = try Self.logits(bytes, pieces: [61])
    for byChange in [false, true] {
      try Self.withExecutor(bytes) { executor in
        let sequence = executor.makeSequence()
        try executor.evaluate(Self.prompt[..<22], in: sequence)
        if byChange { #expect(sequence.rewind(to: 22) == 22) }
        try executor.submit(Batch([Batch.Span(sequence, tokens: [5, 6, 7, 8])]))
        #expect(executor.advance(layers: 5) == .again)
        if byChange {
          let left = sequence.rewind(to: 20)
          #expect(executor.advance(layers: 5) == .idle)
          #expect(left == (sequence.rewindsExactly ? 20 : 0))
        } else {
          executor.giveUp()
        }
        #expect(executor.tokensUnderWay == 0)
        let rest = Self.prompt[sequence.tokens.count...]
        #expect(try Array(executor.evaluate(rest, in: sequence)) == whole)
      }
    }
  }

  @Test func whatDoesNotFitIsRefusedAndNothingChanges() throws {
    try Self.withExecutor(TinyArchitecture.all[0].file(), length: 32, sequences: 2) { executor in
      let (sequence, other) = (executor.makeSequence(), executor.makeSequence())
      try executor.evaluate(Self.prompt[..<30], in: sequence)
      #expect(throws: ModelError(.contextFull, "The tokens are 1 more than the context's 32.")) {
        try executor.evaluate([1, 2, 3], in: sequence)
      }
      for tokens in [[96], [-1], [], Array(Self.prompt[..<33])] as [[TokenID]] {
        #expect(throws: ModelError.self) { try executor.evaluate(tokens[...], in: sequence) }
      }
      #expect(throws: ModelError.self) { try executor.evaluate([1, 2], in: sequence, logitRows: 2) }
      let span = Batch.Span(sequence, tokens: [1])
      #expect(throws: ModelError.self) { try executor.submit(Batch([span, span])) }
      #expect(throws: ModelError.self) { try executor.submit(Batch([span, Batch.Span(other, tokens: [2])])) }
      try Self.withExecutor(TinyArchitecture.all[0].file()) { stranger in
        #expect(throws: ModelError.self) { try stranger.evaluate([1], in: sequence) }
      }
      #expect(sequence.tokens.count == 30 && other.tokens.isEmpty)
      try executor.evaluate([1, 2], in: sequence)
    }
  }
}
