/// One value of a GGUF metadata entry. Arrays stay in the mapped bytes; see ``GGUFArray``.
public enum GGUFValue {
  case uint(UInt64)
  case int(Int64)
  case float(Double)
  case bool(Bool)
  case string(UnsafeRawBufferPointer)
  case array(GGUFArray)
}

/// A metadata array, read in place.
public struct GGUFArray {
  public let count: Int
}

/// One entry of the tensor table.
public struct GGUFTensor {
  /// Name, as UTF-8 bytes in the mapped file.
  public let name: UnsafeRawBufferPointer
  /// Dimensions, fastest-varying first (GGUF order: `[columns, rows, …]`).
  public let shape: [Int]
  public let format: TensorFormat
  /// The tensor's data in the mapped file.
  public let data: UnsafeRawBufferPointer
}

/// What was wrong with a GGUF file and where.
public struct GGUFError: Error {
  /// Byte offset in the file.
  public let offset: Int
  public let expected: String
  public let found: String
}

/// A parsed GGUF header over bytes it does not own.
public struct GGUFFile {
  public let tensors: [GGUFTensor]
  public init(_ bytes: UnsafeRawBufferPointer) throws(GGUFError) {
    throw GGUFError(offset: 0, expected: "a reader", found: "none yet")
  }
}
