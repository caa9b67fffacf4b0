import CKernels

/// Takes tensors out of a file, checking that they have the shape that the hyperparameters say, and that none is left.
final class TensorReader {
  private let file: GGUFFile
  /// Of a file whose bytes only pass by.
  private let stream: WeightStream?
  /// By position in the file: whether it was asked for.
  private var isRead: [Bool]
  /// What layers may have or not, and whether the first that was asked had it.
  private var optionals: [(name: StaticString, part: StaticString, isThere: Bool, layer: Int)] = []

  init(file: GGUFFile, stream: WeightStream? = nil) {
    self.file = file
    self.stream = stream
    isRead = Array(repeating: false, count: file.tensors.count + file.unsupportedTensors.count)
  }

  /// What the names of tensors begin or end with that a text model can do without: another modality's, and a table of
  /// frequencies that old converters wrote beside the base that it follows from.
  private static let harmless: [StaticString] = [
    "v.", "a.", "mm.", "rope.freqs", ".attn_rot_embd", ".attn_rot_embd.freqs", ".rotary_emb.inv_freq",
  ]

  /// Throws when the file has a tensor that nobody asked for: without it the model would say something else.
  func checkNoneIsLeft() throws(ModelError) {
    let left = isRead.indices.filter { !isRead[$0] && !Self.isHarmless(file.tensorName(at: $0)) }
    guard let first = left.first else { return }
    let others = left.count == 1 ? "" : " and \(left.count - 1) more tensors"
    throw ModelError(
      .unsupported,
      "The file has \(readableName(file.tensorName(at: first)))\(others), which this engine does not use for its "
        + "architecture: without them the model's answers would be wrong.")
  }

  private static func isHarmless(_ name: UnsafeRawBufferPointer) -> Bool {
    harmless.contains { part in
      part.withUTF8Buffer { part in
        name.count >= part.count
          && (name.prefix(part.count).elementsEqual(part) || name.suffix(part.count).elementsEqual(part))
      }
    }
  }

  func matrix(_ name: StaticString, rows: Int, columns: Int) throws(ModelError) -> Matrix {
    try required(optionalMatrix(name, rows: rows, columns: columns), "\(name)")
  }

  /// `blk.<layer>.<name>.weight`: the matrices of all experts, one below the other, and their `.bias` where there is one.
  func experts(layer: Int, _ name: StaticString, _ count: Int, rows: Int, columns: Int) throws(ModelError) -> Linear {
    let found = try required(tensor(at: file.position(layer: layer, name, ".weight")), "blk.\(layer).\(name).weight")
    return Linear(
      weight: try required(matrix(found, rows: rows, columns: columns, of: count), "\(name)"),
      bias: try optionalFloats(layer: layer, name, ".bias", rows: count, columns: rows))
  }

  /// `blk.<layer>.<name>.weight`, and its `.bias` where there is one.
  func linear(layer: Int, _ name: StaticString, rows: Int, columns: Int) throws(ModelError) -> Linear {
    let weight = try optionalMatrix(layer: layer, name, ".weight", rows: rows, columns: columns)
    return Linear(
      weight: try required(weight, "blk.\(layer).\(name).weight"),
      bias: try optionalVector(layer: layer, name, ".bias", count: rows))
  }

  /// `blk.<layer>.<name>.weight`, and of a kind that has one the `.bias` where there is one.
  func norm(layer: Int, _ name: StaticString, _ kind: Architecture.Norm, count: Int) throws(ModelError) -> Norm {
    try required(optionalNorm(layer: layer, name, kind, count: count), "blk.\(layer).\(name).weight")
  }

  func optionalNorm(
    layer: Int, _ name: StaticString, _ kind: Architecture.Norm, count: Int
  ) throws(ModelError) -> Norm? {
    guard let weight = try optionalVector(layer: layer, name, ".weight", count: count) else { return nil }
    return Norm(
      weight: weight, bias: kind == .layer ? try optionalVector(layer: layer, name, ".bias", count: count) : nil)
  }

  /// `<name>.weight` and `<name>.bias`, likewise.
  func norm(_ name: StaticString, _ kind: Architecture.Norm, count: Int) throws(ModelError) -> Norm {
    try required(optionalNorm(name, kind, count: count), "\(name).weight")
  }

  func optionalMatrix(_ name: StaticString, rows: Int, columns: Int) throws(ModelError) -> Matrix? {
    try matrix(tensor(at: file.position(of: name)), rows: rows, columns: columns)
  }

  /// `<name>.weight`, with as many rows as the file has.
  func optionalMatrix(_ name: StaticString, columns: Int) throws(ModelError) -> Matrix? {
    guard let found = try tensor(at: file.position(of: name, ".weight")) else { return nil }
    return try matrix(found, rows: found.shape.count > 1 ? found.shape[1] : 1, columns: columns)
  }

  /// The same with its `.bias`.
  func optionalLinear(_ name: StaticString, columns: Int) throws(ModelError) -> Linear? {
    guard let weight = try optionalMatrix(name, columns: columns) else { return nil }
    return Linear(weight: weight, bias: try optionalVector(name, ".bias", count: weight.rows))
  }

  func optionalNorm(_ name: StaticString, _ kind: Architecture.Norm, count: Int) throws(ModelError) -> Norm? {
    guard let weight = try optionalVector(name, ".weight", count: count) else { return nil }
    return Norm(weight: weight, bias: kind == .layer ? try optionalVector(name, ".bias", count: count) : nil)
  }

  func optionalMatrix(
    layer: Int, _ name: StaticString, _ part: StaticString, rows: Int, columns: Int
  ) throws(ModelError) -> Matrix? {
    try matrix(tensor(at: file.position(layer: layer, name, part)), rows: rows, columns: columns)
  }

  /// `blk.<layer>.<name>.weight`
  func vector(layer: Int, _ name: StaticString, count: Int) throws(ModelError) -> UnsafePointer<Float> {
    let found = try optionalVector(layer: layer, name, ".weight", count: count)
    return try required(found, "blk.\(layer).\(name).weight")
  }

  /// `blk.<layer>.<name>.weight`, small and stored as floats: [rows][columns]
  func floats(layer: Int, _ name: StaticString, rows: Int, columns: Int) throws(ModelError) -> UnsafePointer<Float> {
    let found = try optionalFloats(layer: layer, name, ".weight", rows: rows, columns: columns)
    return try required(found, "blk.\(layer).\(name).weight")
  }

  func optionalFloats(
    layer: Int, _ name: StaticString, _ part: StaticString, rows: Int, columns: Int
  ) throws(ModelError) -> Vector {
    let place = file.position(layer: layer, name, part)
    try note(layer: layer, name, part, isThere: place != nil)
    return try floats(tensor(at: place), [columns, rows])
  }

  func optionalVector(
    layer: Int, _ name: StaticString, _ part: StaticString, count: Int
  ) throws(ModelError) -> Vector {
    try optionalFloats(layer: layer, name, part, rows: 1, columns: count)
  }

  func has(layer: Int, _ name: StaticString, _ part: StaticString) -> Bool {
    file.position(layer: layer, name, part) != nil
  }

  /// What one layer of a kind has and another lacks was lost: throws ``ModelError/Kind-swift.enum/missing``.
  func note(layer: Int, _ name: StaticString, _ part: StaticString, isThere: Bool) throws(ModelError) {
    guard let first = optionals.first(where: { same($0.name, name) && same($0.part, part) }) else {
      optionals.append((name, part, isThere, layer))
      return
    }
    guard first.isThere != isThere else { return }
    let (lacking, having) = isThere ? (first.layer, layer) : (layer, first.layer)
    throw ModelError(.missing, "The tensor blk.\(lacking).\(name)\(part) is absent; layer \(having) has its like.")
  }

  private func same(_ a: StaticString, _ b: StaticString) -> Bool {
    a.withUTF8Buffer { a in b.withUTF8Buffer { a.elementsEqual($0) } }
  }

  func optionalVector(_ name: StaticString, _ part: StaticString = "", count: Int) throws(ModelError) -> Vector {
    try floats(tensor(at: file.position(of: name, part)), [count])
  }

  func required<Value>(_ value: Value?, _ name: String) throws(ModelError) -> Value {
    guard let value else { throw ModelError(.missing, "The tensor \(name) is absent.") }
    return value
  }

  private func tensor(at position: Int?) throws(ModelError) -> GGUFTensor? {
    guard let position else { return nil }
    isRead[position] = true
    return try gguf { () throws(GGUFError) in try file.tensor(at: position) }
  }

  private func matrix(
    _ tensor: GGUFTensor?, rows: Int, columns: Int, of count: Int? = nil
  ) throws(ModelError) -> Matrix? {
    guard let tensor else { return nil }
    try check(tensor, count.map { [columns, rows, $0] } ?? [columns, rows])
    guard let rows = Int32(exactly: rows * (count ?? 1)) else {
      throw ModelError(.unsupported, "The tensor \(name(tensor)) has more than 2,147,483,647 rows.")
    }
    // Activations are quantized in blocks of 32.
    guard columns % max(32, tensor.format.blockSize) == 0 || !tensor.format.isQuantized else {
      throw ModelError(.invalid, "The rows of \(name(tensor)) are no multiple of its format's blocks: \(columns).")
    }
    let rowBytes = columns / tensor.format.blockSize * tensor.format.blockBytes
    let data = address(of: tensor)?.assumingMemoryBound(to: UInt8.self)
    let kernel = ck_matrix(
      data: data, row_bytes: rowBytes, rows: rows, columns: Int32(columns), format: tensor.format.rawValue)
    return Matrix(kernel, tensor.format, streamedFrom: stream.map { _ in UInt64(tensor.fileOffset) })
  }

  private func floats(_ tensor: GGUFTensor?, _ shape: [Int]) throws(ModelError) -> Vector {
    guard let tensor else { return nil }
    try check(tensor, shape)
    guard tensor.format == .f32 else {
      throw ModelError(.unsupported, "The tensor \(name(tensor)) is stored as \(tensor.format.name), expected F32.")
    }
    if let stream {
      let kept = try stream.keep(UInt64(tensor.fileOffset), bytes: Int(clamping: tensor.byteCount))
      return kept.assumingMemoryBound(to: Float.self)
    }
    return address(of: tensor)?.assumingMemoryBound(to: Float.self)
  }

  /// Where a tensor's elements are; of a header alone, whose elements nobody reads, any address.
  private func address(of tensor: GGUFTensor) -> UnsafeRawPointer? {
    file.hasData ? tensor.data.baseAddress : UnsafeRawPointer(bitPattern: 64)
  }

  private func check(_ tensor: GGUFTensor, _ shape: [Int]) throws(ModelError) {
    var (found, wanted) = (tensor.shape, shape)
    // As many ones may stand behind a shape as there is room for.
    while found.count > 1, found[found.count - 1] == 1 { found.removeLast() }
    while wanted.count > 1, wanted[wanted.count - 1] == 1 { wanted.removeLast() }
    guard found == wanted else {
      throw ModelError(.invalid, "The tensor \(name(tensor)) has the shape \(text(found)), expected \(text(shape)).")
    }
  }

  private func text(_ shape: [Int]) -> String {
    var text = ""
    for size in shape { text += (text.isEmpty ? "" : " x ") + "\(size)" }
    return text
  }

  private func name(_ tensor: GGUFTensor) -> String {
    String(decoding: tensor.name.prefix(128), as: UTF8.self)
  }
}
