import InferenceCore
import Testing

/// Keys and values that were copied out and put into another context give the same bits.
@Suite(.serialized) struct TokenSequenceBlockTests {
  private static let prompt = (0..<300).map { TokenID(($0 * 53 + 5) % TinyArchitecture.vocabulary) }

  @Test(arguments: TinyArchitecture.all.filter { !$0.isRecurrent })
  func blocksOfAnotherContextDoNotChangeABit(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let length = 32
    var blocks: [[UInt8]] = []
    let whole = try CPUExecutorTests.withExecutor(bytes, length: 300) { executor in
      let sequence = executor.makeSequence()
      #expect(sequence.blockLength == length)
      try executor.evaluate(Self.prompt[..<128], in: sequence, logitRows: 0)
      try executor.evaluate(Self.prompt[128..<256], in: sequence, logitRows: 0)
      let logits = Array(try executor.evaluate(Self.prompt[256...], in: sequence))
      for index in 0..<300 / length {
        var block = [UInt8](repeating: 0, count: sequence.blockSize)
        block.withUnsafeMutableBytes { sequence.copyBlock(index, into: $0) }
        blocks.append(block)
      }
      return logits
    }
    for (threads, room, kept) in [(1, 300, 9), (2, 301, 9), (3, 500, 4), (5, 333, 1)] {
      let again = try CPUExecutorTests.withExecutor(bytes, threads: threads, length: room) { executor in
        let sequence = executor.makeSequence()
        for (index, block) in blocks[..<kept].enumerated() {
          try block.withUnsafeBytes {
            try sequence.appendBlock($0, tokens: Self.prompt[index * length..<(index + 1) * length])
          }
        }
        #expect(sequence.tokens == Array(Self.prompt[..<(kept * length)]))
        var at = kept * length
        while at + 100 < 300 {
          try executor.evaluate(Self.prompt[at..<at + 100], in: sequence, logitRows: 0)
          at += 100
        }
        return Array(try executor.evaluate(Self.prompt[at...], in: sequence))
      }
      #expect(again == whole, "\(kept) blocks, \(threads) threads")
    }
  }
}
