import Foundation
import SwiftletServer
import Testing

@Suite struct RangeTests {
  @Test(arguments: [
    ("bytes=0-0", 10, ByteRange.part(0..<1)), ("bytes=2-5", 10, .part(2..<6)), ("bytes=2-", 10, .part(2..<10)),
    ("bytes=-3", 10, .part(7..<10)), ("bytes=-30", 10, .part(0..<10)), ("bytes=5-99", 10, .part(5..<10)),
    ("Bytes= 1 - 2 ", 10, .part(1..<3)), ("bytes=0-99999999999999999999", 10, .part(0..<10)),
    ("bytes=10-", 10, .unsatisfiable), ("bytes=99999999999999999999-", 10, .unsatisfiable),
    ("bytes=-0", 10, .unsatisfiable), ("bytes=0-", 0, .unsatisfiable), ("bytes=-1", 0, .unsatisfiable),
    ("bytes=5-2", 10, .whole), ("bytes=a-b", 10, .whole), ("bytes=", 10, .whole), ("bytes=-", 10, .whole),
    ("bytes=1-2,4-5", 10, .whole), ("items=0-1", 10, .whole), ("bytes=+1-2", 10, .whole), ("bytes=--1", 10, .whole),
  ])
  func headerIsRead(header: String, size: Int, expected: ByteRange) {
    #expect(ByteRange(header: header, size: size) == expected)
  }

  @Test func partsOfAModelComeWithStatusAndPosition() async throws {
    let fixture = try ServerFixture()
    try await fixture.withServer { port in
      let size = fixture.model.count
      for (range, expected) in [
        ("bytes=0-9", 0..<10), ("bytes=1000-", 1000..<size), ("bytes=-100", size - 100..<size),
        ("bytes=70000-200000", 70000..<200001),
      ] {
        let response = try await RawClient.get("/models/Tiny.gguf", "Range: \(range)", port: port)
        #expect(response.status == 206)
        #expect(response.body == fixture.model[expected], "\(range)")
        #expect(
          response.headers["content-range"] == "bytes \(expected.lowerBound)-\(expected.upperBound - 1)/\(size)")
      }
      let whole = try await RawClient.get("/models/Tiny.gguf", port: port)
      #expect(whole.status == 200 && whole.body == fixture.model)
      #expect(whole.headers["accept-ranges"] == "bytes" && whole.headers["cache-control"] == "no-store")
      #expect(whole.headers["etag"] == "\"sha256-\(fixture.modelHash)\"")
      let outside = try await RawClient.get("/models/Tiny.gguf", "Range: bytes=\(size)-", port: port)
      #expect(outside.status == 416 && outside.headers["content-range"] == "bytes */\(size)")
    }
  }

  @Test func aRangeOfAnotherVersionSendsTheWholeFile() async throws {
    let fixture = try ServerFixture()
    try await fixture.withServer { port in
      let same = try await RawClient.get(
        "/models/Tiny.gguf", "Range: bytes=5-9", "If-Range: \"sha256-\(fixture.modelHash)\"", port: port)
      #expect(same.status == 206 && same.body == fixture.model[5..<10])
      let other = try await RawClient.get(
        "/models/Tiny.gguf", "Range: bytes=5-9", "If-Range: \"sha256-00\"", port: port)
      #expect(other.status == 200 && other.body == fixture.model)
    }
  }
}
