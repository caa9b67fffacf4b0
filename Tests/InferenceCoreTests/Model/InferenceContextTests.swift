import CKernels
import InferenceCore
import Testing

/// The promise that makes everything else checkable: the same tokens give the same bits, however they are computed.
@Suite(.serialized) struct InferenceContextTests {
  static let prompt: [TokenID] = (0..<61).map { TokenID(($0 * 37 + 11) % TinyArchitecture.vocabulary) }

  /// Logits after the prompt, given in pieces of the sizes.
  static func logits(
    _ bytes: [UInt8], pieces: [Int], threads: Int = 1, prompt: [TokenID] = prompt
  ) throws -> [Float] {
    try withContext(bytes, threads: threads, length: max(200, prompt.count)) { context in
      var at = 0
      var result = [Float]()
      for piece in pieces {
        result = Array(try context.evaluate(prompt[at..<at + piece]))
        at += piece
      }
      #expect(at == prompt.count)
      return result
    }
  }

  static func withContext<Result>(
    _ bytes: [UInt8], threads: Int = 1, length: Int = 200, _ body: (InferenceContext) throws -> Result
  ) throws -> Result {
    try bytes.withUnsafeBytes { bytes in
      let model = try LanguageModel(file: GGUFFile(bytes))
      return try body(InferenceContext(model: model, contextLength: length, team: ThreadTeam(count: threads)))
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
    try Self.withContext(bytes) { context in
      let other = Array(Self.prompt[..<30]) + [1, 2, 3, 4, 5, 6, 7]
      _ = try context.evaluate(other[...])
      let shared = context.commonPrefix(with: Self.prompt)
      #expect(shared == 30)
      context.truncate(to: shared)
      #expect(try Array(context.evaluate(Self.prompt[shared...])) == fresh)
      #expect(context.tokens == Self.prompt)
    }
  }

  @Test func logitsOfSeveralTokensAreThoseOfEach() throws {
    let bytes = TinyArchitecture.all[1].file()
    try bytes.withUnsafeBytes { bytes in
      let model = try LanguageModel(file: GGUFFile(bytes))
      let team = try ThreadTeam(count: 2)
      let many = try InferenceContext(model: model, contextLength: 100, team: team, logitRows: 8)
      let rows = Array(try many.evaluate(Self.prompt[..<20], logitRows: 8))
      let single = try InferenceContext(model: model, contextLength: 100, team: team)
      for token in 0..<20 {
        let row = Array(try single.evaluate(Self.prompt[token...token]))
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
    try Self.withContext(bytes, threads: 2) { context in
      let layers = context.model.hyperparameters.layerCount
      try context.begin(Self.prompt[...])
      for done in 1..<layers {
        #expect(context.advance(layers: 1) == nil)
        #expect(context.tokensUnderWay == 61 && context.layersDone == done && context.tokens.isEmpty)
      }
      #expect(try Array(#require(context.advance(layers: 1))) == whole)
      #expect(context.tokens == Self.prompt && context.tokensUnderWay == 0 && context.advance(layers: 1) == nil)
    }
  }

  @Test func aPassThatIsGivenUpLeavesTheSequenceAsItWas() throws {
    let bytes = TinyArchitecture.all[0].file()
    let whole = try Self.logits(bytes, pieces: [61])
    try Self.withContext(bytes) { context in
      _ = try context.evaluate(Self.prompt[..<20])
      try context.begin([5, 6, 7, 8])
      #expect(context.advance(layers: 1) == nil)
      context.truncate(to: 20)
      #expect(context.tokensUnderWay == 0 && context.tokens.count == 20)
      #expect(try Array(context.evaluate(Self.prompt[20...])) == whole)
    }
  }

  @Test func tokensThatDoNotFitAreRefusedAndNothingChanges() throws {
    try Self.withContext(TinyArchitecture.all[0].file(), length: 32) { context in
      _ = try context.evaluate(Self.prompt[..<30])
      #expect(throws: ModelError(.contextFull, "The tokens are 1 more than the context's 32.")) {
        try context.evaluate([1, 2, 3])
      }
      #expect(throws: ModelError.self) { try context.evaluate([96]) }
      #expect(throws: ModelError.self) { try context.evaluate([-1]) }
      #expect(throws: ModelError.self) { try context.evaluate(ArraySlice(Self.prompt[..<33])) }
      #expect(context.tokens.count == 30)
      _ = try context.evaluate([1, 2])
    }
  }
}
