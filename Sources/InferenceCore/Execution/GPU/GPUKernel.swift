/// A kernel, and what its WGSL is made for.
struct GPUKernel: Equatable {
  enum Name {
    case embed, normalize, product, tile, gate, turn, attend, combine, convolve, top
  }

  let name: Name
  /// The formats of the matrices, where it reads any.
  var first: TensorFormat?
  var second: TensorFormat?
  /// Of a product: the vectors that it takes together.
  var batch = 1
  /// Of a product: threads of a row, a power of two.
  var lanes = 32
  /// Of a product: whether its vectors are normalized on the way, and whether pairs of rows become gated elements.
  var normalizes = false
  var isGated = false

  init(_ name: Name, _ first: TensorFormat? = nil) {
    self.name = name
    self.first = first
  }

  /// The files that it consists of, in `Web/worker/gpu`.
  var files: [StaticString] {
    switch name {
    case .embed: ["rows", "formats", "embed"]
    case .normalize: ["rows", "normalize"]
    case .product: ["rows", "formats", "product"]
    case .tile: ["rows", "formats", "tile"]
    case .gate: ["gate"]
    case .turn: ["rows", "turn"]
    case .attend: ["rows", "attend"]
    case .combine: ["rows", "combine"]
    case .convolve: ["rows", "convolve"]
    case .top: ["top"]
    }
  }

  /// The WGSL that makes it this one.
  var constants: String {
    var text = ""
    if let first {
      text += Self.unpacker("first", first)
      if name == .product { text += Self.unpacker("second", second ?? first) }
    }
    if name == .product {
      text +=
        "const batch = \(batch)u;\nconst lanes = \(lanes)u;\nconst normalizes = \(normalizes ? "true" : "false");\n"
      text += "const gated = \(isGated ? "true" : "false");\n"
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
