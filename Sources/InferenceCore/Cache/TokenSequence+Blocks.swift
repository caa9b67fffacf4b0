import CKernels

/// Keys and values of the cache as bytes, one block of positions after the other.
///
/// A block holds exactly what the cache holds, so that what is put back gives the same logits to the last bit:
/// [layer][key-value head] the keys, F16 [key length][position], then the values, F16 [position][value length].
extension TokenSequence {
  /// Positions of a block: a tile of keys.
  public static let blockLength = Int(CK_KEY_TILE)
  private static let blocksPerPage = PageLayout.positions / blockLength

  /// Whether its keys and values can be read and put back here.
  public var hasBlocks: Bool { rewindsExactly && pool.memory.isHere }

  /// Bytes of a block.
  public var blockSize: Int { Int(pool.layout.bytes) / Self.blocksPerPage }

  /// Copies the keys and values of the positions from `index * blockLength` on; the sequence must hold all of them.
  ///
  /// - Parameter bytes: ``blockSize`` of them.
  public func copyBlock(_ index: Int, into bytes: UnsafeMutableRawBufferPointer) {
    precondition(index >= 0 && (index + 1) * Self.blockLength <= tokens.count && bytes.count == blockSize)
    eachPart(of: index) { part, offset in
      bytes.baseAddress?.advanced(by: offset).copyMemory(from: part.baseAddress!, byteCount: part.count)
    }
  }

  /// Appends a block's tokens with keys and values that ``copyBlock(_:into:)`` gave for the same model and the same tokens
  /// before it. The sequence must end where the block begins, have room for it, and rewind exactly.
  ///
  /// - Parameters:
  ///   - bytes: ``blockSize`` of them.
  ///   - new: as many tokens as a block has positions.
  /// - Throws: `outOfResources` when all pages are held by other sequences.
  public func appendBlock(_ bytes: UnsafeRawBufferPointer, tokens new: ArraySlice<TokenID>) throws(ModelError) {
    let index = tokens.count / Self.blockLength
    precondition(
      tokens.count % Self.blockLength == 0 && new.count == Self.blockLength && bytes.count == blockSize
        && tokens.count + new.count <= contextLength && rewindsExactly)
    try reserve(new.count)
    eachPart(of: index) { part, offset in
      part.baseAddress?.copyMemory(from: bytes.baseAddress! + offset, byteCount: part.count)
    }
    append(new)
  }

  /// Visits the parts of the cache that a block consists of, each with its place among the block's bytes.
  private func eachPart(of index: Int, _ body: (UnsafeMutableRawBufferPointer, Int) -> Void) {
    let length = Self.blockLength
    guard let page = UnsafeMutablePointer(mutating: table[index / Self.blocksPerPage]) else { return }
    let first = index % Self.blocksPerPage * length
    var (place, offset) = (0, 0)
    for width in pool.widths {
      let start = page + place + first * width
      let part = UnsafeMutableRawBufferPointer(start: start, count: length * width * MemoryLayout<UInt16>.size)
      body(part, offset)
      offset += part.count
      place += PageLayout.positions * width
    }
  }
}
