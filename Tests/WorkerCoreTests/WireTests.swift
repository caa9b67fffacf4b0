import Foundation
import SwiftletTestSupport
import Testing
import WorkerCore

@Suite struct WireTests {
  /// `Tests/Fixtures/wire-frames.json`, which the JavaScript codec's tests read too. Set `SWIFTLET_UPDATE_FIXTURES=1` to
  /// write it anew after a deliberate change of the format.
  static let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/wire-frames.json")

  @Test func everyFrameEqualsItsGoldenBytes() throws {
    if ProcessInfo.processInfo.environment["SWIFTLET_UPDATE_FIXTURES"] == "1" { try Self.writeFixture() }
    let data = try Data(contentsOf: Self.fixture)
    let golden = try #require(JSONSerialization.jsonObject(with: data) as? [[String: Any]])
    #expect(golden.count == WireSample.all.count)
    for (entry, sample) in zip(golden, WireSample.all) {
      #expect(entry["name"] as? String == sample.name)
      #expect(entry["hex"] as? String == Self.hex(sample.frame), "\(sample.name)")
      let decoded = try #require(entry["json"] as? NSDictionary)
      let expected = try JSONSerialization.jsonObject(with: JSONSerialization.data(withJSONObject: sample.json))
      #expect(decoded == expected as? NSDictionary, "\(sample.name)")
    }
  }

  @Test func everyFrameDecodesToWhatWasEncoded() throws {
    for sample in WireSample.all {
      #expect(try sample.decode(sample.frame) == sample.value, "\(sample.name)")
    }
  }

  @Test func everyTruncationIsATypedError() {
    for sample in WireSample.all {
      for length in 0..<sample.frame.count {
        #expect(throws: WireError.self, "\(sample.name) cut to \(length)") {
          try sample.decode(Array(sample.frame[..<length]))
        }
        // Also with a length field that agrees with the bytes.
        guard length >= Wire.headerSize else { continue }
        var cut = Array(sample.frame[..<length])
        Self.setPayloadLength(&cut)
        #expect(throws: WireError.self, "\(sample.name) shortened to \(length)") { try sample.decode(cut) }
      }
    }
  }

  @Test func trailingBytesAreRefused() {
    for sample in WireSample.all {
      var frame = sample.frame + [0]
      #expect(throws: WireError.self) { try sample.decode(frame) }
      Self.setPayloadLength(&frame)
      #expect(throws: WireError.self, "\(sample.name)") { try sample.decode(frame) }
    }
  }

  /// Random damage either still is a frame or is a typed error; it never traps and never reserves what is not there.
  @Test func damagedFramesNeverTrap() {
    var random = SplitMix(state: 7)
    for sample in WireSample.all {
      for _ in 0..<500 {
        var frame = sample.frame
        for _ in 0..<(1 + random.next() % 4) {
          let index = Int(random.next() % UInt64(frame.count))
          frame[index] = random.next() % 3 == 0 ? 0xFF : UInt8(truncatingIfNeeded: random.next())
        }
        do {
          _ = try sample.decode(frame)
        } catch {
          #expect(error is WireError)
        }
      }
    }
  }

  @Test func hugeCountsAreRefusedBeforeAnythingIsReserved() {
    var frame = Wire.encode(.detokenize(1, []))
    frame.replaceSubrange(16..<20, with: [0xFF, 0xFF, 0xFF, 0x7F])
    let error = #expect(throws: WireError.self) {
      try frame.withUnsafeBytes { (bytes) throws(WireError) in try Wire.decodeCommand(bytes) }
    }
    #expect(error?.kind == .truncated)
    #expect(error?.offset == 20)
  }

  @Test(arguments: [
    (0, WireError.Kind.badMagic), (4, .unknownVersion), (5, .unknownKind), (6, .badValue), (15, .tooLong),
  ])
  func headersAreChecked(byte: Int, kind: WireError.Kind) {
    var frame = Wire.encode(.cancelAll)
    frame[byte] = 0xEE
    let error = #expect(throws: WireError.self) {
      try frame.withUnsafeBytes { (bytes) throws(WireError) in try Wire.decodeCommand(bytes) }
    }
    #expect(error?.kind == kind)
  }

  @Test func aStreamOfFramesIsCutByItsLengths() throws {
    let stream = WireSample.all.flatMap(\.frame)
    var offset = 0
    var lengths: [Int] = []
    while offset < stream.count {
      let length = try stream[offset...].withUnsafeBytes { try Wire.frameLength($0) }
      lengths.append(try #require(length))
      offset += lengths.last!
    }
    #expect(lengths == WireSample.all.map(\.frame.count))
    #expect(try stream[..<10].withUnsafeBytes { try Wire.frameLength($0) } == nil)
  }

  @Test func aFrameThatDoesNotDecodeStillNamesItsRequest() {
    var frame = Wire.encode(.generate(77, GenerationCommand(input: .text("x"))))
    frame[16] = 9
    #expect(frame.withUnsafeBytes { Wire.requestID($0) } == 77)
    #expect([UInt8]("SWLT".utf8).withUnsafeBytes { Wire.requestID($0) } == 0)
  }

  @Test func errorCodesHaveDistinctNamesThatReadBack() {
    var names: Set<String> = []
    for code in WorkerError.Code.allCases {
      names.insert("\(code.name)")
      let again = code.name.withUTF8Buffer { WorkerError.Code(name: UnsafeRawBufferPointer($0)) }
      #expect(again == code)
    }
    #expect(names.count == WorkerError.Code.allCases.count)
  }

  private static func setPayloadLength(_ frame: inout [UInt8]) {
    let length = UInt32(frame.count - Wire.headerSize)
    for index in 0..<4 { frame[12 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index)) }
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { String(format: "%02x", $0) }.joined()
  }

  private static func writeFixture() throws {
    let entries = WireSample.all.map { ["name": $0.name, "hex": hex($0.frame), "json": $0.json] as [String: Any] }
    let data = try JSONSerialization.data(
      withJSONObject: entries, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    try data.write(to: fixture)
  }

  @Test func sizesBeyondWhatJavaScriptCountsAreTheLargest() throws {
    let error = WorkerError(.notEnoughMemory, "", need: .max, limit: 1 << 53)
    let frame = Wire.encode(.failed(1, error))
    let event = try frame.withUnsafeBytes { (bytes) throws(WireError) in try Wire.decodeEvent(bytes) }
    guard case .failed(_, let read) = event else {
      Issue.record("not read back")
      return
    }
    #expect(read.need == (1 << 53) - 1 && read.limit == (1 << 53) - 1)
  }
}
