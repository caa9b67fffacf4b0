// Compiled together with the sources of the GGUF reader by fuzz-gguf.sh.

/// Parses `bytes` as a whole file and as the beginning of a larger one, and reads all that an accepted file leads to.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer, _ count: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: start, count: count)
  if let file = try? GGUFFile(bytes) { touch(file) }
  if let file = try? GGUFFile.parseHeader(bytes, fileSize: 1 << 40) { touch(file) }
  let half = UnsafeRawBufferPointer(rebasing: bytes[..<(count / 2)])
  let rest = UnsafeRawBufferPointer(rebasing: bytes[(count / 2)...])
  if let file = try? GGUFFile(parts: [half, rest]) { touch(file) }
  return 0
}

private func touch(_ file: GGUFFile) {
  var sum = 0
  for entry in file.metadata {
    for byte in entry.key { sum &+= Int(byte) }
    switch entry.value {
    case .string(let string): for byte in string { sum &+= Int(byte) }
    case .array(let array):
      array.forEachString { for byte in $0 { sum &+= Int(byte) } }
      for index in 0..<array.count { sum &+= Int(array.int(at: index) & 1) + (array.bool(at: index) ? 1 : 0) }
    default: break
    }
  }
  for tensor in file.tensors { for byte in tensor.data { sum &+= Int(byte) } }
  for tensor in file.unsupportedTensors { sum &+= tensor.error.message.utf8.count }
  _ = try? file.tensor(layer: sum & 63, "attn_q.weight")
}
