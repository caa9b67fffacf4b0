import InferenceCore
import Testing

@Suite struct XXH64Tests {
  /// Vectors of the reference implementation and of its Python binding.
  @Test func digestsAreThePublishedOnes() {
    func digest(_ text: String, seed: UInt64 = 0) -> UInt64 {
      Array(text.utf8).withUnsafeBytes { XXH64.digest($0, seed: seed) }
    }
    #expect(digest("") == 0xEF46_DB37_51D8_E999)
    #expect(digest("a") == 0xD24E_C4F1_A98C_6E5B)
    #expect(digest("abc") == 0x44BC_2CF5_AD77_0999)
    #expect(digest("Nobody inspects the spammish repetition") == 0xFBCE_A83C_8A37_8BF1)
    #expect(digest("xxhash", seed: 20_141_025) == 0xB559_B98D_844E_0635)
  }

  @Test(arguments: [0, 1, 65535, 65536, 65537, 200_000])
  func aRunningDigestDoesNotDependOnThePieces(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
    func digest(_ bytes: [UInt8], pieces: Int) -> UInt64? {
      let stream = WeightStream(isDigested: true)
      bytes.withUnsafeBytes { bytes in
        for start in stride(from: 0, to: count, by: pieces) {
          stream.take(UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + pieces, count)]))
        }
      }
      stream.finish()
      return stream.digest
    }
    let whole = digest(bytes, pieces: max(count, 1))
    #expect(whole != nil && WeightStream().digest == nil)
    for pieces in [1000, 65536, 70000, 150_000] { #expect(digest(bytes, pieces: pieces) == whole) }
    guard count > 0 else { return }
    var other = bytes
    other[count - 1] ^= 1
    #expect(digest(other, pieces: 1000) != whole)
  }

  @Test func everyByteAndTheSeedCount() {
    let bytes = (0..<77).map { UInt8($0) }
    let digest = bytes.withUnsafeBytes { XXH64.digest($0) }
    for index in bytes.indices {
      var other = bytes
      other[index] ^= 1
      #expect(other.withUnsafeBytes { XXH64.digest($0) } != digest)
    }
    #expect(bytes.withUnsafeBytes { XXH64.digest($0, seed: 1) } != digest)
  }
}
