import InferenceCore
import Testing

/// Keys and values that were copied out and put into another context give the same bits.
@Suite(.serialized) struct InferenceContextBlockTests {
  private static let prompt = (0..<300).map { TokenID(($0 * 53 + 5) % TinyArchitecture.vocabulary) }

  @Test(arguments: TinyArchitecture.all)
  func blocksOfAnotherContextDoNotChangeABit(architecture: TinyArchitecture) throws {
    let bytes = architecture.file()
    let length = InferenceContext.blockLength
    var blocks: [[UInt8]] = []
    let whole = try InferenceContextTests.withContext(bytes, length: 300) { context in
      try context.evaluate(Self.prompt[..<128], logitRows: 0)
      try context.evaluate(Self.prompt[128..<256], logitRows: 0)
      let logits = Array(try context.evaluate(Self.prompt[256...]))
      for index in 0..<300 / length {
        var block = [UInt8](repeating: 0, count: context.blockSize)
        block.withUnsafeMutableBytes { context.copyBlock(index, into: $0) }
        blocks.append(block)
      }
      return logits
    }
    for (threads, room, kept) in [(1, 300, 9), (2, 301, 9), (3, 500, 4), (5, 333, 1)] {
      let again = try InferenceContextTests.withContext(bytes, threads: threads, length: room) { context in
        for (index, block) in blocks[..<kept].enumerated() {
          block.withUnsafeBytes {
            context.appendBlock($0, tokens: Self.prompt[index * length..<(index + 1) * length])
          }
        }
        #expect(context.tokens == Array(Self.prompt[..<(kept * length)]))
        var at = kept * length
        while at + 100 < 300 {
          try context.evaluate(Self.prompt[at..<at + 100], logitRows: 0)
          at += 100
        }
        return Array(try context.evaluate(Self.prompt[at...]))
      }
      #expect(again == whole, "\(kept) blocks, \(threads) threads")
    }
  }
}
