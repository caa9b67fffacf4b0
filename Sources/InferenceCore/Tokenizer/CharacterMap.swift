/// A file's `precompiled_charsmap`: what characters become before text is cut (SentencePiece's normalization rules).
///
/// A compact double array of units of 32 bits (Yata et al. 2007) leads from a text's bytes to the places of replacements, which
/// end with a zero. The file's bytes are not trusted: what leads out of them is no match.
struct CharacterMap {
  private var units = UnsafeRawBufferPointer(start: nil, count: 0)
  private var replacements = UnsafeBufferPointer<UInt8>(start: nil, count: 0)

  init(_ bytes: GGUFArray?) throws(TokenizerError) {
    guard let bytes, bytes.count > 0 else { return }
    guard bytes.elementType.byteCount == 1, bytes.count > 4 else {
      throw TokenizerError(
        .malformed, "Expected bytes in tokenizer.ggml.precompiled_charsmap, found \(bytes.count) of another type.")
    }
    let size = Int(clamping: bytes.bytes.loadUnaligned(as: UInt32.self))
    guard size > 0, size < bytes.count - 4 else {
      throw TokenizerError(
        .malformed,
        "Expected a table of up to \(bytes.count - 5) bytes in tokenizer.ggml.precompiled_charsmap, found \(size).")
    }
    units = UnsafeRawBufferPointer(rebasing: bytes.bytes[4..<4 + size / 4 * 4])
    replacements = UnsafeRawBufferPointer(rebasing: bytes.bytes[(4 + size)..<bytes.count]).assumingMemoryBound(
      to: UInt8.self)
  }

  private func unit(_ index: UInt32) -> UInt32? {
    guard index < units.count / 4 else { return nil }
    return units.loadUnaligned(fromByteOffset: Int(index) * 4, as: UInt32.self)
  }

  /// The most bytes that are replaced together, and what with.
  func longestMatch(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (length: Int, replacement: UnsafeBufferPointer<UInt8>)? {
    guard var node = unit(0).map(Self.base) else { return nil }
    var found: (length: Int, place: Int)?
    for position in start..<text.count {
      let byte = text[position]
      node ^= UInt32(byte)
      guard byte != 0, let packed = unit(node), packed & 0x8000_00FF == UInt32(byte) else { break }
      node ^= Self.base(packed)
      if packed >> 8 & 1 == 1, let value = unit(node) {
        found = (position - start + 1, Int(value & 0x7FFF_FFFF))
      }
    }
    guard let found, found.place < replacements.count else { return nil }
    var end = found.place
    while end < replacements.count, replacements[end] != 0 { end += 1 }
    return (found.length, UnsafeBufferPointer(rebasing: replacements[found.place..<end]))
  }

  private static func base(_ packed: UInt32) -> UInt32 { (packed >> 10) << ((packed & 1 << 9) >> 6) }
}
