/// The merges of byte-level BPE as pairs of token ids, ranked by their place in the file.
struct MergeTable: MergeRules {
  private struct Entry {
    var left: TokenID
    var right: TokenID
    var merged: TokenID
  }

  private var entries: [Entry] = []
  private var index: HashIndex

  /// Reads `tokenizer.ggml.merges`: texts `left right`, parted by the first space after the first byte.
  ///
  /// Merges of or into texts that are no tokens are left out, since their result could not be expressed.
  init(_ merges: GGUFArray, vocabulary: Vocabulary) throws(TokenizerError) {
    var entries: [Entry] = []
    entries.reserveCapacity(merges.count)
    var merged: TokenID = -1
    merges.forEachString { text in
      let bytes = text.bindMemory(to: UInt8.self)
      var whole = TextHash()
      var space = 0
      while space < bytes.count, bytes[space] != 0x20 || space == 0 {
        whole.combine(bytes[space])
        space += 1
      }
      guard space < bytes.count else { return }
      let left = UnsafeBufferPointer(rebasing: bytes[..<space])
      let right = UnsafeBufferPointer(rebasing: bytes[(space + 1)...])
      guard let leftID = vocabulary.id(of: left, hash: whole.value), let rightID = vocabulary.id(of: right) else {
        return
      }
      // Vocabularies list tokens in the order of the merges that first form them.
      if vocabulary.isText(merged + 1, left, right) {
        merged += 1
      } else if !vocabulary.isText(merged, left, right) {
        whole.combine(right)
        guard let found = vocabulary.id(of: left, right, hash: whole.value) else { return }
        merged = found
      }
      entries.append(Entry(left: leftID, right: rightID, merged: merged))
    }
    // A loop of its own, so that the processor overlaps the cache misses of several insertions.
    var index = HashIndex(capacity: entries.count)
    for (rank, entry) in entries.enumerated() {
      index.insert(rank, hash: Self.hash(entry.left, entry.right)) { other in
        entries[other].left == entry.left && entries[other].right == entry.right
      }
    }
    guard !index.isExhausted else {
      throw TokenizerError(.malformed, "Expected the pairs of tokenizer.ggml.merges to differ, found mass collisions.")
    }
    self.entries = entries
    self.index = index
  }

  @inline(__always)
  func merge(_ left: Symbol, _ right: Symbol) -> Merge {
    guard left.token >= 0, right.token >= 0 else { return .none }
    let rank = index.find(hash: Self.hash(left.token, right.token)) { entry in
      entries[entry].left == left.token && entries[entry].right == right.token
    }
    guard let rank else { return .none }
    return Merge(priority: UInt32(truncatingIfNeeded: rank), token: entries[rank].merged)
  }

  @inline(__always)
  private static func hash(_ left: TokenID, _ right: TokenID) -> UInt32 {
    TextHash.mix(TextHash.mix(UInt32(bitPattern: left)) &+ UInt32(bitPattern: right))
  }
}
