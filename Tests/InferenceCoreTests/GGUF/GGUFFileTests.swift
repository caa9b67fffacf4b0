import InferenceCore
import Testing

@Suite struct GGUFFileTests {
  /// A file with one value of every type and two tensors.
  static func sample(version: UInt32 = 3, alignment: Int = 32) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.version = version
    builder.alignment = alignment
    builder.add("general.alignment", .uint32, UInt32(alignment))
    builder.add("u8", .uint8, UInt8.max)
    builder.add("i8", .int8, Int8.min)
    builder.add("u16", .uint16, UInt16.max)
    builder.add("i16", .int16, Int16.min)
    builder.add("u32", .uint32, UInt32.max)
    builder.add("i32", .int32, Int32.min)
    builder.add("u64", .uint64, UInt64.max)
    builder.add("i64", .int64, Int64.min)
    builder.add("f32", Float(-1.5))
    builder.add("f64", .float64, (0.1).bitPattern)
    builder.add("yes", .bool, UInt8(1))
    builder.add("no", .bool, UInt8(0))
    builder.add("llama.name", "Zoë")
    builder.add("words", ["", "a", "鳥"])
    builder.add("shorts", arrayOf: .int16, [-1, 2, 3].map { littleEndian(Int16($0)) })
    builder.add("halves", arrayOf: .float32, [0.5, -2.5].map { littleEndian(Float($0).bitPattern) })
    builder.add("flags", arrayOf: .bool, [[1], [0]])
    builder.add("none", arrayOf: .uint64, [])
    builder.addTensor("token_embd.weight", shape: [2, 3], data: (0..<24).map { UInt8($0) })
    builder.addTensor("blk.11.attn_q.weight", shape: [32], format: 8, data: [UInt8](repeating: 7, count: 34))
    return builder
  }

  @Test(arguments: [(UInt32(2), 32), (3, 32), (3, 8), (3, 4096)])
  func readsEveryTypeOfValueAndTheTensors(version: UInt32, alignment: Int) throws {
    try Self.sample(version: version, alignment: alignment).file.withUnsafeBytes { bytes in
      let file = try GGUFFile(bytes)
      #expect(file.version == version)
      #expect(file.alignment == alignment)
      #expect(file.metadata.count == 19)
      #expect(text(file.metadata[13].key) == "llama.name")
      #expect(try file.uint("u8") == 255)
      #expect(try file.int("i8") == -128)
      #expect(try file.uint("u16") == 65_535)
      #expect(try file.int("i16") == -32_768)
      #expect(try file.uint("u32") == 4_294_967_295)
      #expect(try file.int("i32") == -2_147_483_648)
      #expect(try file.uint("u64") == .max)
      #expect(try file.int("i64") == .min)
      #expect(try file.float("f32") == -1.5)
      #expect(try file.float("f64") == 0.1)
      #expect(try file.float("i8") == -128)
      #expect(try file.bool("yes") == true)
      #expect(try file.bool("no") == false)
      #expect(try file.string(GGUFKey(prefix: Array("llama".utf8), ".name")).map(text) == "Zoë")

      var words = [String]()
      try file.array("words", of: .strings)?.forEachString { words.append(text($0)) }
      #expect(words == ["", "a", "鳥"])
      let shorts = try #require(try file.array("shorts", of: .integers))
      #expect((0..<shorts.count).map { shorts.int(at: $0) } == [-1, 2, 3])
      let halves = try #require(try file.array("halves", of: .numbers))
      #expect((0..<halves.count).map { halves.float(at: $0) } == [0.5, -2.5])
      #expect((0..<halves.count).map { halves.int(at: $0) } == [0, -2])
      let flags = try #require(try file.array("flags", of: .bools))
      #expect((0..<flags.count).map { flags.bool(at: $0) } == [true, false])
      #expect(try file.array("none", of: .integers)?.count == 0)

      let embedding = try #require(try file.tensor("token_embd.weight"))
      #expect(embedding.shape == [2, 3])
      #expect(embedding.format == .f32)
      #expect(Array(embedding.data) == (0..<24).map { UInt8($0) })
      let query = try #require(try file.tensor(layer: 11, "attn_q.weight"))
      #expect(Array(query.data) == [UInt8](repeating: 7, count: 34))
      #expect(query.fileOffset % Int64(alignment) == 0)
      #expect(try file.tensor(layer: 1, "attn_q.weight") == nil)
      #expect(try file.tensor("token_embd") == nil)
    }
  }

  @Test func absentKeysAreNilAndWrongTypesSayWhatWasFound() throws {
    try Self.sample().file.withUnsafeBytes { bytes in
      let file = try GGUFFile(bytes)
      #expect(try file.uint("absent") == nil)
      #expect(try file.array("absent", of: .strings) == nil)
      let wrong: [(String, () throws -> Void)] = [
        ("a string", { _ = try file.uint("llama.name") }),
        ("-128", { _ = try file.uint("i8") }),
        ("18446744073709551615", { _ = try file.int("u64") }),
        ("a floating-point number", { _ = try file.int("f32") }),
        ("a boolean", { _ = try file.float("yes") }),
        ("an unsigned integer", { _ = try file.bool("u8") }),
        ("an unsigned integer", { _ = try file.string("u8") }),
        ("an array of int16", { _ = try file.array("shorts", of: .strings) }),
        ("an array of float32", { _ = try file.array("halves", of: .integers) }),
        ("a string", { _ = try file.array("llama.name", of: .strings) }),
      ]
      for (found, read) in wrong {
        let error = try #require(throws: GGUFError.self, performing: read)
        #expect(error.kind == .wrongType)
        #expect(error.found == found)
      }
    }
  }

  @Test func aTensorOfAnUnknownFormatFailsOnlyWhenItIsUsed() throws {
    var builder = Self.sample()
    builder.addTensor("strange", shape: [256], format: 15, data: [UInt8](repeating: 0, count: 292))
    try builder.file.withUnsafeBytes { bytes in
      let file = try GGUFFile(bytes)
      #expect(try file.tensor("token_embd.weight") != nil)
      #expect(file.unsupportedTensors.map { $0.formatNumber } == [15])
      let error = try #require(throws: GGUFError.self) { _ = try file.tensor("strange") }
      #expect(error.kind == .unsupportedFormat)
      #expect(error.message.contains("strange"))
      #expect(error.message.contains("15 (Q8_K)"))
    }
  }

  @Test func theHeaderAloneAsksForMoreBytesUntilItIsThere() throws {
    let builder = Self.sample()
    let whole = builder.file
    let header = builder.header
    for count in 0..<header.count {
      let error = #expect(throws: GGUFError.self) {
        try parseHeader(whole.prefix(count), fileSize: Int64(whole.count))
      }
      guard case .needsMoreBytes(let least)? = error?.kind else {
        Issue.record("\(count) bytes: \(error?.message ?? "no error")")
        continue
      }
      #expect(least > Int64(count) && least <= Int64(header.count))
    }
    try parseHeader(ArraySlice(header), fileSize: Int64(whole.count))
    #expect(throws: GGUFError.self) { try parseHeader(ArraySlice(header), fileSize: Int64(header.count)) }
  }

  private func parseHeader(_ bytes: ArraySlice<UInt8>, fileSize: Int64) throws {
    try bytes.withUnsafeBytes { bytes in
      let file = try GGUFFile.parseHeader(bytes, fileSize: fileSize)
      #expect(!file.hasData)
      #expect(try file.tensor("token_embd.weight")?.byteCount == 24)
      #expect(try file.tensor("token_embd.weight")?.data.isEmpty == true)
    }
  }

  @Test func theHeaderOfAFileLargerThanMemoryIsRead() throws {
    var builder = GGUFBuilder()
    builder.addTensor("huge", shape: [1 << 20, 1 << 20], data: [])
    let header = builder.header
    try header.withUnsafeBytes { bytes in
      let file = try GGUFFile.parseHeader(bytes, fileSize: 1 << 43)
      #expect(try file.tensor("huge")?.byteCount == 1 << 42)
    }
  }

  @Test func partsOfASplitFileAreReadAsOne() throws {
    let parts = (0..<3).map { Self.part($0, of: 3, tensorCount: 3).file }
    try withParts(parts) { buffers in
      let file = try GGUFFile(parts: buffers)
      #expect(file.partCount == 3)
      #expect(file.tensors.map { text($0.name) } == ["t0", "t1", "t2"])
      #expect(try file.tensor("t2").map { Array($0.data) } == [2, 2, 2, 2])
      #expect(file.dataSize == 96)

      let wrong: [(parts: [UnsafeRawBufferPointer], part: Int)] = [
        ([], 1), ([buffers[0]], 1), ([buffers[0], buffers[1]], 1), ([buffers[0], buffers[2], buffers[1]], 2),
        ([buffers[1], buffers[0], buffers[2]], 1), (buffers + [buffers[0]], 1),
      ]
      for (parts, part) in wrong {
        let error = try #require(throws: GGUFError.self) { _ = try GGUFFile(parts: parts) }
        #expect(error.kind == .splitMismatch)
        #expect(error.part == part)
      }
    }
  }

  @Test func splitFilesThatDoNotBelongTogetherAreRefused() throws {
    let table: [(second: GGUFBuilder, kind: GGUFError.Kind)] = [
      (Self.part(1, of: 3, tensorCount: 2), .splitMismatch),
      (Self.part(0, of: 2, tensorCount: 2), .splitMismatch),
      (Self.sample(), .splitMismatch),
      (Self.part(1, of: 2, tensorCount: 2, name: "t0"), .duplicateName),
      (Self.part(2, of: 2, tensorCount: 2), .splitMismatch),
      (Self.part(1, of: 2, tensorCount: 4), .splitMismatch),
    ]
    for (second, kind) in table {
      try withParts([Self.part(0, of: 2, tensorCount: 2).file, second.file]) { buffers in
        let error = try #require(throws: GGUFError.self) { _ = try GGUFFile(parts: buffers) }
        #expect(error.kind == kind)
      }
    }
    let counts = [Self.part(0, of: 2, tensorCount: 3).file, Self.part(1, of: 2, tensorCount: 3).file]
    try withParts(counts) { buffers in
      let error = try #require(throws: GGUFError.self) { _ = try GGUFFile(parts: buffers) }
      #expect(error.expected == "3 tensors in all parts together")
    }
  }

  @Test func aBeginningTellsItsMetadataAsFarAsItGoes() throws {
    var builder = GGUFBuilder()
    builder.add("general.architecture", "llama")
    builder.add("general.type", "adapter")
    builder.addTensor("t", shape: [1], data: [0, 0, 0, 0])
    let bytes = builder.file
    for length in 0...bytes.count {
      try bytes[..<length].withUnsafeBytes { prefix in
        guard length >= 24 else {
          #expect(throws: GGUFError.self) { _ = try GGUFFile.parseBeginning(prefix) }
          return
        }
        let file = try GGUFFile.parseBeginning(prefix)
        #expect(file.metadata.count <= 2 && file.tensors.isEmpty)
        if length >= builder.header.count { #expect(ForeignFile.reason(file)?.contains("adapter") == true) }
      }
    }
  }

  private static func part(_ number: UInt16, of count: UInt16, tensorCount: Int32, name: String? = nil) -> GGUFBuilder {
    var builder = GGUFBuilder()
    builder.add("split.no", .uint16, number)
    builder.add("split.count", .uint16, count)
    builder.add("split.tensors.count", .int32, tensorCount)
    builder.addTensor(name ?? "t\(number)", shape: [1], data: [UInt8](repeating: UInt8(number), count: 4))
    return builder
  }

  private func withParts(_ parts: [[UInt8]], _ body: ([UnsafeRawBufferPointer]) throws -> Void) rethrows {
    let buffers = parts.map { part in
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: part.count, alignment: 1)
      buffer.copyBytes(from: part)
      return buffer
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    try body(buffers.map { UnsafeRawBufferPointer($0) })
  }
}
