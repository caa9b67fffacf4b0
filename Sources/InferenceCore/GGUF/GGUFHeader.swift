/// The header of one file, or of one part of a split file.
struct GGUFHeader {
  var version: UInt32 = 0
  var alignment = 32
  var metadata = [GGUFEntry]()
  var keys = GGUFNameIndex([])
  var tensors = [GGUFTensor]()
  var unsupportedTensors = [GGUFUnsupportedTensor]()
  var dataOffset: Int64 = 0
  var dataSize: Int64 = 0
  /// This part's number counted from zero, how many parts there are, and the tensors of all.
  var split: (number: Int, count: Int, tensorCount: Int)?

  /// An entry of the tensor table before the place of the data is known.
  private struct TableRow {
    let name: UnsafeRawBufferPointer
    let shape: [Int]
    let formatNumber: UInt32
    /// Where the row's format and its data offset stand in the file.
    let formatOffset: Int64
    /// Relative to the data section.
    let dataOffset: UInt64
  }

  init(_ source: GGUFReader, hasData: Bool) throws(GGUFError) {
    var reader = source
    version = try Self.readVersion(&reader)
    let tensorCount = try Self.readCount(&reader, "tensors", limit: GGUFFile.mostTensors)
    let entryCount = try Self.readCount(&reader, "metadata entries", limit: GGUFFile.mostEntries)

    metadata.reserveCapacity(entryCount)
    for _ in 0..<entryCount { metadata.append(try Self.readEntry(&reader)) }
    keys = GGUFNameIndex(metadata.map { $0.key })
    if let position = keys.duplicate {
      throw reader.error(
        .duplicateName, at: metadata[position].offset, expected: "every metadata key once",
        found: "\(readableName(metadata[position].key)) again")
    }
    try readAlignment(reader)
    try readSplit(reader)

    var rows = [TableRow]()
    rows.reserveCapacity(tensorCount)
    for _ in 0..<tensorCount { rows.append(try Self.readRow(&reader)) }

    let padding = (Int64(alignment) - reader.offset % Int64(alignment)) % Int64(alignment)
    dataOffset = reader.offset + padding
    dataSize = max(0, reader.fileSize - dataOffset)
    for row in rows { try place(row, reader, hasData: hasData) }
  }

  /// The metadata of a file's beginning, as far as it goes, without tensors.
  init(beginning source: GGUFReader) throws(GGUFError) {
    var reader = source
    version = try Self.readVersion(&reader)
    _ = try Self.readCount(&reader, "tensors", limit: GGUFFile.mostTensors)
    let count = try Self.readCount(&reader, "metadata entries", limit: GGUFFile.mostEntries)
    do throws(GGUFError) {
      for _ in 0..<count { metadata.append(try Self.readEntry(&reader)) }
    } catch {
      guard case .needsMoreBytes = error.kind else { throw error }
    }
    keys = GGUFNameIndex(metadata.map { $0.key })
  }

  private static func readEntry(_ reader: inout GGUFReader) throws(GGUFError) -> GGUFEntry {
    let key = try reader.name("a metadata key")
    let type = try reader.valueType("a metadata value type")
    let offset = reader.offset
    return GGUFEntry(key: key, value: try reader.value(of: type), offset: offset)
  }

  private static func readVersion(_ reader: inout GGUFReader) throws(GGUFError) -> UInt32 {
    let magic = try reader.uint32("the magic “GGUF”")
    guard magic == 0x4655_4747 else {
      let start = UnsafeRawBufferPointer(rebasing: reader.bytes.prefix(4))
      // What a download most often saves in the model's place.
      let hint =
        switch magic {
        case 0x7372_6576: " (the file looks like a Git LFS pointer, not the model itself)"
        case 0x4F44_213C, 0x6D74_683C: " (the file looks like a web page)"
        case 0x6767_6A74, 0x6767_6D6C, 0x6767_6D66: " (a format older than GGUF)"
        default: ""
        }
      throw reader.error(
        .notGGUF, at: 0, expected: "the magic “GGUF”", found: readableName(start) + hint)
    }
    let version = try reader.uint32("the version")
    guard version == 2 || version == 3 else {
      if version.byteSwapped == 2 || version.byteSwapped == 3 {
        throw reader.error(
          .bigEndian, at: 4, expected: "a little-endian file", found: "a big-endian one; convert the model again")
      }
      throw reader.error(.unsupportedVersion, at: 4, expected: "GGUF version 2 or 3", found: "version \(version)")
    }
    return version
  }

  private static func readCount(
    _ reader: inout GGUFReader, _ what: StaticString, limit: Int
  ) throws(GGUFError) -> Int {
    let offset = reader.offset
    let count = try reader.uint64("a count")
    // A metadata entry takes at least 14 bytes (a one-byte key, a type, a one-byte value), a tensor more.
    let most = min(UInt64(limit), reader.remaining / 14)
    guard count <= most else {
      throw reader.error(
        .invalidLength, at: offset, expected: "at most \(most) \(what) in a file of \(reader.fileSize) bytes",
        found: "\(count)")
    }
    return Int(count)
  }

  private func entry(_ key: GGUFKey) -> GGUFEntry? {
    key.bytes.withUnsafeBytes { keys.position(of: $0) }.map { metadata[$0] }
  }

  private mutating func readAlignment(_ reader: GGUFReader) throws(GGUFError) {
    guard let entry = entry("general.alignment") else { return }
    guard case .uint(let value) = entry.value, value >= 8, value <= 1 << 30, value & (value - 1) == 0 else {
      let found = if case .uint(let value) = entry.value { "\(value)" } else { entry.value.typeName }
      throw reader.error(
        .invalidAlignment, at: entry.offset, expected: "a power of two from 8 to 2^30 as general.alignment",
        found: found)
    }
    alignment = Int(value)
  }

  private mutating func readSplit(_ reader: GGUFReader) throws(GGUFError) {
    guard let countEntry = entry("split.count") else { return }
    func number(_ entry: GGUFEntry?, _ key: StaticString, _ range: ClosedRange<Int64>) throws(GGUFError) -> Int {
      let place = entry ?? countEntry
      let value: Int64? =
        switch entry?.value {
        case .uint(let value): Int64(clamping: value)
        case .int(let value): value
        default: nil
        }
      guard let value, range.contains(value) else {
        let found = value.map { "\($0)" } ?? entry.map { $0.value.typeName } ?? "none"
        throw reader.error(
          .splitMismatch, at: place.offset, expected: "\(key) of \(range.lowerBound) to \(range.upperBound)",
          found: found)
      }
      return Int(value)
    }
    let count = try number(countEntry, "split.count", 0...65_535)
    guard count > 1 else { return }
    split = (
      try number(entry("split.no"), "split.no", 0...Int64(count - 1)), count,
      try number(entry("split.tensors.count"), "split.tensors.count", 0...Int64(GGUFFile.mostTensors))
    )
  }

  private static func readRow(_ reader: inout GGUFReader) throws(GGUFError) -> TableRow {
    let name = try reader.name("a tensor's name")
    let shapeOffset = reader.offset
    let dimensionCount = try reader.uint32("a tensor's number of dimensions")
    guard dimensionCount <= 4 else {
      throw reader.error(
        .invalidShape, at: shapeOffset, expected: "at most 4 dimensions for the tensor \(readableName(name))",
        found: "\(dimensionCount)")
    }
    var shape = [Int]()
    for _ in 0..<dimensionCount {
      let offset = reader.offset
      let size = try reader.uint64("a tensor's dimension")
      guard let size = Int(exactly: size), size > 0 else {
        throw reader.error(
          .invalidShape, at: offset, expected: "dimensions of 1 to \(Int.max) for the tensor \(readableName(name))",
          found: "\(size)")
      }
      shape.append(size)
    }
    if shape.isEmpty { shape = [1] }
    let formatOffset = reader.offset
    let format = try reader.uint32("a tensor's format")
    return TableRow(
      name: name, shape: shape, formatNumber: format, formatOffset: formatOffset,
      dataOffset: try reader.uint64("a tensor's data offset"))
  }

  /// Checks a row against the data section and files it under ``tensors`` or ``unsupportedTensors``.
  private mutating func place(_ row: TableRow, _ reader: GGUFReader, hasData: Bool) throws(GGUFError) {
    let offsetOffset = row.formatOffset + 4
    guard row.dataOffset % UInt64(alignment) == 0 else {
      throw reader.error(
        .invalidAlignment, at: offsetOffset,
        expected: "a multiple of \(alignment) as the data offset of the tensor \(readableName(row.name))",
        found: "\(row.dataOffset)")
    }
    guard let format = TensorFormat(rawValue: row.formatNumber) else {
      let known = unsupportedFormatName(row.formatNumber).map { " (\($0))" } ?? ""
      unsupportedTensors.append(
        GGUFUnsupportedTensor(
          name: row.name, shape: row.shape, formatNumber: row.formatNumber,
          error: reader.error(
            .unsupportedFormat, at: row.formatOffset,
            expected: "a format this engine reads for the tensor \(readableName(row.name))",
            found: "format number \(row.formatNumber)\(known)")))
      return
    }
    guard row.shape[0] % format.blockSize == 0 else {
      throw reader.error(
        .invalidShape, at: row.formatOffset,
        expected: "rows of whole blocks of \(format.blockSize) elements in the tensor \(readableName(row.name))",
        found: "\(row.shape[0]) elements in a row")
    }
    // In UInt64, since on a 32-bit machine the file may be larger than an Int.
    var byteCount = UInt64(row.shape[0] / format.blockSize)
    var overflowed = false
    for factor in row.shape.dropFirst() + [format.blockBytes] {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: UInt64(factor))
      byteCount = product
      overflowed = overflowed || overflow
    }
    let available = UInt64(dataSize) >= row.dataOffset ? UInt64(dataSize) - row.dataOffset : 0
    guard !overflowed, row.dataOffset <= UInt64(dataSize), byteCount <= available else {
      let size = overflowed ? "more than 2^64" : "\(byteCount)"
      throw reader.error(
        .tensorOutOfBounds, at: offsetOffset,
        expected: "\(size) bytes for the tensor \(readableName(row.name)) at \(row.dataOffset) in the tensor data",
        found: "\(available) bytes there; the file has \(reader.fileSize) bytes")
    }
    let fileOffset = dataOffset + Int64(row.dataOffset)
    let data =
      hasData
      ? UnsafeRawBufferPointer(rebasing: reader.bytes[Int(fileOffset)..<Int(fileOffset) + Int(byteCount)])
      : UnsafeRawBufferPointer(start: nil, count: 0)
    tensors.append(
      GGUFTensor(
        name: row.name, shape: row.shape, format: format, byteCount: Int64(byteCount), fileOffset: fileOffset,
        data: data))
  }
}

/// Checks that `headers` are all parts of one file, in order.
func checkSplit(_ headers: [GGUFHeader]) throws(GGUFError) {
  guard let first = headers.first else {
    throw GGUFError(kind: .splitMismatch, offset: 0, expected: "a file or its parts", found: "none")
  }
  let count = first.split?.count ?? 1
  guard headers.count == count else {
    throw GGUFError(
      kind: .splitMismatch, offset: 0,
      expected: count == 1 ? "a file in one piece" : "all \(count) parts of a split file",
      found: "\(headers.count) of them")
  }
  for (index, header) in headers.enumerated() where count > 1 {
    guard let split = header.split, split.count == count, split.number == index else {
      let found = header.split.map { "part \($0.number + 1) of \($0.count)" } ?? "a file in one piece"
      throw GGUFError(
        kind: .splitMismatch, offset: 0, part: index + 1, expected: "part \(index + 1) of \(count)", found: found)
    }
    if let expected = first.split?.tensorCount, split.tensorCount != expected {
      throw GGUFError(
        kind: .splitMismatch, offset: 0, part: index + 1,
        expected: "a part of the same model as the first, whose parts have \(expected) tensors together",
        found: "a part of a model with \(split.tensorCount)")
    }
  }
  let total = headers.reduce(0) { $0 + $1.tensors.count + $1.unsupportedTensors.count }
  if let expected = first.split?.tensorCount, expected != total {
    throw GGUFError(
      kind: .splitMismatch, offset: 0, expected: "\(expected) tensors in all parts together", found: "\(total)")
  }
}
