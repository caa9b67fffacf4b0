import CKernels

/// Keys and values of the cache as bytes, one block of positions after the other.
///
/// A block holds exactly what the cache holds, so that what is put back gives the same logits to the last bit. Here that is
/// [layer][key-value head] the keys, F16 [key length][position], then the values, F16 [position][value length]; on a device it is
/// a page of it.
extension TokenSequence {
  /// Positions of a block: a tile of keys, or on a device a page.
  public var blockLength: Int { pool.memory.isHere ? Int(CK_KEY_TILE) : PageLayout.positions }
  private var blocksPerPage: Int { PageLayout.positions / blockLength }

  /// Whether all that it has of its tokens are keys and values.
  public var hasBlocks: Bool { rewindsExactly }

  /// Bytes of a block.
  public var blockSize: Int { pool.memory.pageBytes / blocksPerPage }

  /// Copies the keys and values of the positions from `index * blockLength` on; the sequence must hold all of them, and not on a
  /// device.
  ///
  /// - Parameter bytes: ``blockSize`` of them.
  public func copyBlock(_ index: Int, into bytes: UnsafeMutableRawBufferPointer) {
    precondition(index >= 0 && (index + 1) * blockLength <= tokens.count && bytes.count == blockSize)
    eachPart(of: index) { part, offset in
      bytes.baseAddress?.advanced(by: offset).copyMemory(from: part.baseAddress!, byteCount: part.count)
    }
  }

  /// Appends a block's tokens with keys and values that ``Executor/block(_:of:)`` gave for the same model and the same tokens
  /// before it. The sequence must end where the block begins, have room for it, and rewind exactly.
  ///
  /// - Parameters:
  ///   - bytes: ``blockSize`` of them.
  ///   - new: as many tokens as a block has positions.
  /// - Throws: `outOfResources` when all pages are held by other sequences.
  public func appendBlock(_ bytes: UnsafeRawBufferPointer, tokens new: ArraySlice<TokenID>) throws(ModelError) {
    let index = tokens.count / blockLength
    precondition(
      tokens.count % blockLength == 0 && new.count == blockLength && bytes.count == blockSize
        && tokens.count + new.count <= contextLength && rewindsExactly)
    try reserve(new.count)
    if pool.memory.isHere {
      eachPart(of: index) { part, offset in
        part.baseAddress?.copyMemory(from: bytes.baseAddress! + offset, byteCount: part.count)
      }
    } else {
      pool.memory.writePage(pageNumbers[index], bytes)
    }
    append(new)
  }

  /// Visits the parts of the cache that a block consists of, each with its place among the block's bytes.
  private func eachPart(of index: Int, _ body: (UnsafeMutableRawBufferPointer, Int) -> Void) {
    let length = blockLength
    guard let page = UnsafeMutablePointer(mutating: table[index / blocksPerPage]) else { return }
    let first = index % blocksPerPage * length
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
