/// A kernel, and what its WGSL is made for.
struct GPUKernel: Equatable {
  enum Name {
    case embed, normalize, product, tile, gate, turn, attend, attendRows, combine, convolve, top
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
  /// Of attention: the elements of a key.
  var keyLength = 0
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
    case .normalize, .turn, .attend, .attendRows: kernel.hasSubgroups = true
    case .product: kernel.hasSubgroups = lanes > 1
    case .embed, .tile, .gate, .combine, .convolve, .top: break
    }
    return kernel
  }

  /// The files that it consists of, in `Web/worker/gpu`.
  var files: [StaticString] {
    let threads: StaticString = hasSubgroups ? "subgroups" : "threads"
    return switch name {
    case .embed: ["rows", "formats", "embed"]
    case .normalize: ["rows", threads, "normalize"]
    case .product: ["rows", "formats", "curves", threads, "product"]
    case .tile: ["rows", "formats", "curves", "tile"]
    case .gate: ["curves", "gate"]
    case .turn: ["rows", threads, "heads", "turn"]
    case .attend: ["rows", "curves", threads, "heads", "attend"]
    case .attendRows: ["rows", "curves", threads, "heads", "attendRows"]
    case .combine: ["rows", "combine"]
    case .convolve: ["rows", "convolve"]
    case .top: ["top"]
    }
  }

  /// The WGSL that makes it this one.
  var constants: String {
    // What is enabled comes before everything else.
    var text = hasSubgroups ? "enable subgroups;\n" : ""
    if let first {
      text += Self.unpacker("first", first)
      if name == .product { text += Self.unpacker("second", second ?? first) }
    }
    switch name {
    case .product:
      text +=
        "const batch = \(batch)u;\nconst lanes = \(lanes)u;\nconst normalizes = \(normalizes ? "true" : "false");\n"
      text += "const gated = \(isGated ? "true" : "false");\n"
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
    return "const \(name)_bytes = \(bytes)u;\nconst \(name)_parts = \(elements / 32)u;\n"
      + "fn \(name)_elements(at: u32, part: u32) -> Elements { return \(format.unpacker)_elements(at, part); }\n"
  }
}

extension TensorFormat {
  /// What `formats.wgsl` calls it.
  fileprivate var unpacker: StaticString {
    switch self {
    case .f32: "f32"
    case .f16: "f16"
    case .bf16: "bf16"
    case .q4_0: "q4_0"
    case .q4_1: "q4_1"
    case .q5_0: "q5_0"
    case .q5_1: "q5_1"
    case .q8_0: "q8_0"
    case .iq4_NL: "iq4_nl"
    case .q2_K: "q2_k"
    case .q3_K: "q3_k"
    case .q4_K: "q4_k"
    case .q5_K: "q5_k"
    case .q6_K: "q6_k"
    case .iq4_XS: "iq4_xs"
    }
  }
}
