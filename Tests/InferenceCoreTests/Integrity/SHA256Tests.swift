import CKernels
import InferenceCore
import Testing

@Suite("SHA-256")
struct SHA256Tests {
  /// Text, how often it is repeated, digest. The first three are NIST's examples for FIPS 180-4; the rest pad at every
  /// interesting length around a block, computed with Python's hashlib.
  static let vectors: [(text: String, times: Int, digest: String)] = [
    ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ("x", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("x", 55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072"),
    ("x", 56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e"),
    ("x", 57, "ae14a2563ccf969d99aca69ce6bb74981f734bbf9f655f73b8f06db68cab5217"),
    ("x", 63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2"),
    ("x", 64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c"),
    ("x", 65, "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9"),
    ("x", 119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c"),
    ("x", 120, "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98"),
    ("x", 128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464"),
  ]

  @Test("gives the published digests", arguments: vectors)
  func knownDigests(text: String, times: Int, digest: String) {
    var hash = SHA256()
    hash.update([UInt8](String(repeating: text, count: times).utf8))
    #expect(hash.hexadecimalDigest() == digest)
  }

  @Test("does not depend on how the bytes are cut", arguments: [1, 3, 55, 63, 64, 65, 127, 1000])
  func pieces(size: Int) {
    let bytes = (0..<4_999).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 7) }
    var whole = SHA256()
    whole.update(bytes)
    var cut = SHA256()
    for start in stride(from: 0, to: bytes.count, by: size) {
      cut.update([UInt8](bytes[start..<min(start + size, bytes.count)]))
    }
    #expect(cut.digest() == whole.digest())
    #expect(cut.count == 4_999)
  }

  @Test("a digest in between does not disturb the sum")
  func digestInBetween() {
    var hash = SHA256()
    hash.update([UInt8]("ab".utf8))
    _ = hash.digest()
    hash.update([UInt8]("c".utf8))
    #expect(hash.hexadecimalDigest() == Self.vectors[0].digest)
  }

  @Test("the processor's own instructions compute what the plain code computes", arguments: [1, 2, 3, 17])
  func variantsAgree(blocks: Int) {
    var fast = (0..<8).map { UInt32(truncatingIfNeeded: $0 &* 0x9e37_79b9) }
    var plain = fast
    let bytes = (0..<64 * blocks).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 3) }
    ck_sha256_blocks(&fast, bytes, blocks)
    ck_sha256_blocks_scalar(&plain, bytes, blocks)
    #expect(fast == plain)
  }
}
