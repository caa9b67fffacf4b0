/// One entry of the tensor table.
public struct GGUFTensor {
  /// Name, as UTF-8 bytes in the mapped file.
  public let name: UnsafeRawBufferPointer
  /// Dimensions, fastest-varying first (GGUF order: `[columns, rows, …]`); never empty, every one at least 1.
  public let shape: [Int]
  /// How the elements are stored.
  public let format: TensorFormat
  /// Bytes of the data, padding not counted.
  public let byteCount: Int64
  /// Where the data begins in the file (of a split file: in its part).
  public let fileOffset: Int64
  /// The data in the mapped file, `byteCount` long; empty when only the header was parsed.
  public let data: UnsafeRawBufferPointer
}

/// A tensor in an element format that this engine does not read.
public struct GGUFUnsupportedTensor {
  /// Name, as UTF-8 bytes in the mapped file.
  public let name: UnsafeRawBufferPointer
  /// Dimensions, fastest-varying first.
  public let shape: [Int]
  /// The format's number in the file.
  public let formatNumber: UInt32
  /// Why it cannot be used, with the tensor, the format and the place in the file.
  public let error: GGUFError
}

/// The names of ggml's formats that ``TensorFormat`` does not have, for error messages.
func unsupportedFormatName(_ number: UInt32) -> StaticString? {
  switch number {
  case 9: "Q8_1"
  case 15: "Q8_K"
  case 24: "I8"
  case 25: "I16"
  case 26: "I32"
  case 27: "I64"
  case 28: "F64"
  default: nil
  }
}
