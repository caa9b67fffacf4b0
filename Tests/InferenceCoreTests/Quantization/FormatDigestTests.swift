import CKernels
import Foundation
import InferenceCore
import Testing

/// The elements of random blocks, bit for bit as the `gguf` package gives them: `Tests/Parity/test_formats.py` has the digests.
@Suite struct FormatDigestTests {
  private struct Digest: Decodable {
    /// Bytes of a block whose bit 6 is cleared, so that its floating-point numbers are finite.
    let exponents: [Int]
    let sha256: String
  }

  private static let blocks = 4096

  private static func digests() throws -> [String: Digest] {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fixtures")
    return try JSONDecoder().decode(
      [String: Digest].self, from: Data(contentsOf: fixtures.appending(path: "format-digests.json")))
  }

  @Test(arguments: TensorFormat.allCases) func elementsAreThePackages(format: TensorFormat) throws {
    let digest = try #require(try Self.digests()["\(format.name)"], "no digest of \(format.name)")
    var random = SplitMix64(seed: UInt64(format.rawValue))
    var bytes = (0..<Self.blocks * format.blockBytes / 8).flatMap { _ in
      withUnsafeBytes(of: random.next().littleEndian, Array.init)
    }
    for block in stride(from: 0, to: bytes.count, by: format.blockBytes) {
      for at in digest.exponents { bytes[block + at] &= 0xbf }
    }
    var elements = [Float](repeating: 0, count: Self.blocks * format.blockSize)
    format.definition.dequantize(bytes, count: elements.count, into: &elements)
    var hash = SHA256()
    elements.withUnsafeBytes { hash.update($0) }
    #expect(hash.digest().map { String(format: "%02x", $0) }.joined() == digest.sha256)
  }

  @Test func everyFormatWithADigestIsKnown() throws {
    #expect(Set(try Self.digests().keys) == Set(TensorFormat.allCases.map { "\($0.name)" }))
  }
}
