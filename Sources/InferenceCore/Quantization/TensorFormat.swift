import CKernels

/// The element formats of GGUF tensors, by their number in the file.
///
/// Each format is one row of `FormatDefinition+Table.swift`; the fast loaders of the same blocks are in
/// `CKernels/formats.inc` and are tested against the rows there.
public enum TensorFormat: UInt32, CaseIterable, Sendable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case iq2_XXS = 16
  case iq2_XS = 17
  case iq3_XXS = 18
  case iq1_S = 19
  case iq4_NL = 20
  case iq3_S = 21
  case iq2_S = 22
  case iq4_XS = 23
  case iq1_M = 29
  case bf16 = 30
  case tq1_0 = 34
  case tq2_0 = 35
  case mxfp4 = 39
  case nvfp4 = 40
  case q1_0 = 41

  /// Elements in one block.
  public var blockSize: Int { definition.blockSize }

  /// Bytes of one block.
  public var blockBytes: Int { definition.blockBytes }

  /// The name as the GGUF tools write it, such as `Q4_K`.
  public var name: StaticString { definition.name }

  /// Whether elements are stored as integers with scales, rather than as floating-point numbers.
  public var isQuantized: Bool { blockSize > 1 }

  /// Whether blocks hold 256 elements with integer scales, which want grouped activations.
  var isSuperblock: Bool { blockSize == Int(CK_SUPERBLOCK) }

  /// Whether kernels expand its superblocks before they multiply them.
  var isExpanded: Bool {
    switch self {
    case .iq1_S, .iq1_M, .iq2_XXS, .iq2_XS, .iq2_S, .iq3_XXS, .iq3_S, .tq1_0, .tq2_0: true
    default: false
    }
  }

  /// Bytes of `count` elements, which is a multiple of the block size; nil when that overflows.
  public func byteCount(of count: Int) -> Int? {
    let (bytes, overflow) = (count / blockSize).multipliedReportingOverflow(by: blockBytes)
    return overflow ? nil : bytes
  }
}
