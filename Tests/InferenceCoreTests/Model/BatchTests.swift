import InferenceCore
import Testing

/// Several sequences in one pass: each gets what it gets alone, to the last bit.
@Suite(.serialized) struct BatchTests {
  static let vocabulary = TinyArchitecture.vocabulary

  static func tokens(_ count: Int, from seed: Int) -> [TokenID] {
    (0..<count).map { TokenID(($0 * 53 + seed * 31 + 5) % vocabulary) }
  }

  /// The logits of each token of a sequence that is alone, in passes over one token.
  static func alone(_ bytes: [UInt8], _ tokens: [TokenID]) throws -> [[Float]] {
    try CPUExecutorTests.withExecutor(bytes, length: 400) { executor in
      let sequence = executor.makeSequence()
      return try tokens.indices.map { try Array(executor.evaluate(tokens[$0...$0], in: sequence)) }
    }
  }

  /// Reading and writing, near and far from a sequence's beginning, one token and many.
  @Test(arguments: TinyArchitecture.all)
  func eachSequenceGetsTheBitsItGetsAlone(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let texts = [(300, 1), (140, 2), (60, 3), (129, 4)].map { Self.tokens($0.0, from: $0.1) }
    let expected = try texts.map { try Self.alone(bytes, $0) }
    for threads in [1, 3] {
      try CPUExecutorTests.withExecutor(bytes, threads: threads, length: 400, sequences: 4, logitRows: 16) { executor in
        let sequences = texts.map { _ in executor.makeSequence() }
        var random = TestGenerator(state: UInt64(threads))
        var passes = 0
        while zip(sequences, texts).contains(where: { $0.tokens.count < $1.count }) {
          var (spans, room) = ([(Int, Range<Int>, Int)](), executor.limits.rows)
          for index in texts.indices.shuffled(using: &random) {
            let done = sequences[index].tokens.count
            let sizes = [0, 1, 1, 1, 3, 8, 20, 100]
            let count = min(sizes[Int(random.next() >> 33) % sizes.count], texts[index].count - done, room)
            guard count > 0 else { continue }
            room -= count
            spans.append((index, done..<done + count, min(count, Int(random.next() >> 33) % 5)))
          }
          guard !spans.isEmpty else { continue }
          passes += spans.count > 1 ? 1 : 0
          try executor.submit(
            Batch(spans.map { .init(sequences[$0.0], tokens: Array(texts[$0.0][$0.1]), logitRows: $0.2) }))
          while executor.advance(layers: 2) == .again {}
          var row = 0
          for (index, range, rows) in spans {
            for position in range.upperBound - rows..<range.upperBound {
              let logits = Array(executor.logits[row * Self.vocabulary..<(row + 1) * Self.vocabulary])
              #expect(logits == expected[index][position], "sequence \(index), position \(position)")
              row += 1
            }
          }
          #expect(row * Self.vocabulary == executor.logits.count)
        }
        #expect(passes > 5)
        for (sequence, text) in zip(sequences, texts) { #expect(sequence.tokens == text) }
      }
    }
  }

  @Test(arguments: TinyArchitecture.all)
  func aCommonPrefixIsHeldOnceUntilOneOfThemWritesIntoIt(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let common = Self.tokens(300, from: 1)
    let (left, right) = (common + Self.tokens(40, from: 7), common + Self.tokens(40, from: 8))
    let expected = try (Self.alone(bytes, left).last!, Self.alone(bytes, right).last!)
    try CPUExecutorTests.withExecutor(bytes, threads: 2, length: 400, sequences: 2) { executor in
      let (first, second) = (executor.makeSequence(), executor.makeSequence())
      for start in stride(from: 0, to: 300, by: 100) {
        try executor.evaluate(common[start..<start + 100], in: first)
      }
      #expect(executor.heldPages == 3)
      let shared = second.share(prefixOf: first, upTo: 300)
      // A recurrent state is known at its checkpoints.
      #expect(shared == 300 && second.tokens == common)
      #expect(executor.heldPages == 3)
      // The third page has room, and both go on in it.
      #expect(try Array(executor.evaluate(right[shared...], in: second)) == expected.1)
      #expect(executor.heldPages == 4)
      #expect(try Array(executor.evaluate(left[300...], in: first)) == expected.0)
      #expect(executor.heldPages == 4)
      second.rewind(to: 0)
      #expect(executor.heldPages == 3)
    }
  }

  @Test func pagesGoBackWithTheirSequences() throws {
    try CPUExecutorTests.withExecutor(TinyArchitecture.all[0].file(), length: 200, sequences: 2) { executor in
      var first: TokenSequence? = executor.makeSequence()
      let second = executor.makeSequence()
      try executor.evaluate(Self.tokens(180, from: 1)[...], in: first!)
      try executor.evaluate(Self.tokens(180, from: 2)[...], in: second)
      #expect(executor.heldPages == 4)
      let third = executor.makeSequence()
      #expect(throws: ModelError.self) { try executor.evaluate([1], in: third) }
      #expect(third.tokens.isEmpty)
      first = nil
      try executor.evaluate([1], in: third)
      #expect(executor.heldPages == 3)
    }
  }

  // MARK: Layers with a state

  @Test(arguments: TinyArchitecture.all.filter { $0.isRecurrent })
  func aRecurrentLayerRewindsThroughItsCheckpoints(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let text = Self.tokens(399, from: 1)
    let expected = try Self.alone(bytes, text)
    try CPUExecutorTests.withExecutor(bytes, threads: 2, length: 400) { executor in
      let sequence = executor.makeSequence()
      #expect(!sequence.rewindsExactly)
      func read(to end: Int) throws {
        while sequence.tokens.count < end {
          let next = min(sequence.tokens.count + 40, end)
          let logits = try executor.evaluate(text[sequence.tokens.count..<next], in: sequence)
          #expect(Array(logits) == expected[next - 1])
        }
      }
      try read(to: 399)
      #expect(sequence.rewind(to: 399) == 399)
      for target in [390, 250, 251, 90, 70, 10] {
        let left = sequence.rewind(to: target)
        #expect(left <= target && target - left <= 110, "\(target): \(left)")
        #expect(sequence.tokens == Array(text[..<left]))
        try read(to: 399)
      }
      // Token by token, too.
      sequence.rewind(to: 0)
      for token in 0..<200 { try executor.evaluate(text[token...token], in: sequence) }
      #expect(sequence.rewind(to: 199) == 192)
      try read(to: 399)
    }
  }
}
