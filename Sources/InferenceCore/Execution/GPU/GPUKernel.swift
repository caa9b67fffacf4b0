/// With what numbers a prefill multiplies matrices of integers: as they are, or rounded to what a card computes more of.
public enum GPUArithmetic: Sendable {
  case floats
  /// Of sixteen bits: `shader-f16`.
  case halves
  /// Four products of eight bits at a time: `packed_4x8_integer_dot_product`.
  case bytes
}

/// A kernel, and what its WGSL is made for.
struct GPUKernel: Equatable {
  enum Name {
    case embed, normalize, product, tile, round, tileRounded, gate, turn, attend, attendRows, combine, convolve, top
    case choose, gather, experts, weigh
  }

  let name: Name
  /// The formats of the matrices, where it reads any.
  var first: TensorFormat?
  var second: TensorFormat?
  /// Of a product: the vectors that it takes together; of attention: rows of a pass.
  var batch = 1
  /// Of a product: threads of a row, a power of two.
  var lanes = 32
  /// Of a product: whether its vectors are normalized on the way, and whether pairs of rows become gated elements.
  var normalizes = false
  var isGated = false
  /// Of a prefill's products: whether its rows are those that chose an expert.
  var isOfExperts = false
  /// Of attention: the elements of a key.
  var keyLength = 0
  /// Of a prefill's products over rounded numbers, and of what rounds them.
  var arithmetic = GPUArithmetic.floats
  /// Whether threads see each other's numbers, where it has any use for them.
  private(set) var hasSubgroups = false

  init(_ name: Name, _ first: TensorFormat? = nil) {
    self.name = name
    self.first = first
  }

  /// The same for a card with subgroups.
  func withSubgroups() -> GPUKernel {
    var kernel = self
    switch name {
    case .normalize, .turn, .attend, .attendRows, .choose: kernel.hasSubgroups = true
    case .product, .experts: kernel.hasSubgroups = lanes > 1
    case .embed, .tile, .round, .tileRounded, .gate, .combine, .convolve, .top, .gather, .weigh: break
    }
    return kernel
  }

  /// The files that it consists of, in `Web/worker/gpu`.
  var files: [StaticString] { hasGrids ? ["grids"] + filesWithoutGrids : filesWithoutGrids }

  /// Whether it reads a format of `grids.wgsl`.
  private var hasGrids: Bool { first?.isExpanded == true || second?.isExpanded == true }

  private var filesWithoutGrids: [StaticString] {
    let threads: StaticString = hasSubgroups ? "subgroups" : "threads"
    let rounded: StaticString = arithmetic == .halves ? "halves" : "bytes"
    return switch name {
    case .embed: ["rows", "formats", "embed"]
    case .normalize: ["rows", threads, "normalize"]
    case .product: ["rows", "formats", "curves", threads, "product"]
    case .tile: ["rows", "formats", "curves", "tile"]
    case .round: ["formats", rounded, "round"]
    case .tileRounded: ["rows", "formats", rounded, "tileRounded"]
    case .gate: ["curves", "gate"]
    case .turn: ["rows", threads, "heads", "turn"]
    case .attend: ["rows", "curves", threads, "heads", "attend"]
    case .attendRows: ["rows", "curves", threads, "heads", "attendRows"]
    case .combine: ["rows", "combine"]
    case .convolve: ["rows", "convolve"]
    case .top: ["top"]
    case .choose: [threads, "choose"]
    case .gather: ["rows", "gather"]
    case .experts: ["formats", "curves", threads, "experts"]
    case .weigh: ["weigh"]
    }
  }

  /// The WGSL that makes it this one.
  var constants: String {
    // What is enabled comes before everything else.
    var text = hasSubgroups ? "enable subgroups;\n" : ""
    if arithmetic == .halves { text += "enable f16;\n" }
    if hasGrids { text += GPUGrid.make().constants }
    if let first {
      text += Self.unpacker("first", first)
      if name == .product || name == .experts { text += Self.unpacker("second", second ?? first) }
    }
    switch name {
    case .product:
      text +=
        "const batch = \(batch)u;\nconst lanes = \(lanes)u;\nconst normalizes = \(normalizes ? "true" : "false");\n"
      text += "const gated = \(isGated ? "true" : "false");\n"
    case .experts: text += "const lanes = \(lanes)u;\nconst gated = \(isGated ? "true" : "false");\n"
    case .tile: text += "const experts = \(isOfExperts ? "true" : "false");\n"
    case .attend: text += "const batch = \(batch)u;\nconst key_length = \(keyLength)u;\n"
    case .attendRows: text += "const key_length = \(keyLength)u;\n"
    default: break
    }
    return text
  }

  /// The functions and sizes of a format, under the name that kernels know: a cut floating-point block has 32 elements.
  private static func unpacker(_ name: StaticString, _ format: TensorFormat) -> String {
    let elements = max(format.blockSize, 32)
    let bytes = elements / format.blockSize * format.blockBytes
    var text = "const \(name)_bytes = \(bytes)u;\nconst \(name)_parts = \(elements / 32)u;\n"
    let (unpacker, elementsOfBlock) = format.unpacker
    if let elementsOfBlock {
      text += "fn \(name)_block(at: u32, part: u32) -> Block { return \(unpacker)_block(at, part); }\n"
      text += "fn \(name)_elements(at: u32, part: u32) -> Elements "
      text += "{ return \(elementsOfBlock)(\(name)_block(at, part)); }\n"
    } else {
      text += "fn \(name)_elements(at: u32, part: u32) -> Elements { return \(unpacker)_elements(at, part); }\n"
    }
    return text
  }
}

extension TensorFormat {
  /// Whether it stores integers, so that a card may multiply rounded numbers.
  var hasIntegers: Bool { unpacker.elementsOfBlock != nil }

  /// What `formats.wgsl` calls it, and where it stores integers what makes elements of them.
  fileprivate var unpacker: (name: StaticString, elementsOfBlock: StaticString?) {
    switch self {
    case .f32: ("f32", nil)
    case .f16: ("f16", nil)
    case .bf16: ("bf16", nil)
    case .q4_0: ("q4_0", "unsigned_elements")
    case .q4_1: ("q4_1", "unsigned_elements")
    case .q5_0: ("q5_0", "unsigned_elements")
    case .q5_1: ("q5_1", "unsigned_elements")
    case .q8_0: ("q8_0", "signed_elements")
    case .iq4_NL: ("iq4_nl", "signed_elements")
    case .q2_K: ("q2_k", "unsigned_elements")
    case .q3_K: ("q3_k", "unsigned_elements")
    case .q4_K: ("q4_k", "unsigned_elements")
    case .q5_K: ("q5_k", "unsigned_elements")
    case .q6_K: ("q6_k", "unsigned_elements")
    case .iq4_XS: ("iq4_xs", "signed_elements")
    case .iq1_S: ("iq1_s", "signed_elements")
    case .iq1_M: ("iq1_m", "signed_elements")
    case .iq2_XXS: ("iq2_xxs", "signed_elements")
    case .iq2_XS: ("iq2_xs", "signed_elements")
    case .iq2_S: ("iq2_s", "signed_elements")
    case .iq3_XXS: ("iq3_xxs", "signed_elements")
    case .iq3_S: ("iq3_s", "signed_elements")
    case .tq1_0: ("tq1_0", "unsigned_elements")
    case .tq2_0: ("tq2_0", "unsigned_elements")
    case .mxfp4: ("mxfp4", "signed_elements")
    case .nvfp4: ("nvfp4", "signed_elements")
    case .q1_0: ("q1_0", "unsigned_elements")
    }
  }
}
