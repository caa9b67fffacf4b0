import InferenceCore
import Testing

@Suite struct GGUFMalformedTests {
  struct Case: CustomTestStringConvertible {
    let testDescription: String
    let kind: GGUFError.Kind
    /// Where the fault is, when the table says it.
    let offset: Int64?
    /// What the message must name.
    let found: String
    let bytes: [UInt8]

    init(
      _ description: String, _ kind: GGUFError.Kind, at offset: Int64? = nil, found: String,
      _ change: (inout GGUFBuilder) -> Void
    ) {
      var builder = GGUFBuilder()
      change(&builder)
      self.init(description, kind, at: offset, found: found, bytes: builder.file)
    }

    init(_ description: String, _ kind: GGUFError.Kind, at offset: Int64? = nil, found: String, bytes: [UInt8]) {
      testDescription = description
      self.kind = kind
      self.offset = offset
      self.found = found
      self.bytes = bytes
    }
  }

  static let fourBytes = [UInt8](repeating: 0, count: 4)

  static let container = [
    Case("no bytes", .truncated, at: 0, found: "after 0 bytes", bytes: []),
    Case("wrong magic", .notGGUF, at: 0, found: "“NOPE”") { $0.magic = Array("NOPE".utf8) },
    Case("Git LFS pointer", .notGGUF, at: 0, found: "Git LFS", bytes: Array("version https://git-lfs".utf8)),
    Case("web page", .notGGUF, at: 0, found: "web page", bytes: Array("<!DOCTYPE html>".utf8)),
    Case("control characters for a magic", .notGGUF, at: 0, found: "“????”", bytes: [0, 7, 10, 127, 0, 0, 0, 0]),
    Case("version 1", .unsupportedVersion, at: 4, found: "version 1") { $0.version = 1 },
    Case("version 4", .unsupportedVersion, at: 4, found: "version 4") { $0.version = 4 },
    Case("big-endian version 3", .bigEndian, at: 4, found: "big-endian") { $0.version = 0x0300_0000 },
    Case("big-endian version 2", .bigEndian, at: 4, found: "big-endian") { $0.version = 0x0200_0000 },
    Case("more tensors than fit", .invalidLength, at: 8, found: "\(UInt64.max)") { $0.tensorCount = .max },
    Case("more entries than fit", .invalidLength, at: 16, found: "\(1 << 40)") { $0.entryCount = 1 << 40 },
    Case("more tensors than any model has", .invalidLength, at: 8, found: "1000000") {
      $0.tensorCount = 1_000_000
      $0.addTensor("t", shape: [4_000_000], data: [UInt8](repeating: 0, count: 16_000_000))
    },
  ]

  static let metadata = [
    Case("empty key", .invalidLength, at: 24, found: "0") { $0.add("", .uint8, UInt8(1)) },
    Case("endless key", .invalidLength, at: 24, found: "65536") {
      $0.add(String(repeating: "k", count: 65_536), .uint8, UInt8(1))
    },
    Case("unknown type", .invalidValue, at: 33, found: "13") { $0.add("k", typeNumber: 13, bytes: fourBytes) },
    Case("array of an unknown type", .invalidValue, at: 37, found: "99") {
      $0.add("k", type: .array, bytes: littleEndian(UInt32(99)) + littleEndian(UInt64(0)))
    },
    Case("array of arrays", .invalidValue, at: 37, found: "array of arrays") { $0.add("k", arrayOf: .array, []) },
    Case("array longer than the file", .invalidLength, at: 41, found: "1000") {
      $0.add("k", arrayOf: .uint32, [fourBytes], count: 1000)
    },
    Case("array whose size overflows", .invalidLength, at: 41, found: "\(UInt64.max / 2)") {
      $0.add("k", arrayOf: .uint64, [], count: .max / 2)
    },
    Case("string longer than the file", .truncated, at: 45, found: "after 32 bytes") {
      $0.add("k", type: .string, bytes: string(Array("abc".utf8), length: 1000) + [UInt8](repeating: 0, count: 29))
      $0.alignment = 1
    },
    Case("string whose end overflows", .truncated, at: 45, found: "the end of the file") {
      $0.add("k", type: .string, bytes: string([], length: .max))
    },
    Case("string of an array past the end", .truncated, found: "the end of the file") {
      $0.add("k", arrayOf: .string, [string(Array("a".utf8)), string([], length: 1 << 62)])
    },
    Case("boolean of 2", .invalidValue, at: 37, found: "2") { $0.add("k", .bool, UInt8(2)) },
    Case("boolean of 2 in an array", .invalidValue, at: 50, found: "2") {
      $0.add("k", arrayOf: .bool, [[1], [2]])
    },
    Case("a key twice", .duplicateName, found: "“k”") {
      $0.add("k", .uint8, UInt8(1))
      $0.add("j", .uint8, UInt8(1))
      $0.add("k", .uint8, UInt8(1))
    },
    Case("alignment of 0", .invalidAlignment, found: "0") { $0.add("general.alignment", .uint32, UInt32(0)) },
    Case("alignment of 24", .invalidAlignment, found: "24") { $0.add("general.alignment", .uint32, UInt32(24)) },
    Case("alignment of 4", .invalidAlignment, found: "4") { $0.add("general.alignment", .uint32, UInt32(4)) },
    Case("alignment of 2^63", .invalidAlignment, found: "\(UInt64(1) << 63)") {
      $0.add("general.alignment", .uint64, UInt64(1) << 63)
    },
    Case("alignment of text", .invalidAlignment, found: "a string") { $0.add("general.alignment", "32") },
    Case("negative alignment", .invalidAlignment, found: "a signed integer") {
      $0.add("general.alignment", .int32, Int32(-32))
    },
    Case("split count of text", .splitMismatch, found: "a string") { $0.add("split.count", "2") },
    Case("split without a number", .splitMismatch, found: "none") { $0.add("split.count", .uint16, UInt16(2)) },
  ]

  static let tensors = [
    Case("five dimensions", .invalidShape, found: "5") {
      $0.addTensor("t", shape: [1, 1, 1, 1, 1], data: fourBytes)
    },
    Case("a dimension of 0", .invalidShape, found: "0") { $0.addTensor("t", shape: [4, 0], data: fourBytes) },
    Case("a dimension of 2^64 - 1", .invalidShape, found: "\(UInt64.max)") {
      $0.addTensor("t", shape: [.max], data: fourBytes)
    },
    Case("dimensions that overflow", .tensorOutOfBounds, found: "bytes there") {
      $0.addTensor("t", shape: [1 << 32, 1 << 32, 1 << 32], data: fourBytes)
    },
    Case("dimensions that overflow to 0", .tensorOutOfBounds, found: "bytes there") {
      $0.addTensor("t", shape: [1 << 62], data: fourBytes)
    },
    Case("a broken block", .invalidShape, found: "33 elements") {
      $0.addTensor("t", shape: [33], format: 8, data: [UInt8](repeating: 0, count: 68))
    },
    Case("data past the end", .tensorOutOfBounds, found: "32 bytes there") {
      $0.addTensor("t", shape: [9], data: [UInt8](repeating: 0, count: 32))
    },
    Case("data that begins past the end", .tensorOutOfBounds, found: "0 bytes there") {
      $0.addTensor("t", shape: [1], data: fourBytes, offset: 1 << 40)
    },
    Case("an offset that overflows", .tensorOutOfBounds, found: "0 bytes there") {
      $0.addTensor("t", shape: [1], data: fourBytes, offset: .max - 31)
    },
    Case("an offset off the alignment", .invalidAlignment, found: "4") {
      $0.addTensor("t", shape: [1], data: fourBytes, offset: 4)
    },
    Case("a tensor twice", .duplicateName, found: "“t”") {
      $0.addTensor("t", shape: [1], data: fourBytes)
      $0.addTensor("t", shape: [1], data: fourBytes)
    },
    Case("a tensor with no name", .invalidLength, found: "0") { $0.addTensor("", shape: [1], data: fourBytes) },
  ]

  @Test(arguments: container + metadata + tensors)
  func malformedFilesSayWhatWasExpectedAndFoundWhere(_ table: Case) throws {
    try table.bytes.withUnsafeBytes { bytes in
      let error = try #require(throws: GGUFError.self) { _ = try GGUFFile(bytes) }
      #expect(error.kind == table.kind)
      #expect(error.found.contains(table.found), "\(error.message)")
      #expect(!error.expected.isEmpty)
      if let offset = table.offset { #expect(error.offset == offset, "\(error.message)") }
      #expect(error.offset >= 0 && error.offset <= Int64(bytes.count))
    }
  }

  @Test func aFileTruncatedAnywhereIsRefused() throws {
    let builder = GGUFFileTests.sample()
    let whole = builder.file
    // The padding after the last tensor is all that may be missing.
    let needed = whole.count - 30
    for count in 0..<whole.count {
      // A copy of its own, so that the address sanitizer sees a read past its end.
      let copy = Array(whole[..<count])
      copy.withUnsafeBytes { bytes in
        if count < needed {
          let error = #expect(throws: GGUFError.self) { _ = try GGUFFile(bytes) }
          // Cut short, the counts in the header become absurd before the bytes run out.
          let kinds: [GGUFError.Kind] = [.truncated, .invalidLength, .tensorOutOfBounds]
          #expect(error.map { kinds.contains($0.kind) } == true)
        } else {
          #expect(throws: Never.self) { _ = try GGUFFile(bytes) }
        }
      }
    }
  }

  @Test func mutatedFilesNeverCrash() {
    let original = GGUFFileTests.sample().file
    var generator = TestGenerator(state: 1)
    let interesting: [[UInt8]] = [
      littleEndian(UInt64.max), littleEndian(UInt64(1) << 63), littleEndian(UInt64(1) << 32), littleEndian(UInt32.max),
      littleEndian(Int32.max), [0], [9], [8], littleEndian(UInt64(0)),
    ]
    var accepted = 0
    var kinds = Set<String>()
    for _ in 0..<20_000 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: bytes[position] = .random(in: 0...255, using: &generator)
        case 2:
          for (index, byte) in interesting.randomElement(using: &generator)!.enumerated() {
            if position + index < bytes.count { bytes[position + index] = byte }
          }
        default: bytes.removeSubrange(position..<min(bytes.count, position + Int.random(in: 0...9, using: &generator)))
        }
        if bytes.isEmpty { break }
      }
      bytes.withUnsafeBytes { buffer in
        do throws(GGUFError) {
          let file = try GGUFFile(buffer)
          touch(file, in: buffer)
          accepted += 1
        } catch {
          kinds.insert("\(error.kind)")
          #expect(error.offset >= 0 && error.offset <= Int64(buffer.count))
          #expect(!error.message.isEmpty)
        }
      }
    }
    // The fuzz reaches both the checks and what lies behind them.
    #expect(accepted > 100)
    #expect(kinds.count >= 8, "\(kinds)")
  }

  /// Reads all that an accepted file leads to.
  private func touch(_ file: GGUFFile, in bytes: UnsafeRawBufferPointer) {
    var sum = 0
    for entry in file.metadata {
      switch entry.value {
      case .string(let string): sum += string.reduce(0) { $0 &+ Int($1) }
      case .array(let array):
        if array.elementType == .string {
          array.forEachString { sum += $0.reduce(0) { $0 &+ Int($1) } }
        } else {
          for index in 0..<array.count { sum &+= Int(truncatingIfNeeded: array.int(at: index)) }
        }
      default: break
      }
    }
    for tensor in file.tensors { sum += tensor.data.reduce(0) { $0 &+ Int($1) } }
    for tensor in file.tensors {
      #expect(tensor.fileOffset + tensor.byteCount <= Int64(bytes.count))
    }
  }
}
