import Foundation
import InferenceCore
import Testing

/// The page's table is held to the same cases.
@Suite("Files that are no language models")
struct ForeignFileTests {
  struct Case: Decodable {
    let keys: [String: String]
    let mentions: [String]?
  }

  @Test("are told by their header, with what to do instead")
  func reasons() throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fixtures/foreign-files.json")
    for one in try JSONDecoder().decode([Case].self, from: Data(contentsOf: url)) {
      func word(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
      func text(_ value: String) -> [UInt8] { word(UInt64(value.utf8.count)) + Array(value.utf8) }
      var bytes = Array("GGUF".utf8) + word(UInt32(3)) + word(UInt64(0)) + word(UInt64(one.keys.count))
      for (key, value) in one.keys { bytes += text(key) + word(UInt32(8)) + text(value) }
      try bytes.withUnsafeBytes { bytes in
        let reason = ForeignFile.reason(try GGUFFile.parseBeginning(bytes))
        #expect((reason == nil) == (one.mentions == nil))
        for words in one.mentions ?? [] { #expect(reason?.contains(words) == true) }
        if one.mentions != nil {
          let header = try GGUFFile.parseHeader(bytes, fileSize: Int64(bytes.count))
          #expect(throws: ModelError.self) { try Hyperparameters(header) }
        }
      }
    }
  }
}
