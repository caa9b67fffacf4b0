import CKernels

extension TensorFormat {
  /// The format's row in the table.
  package var definition: FormatDefinition {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    case .q4_0: .q4_0
    case .q4_1: .q4_1
    case .q5_0: .q5_0
    case .q5_1: .q5_1
    case .q8_0: .q8_0
    case .iq4_NL: .iq4_NL
    case .q2_K: .q2_K
    case .q3_K: .q3_K
    case .q4_K: .q4_K
    case .q5_K: .q5_K
    case .q6_K: .q6_K
    case .iq4_XS: .iq4_XS
    case .iq1_S: .iq1_S
    case .iq1_M: .iq1_M
    case .iq2_XXS: .iq2_XXS
    case .iq2_XS: .iq2_XS
    case .iq2_S: .iq2_S
    case .iq3_XXS: .iq3_XXS
    case .iq3_S: .iq3_S
    case .tq1_0: .tq1_0
    case .tq2_0: .tq2_0
    case .mxfp4: .mxfp4
    case .nvfp4: .nvfp4
    case .q1_0: .q1_0
    }
  }
}

extension FormatDefinition {
  // MARK: Floating point

  static let f32 = FormatDefinition(name: "F32", blockSize: 1, blockBytes: 4) { block, out in
    out.real = Float(bitPattern: UInt32(word(block, 0)) | UInt32(word(block, 2)) << 16)
  }
  static let f16 = FormatDefinition(name: "F16", blockSize: 1, blockBytes: 2) { block, out in
    out.real = half(block, 0)
  }
  static let bf16 = FormatDefinition(name: "BF16", blockSize: 1, blockBytes: 2) { block, out in
    out.real = Float(bitPattern: UInt32(word(block, 0)) << 16)
  }

  // MARK: Blocks of 32: a scale, perhaps a minimum, and the integers

  static let q4_0 = FormatDefinition(name: "Q4_0", blockSize: 32, blockBytes: 18) { block, out in
    out.scale = half(block, 0)
    nibbles(block + 2, into: out.quanta, at: 0, zero: 8)
  }
  static let q4_1 = FormatDefinition(name: "Q4_1", blockSize: 32, blockBytes: 20, hasMinimums: true) { block, out in
    out.scale = half(block, 0)
    out.minimum = half(block, 2)
    nibbles(block + 4, into: out.quanta, at: 0)
  }
  static let q5_0 = FormatDefinition(name: "Q5_0", blockSize: 32, blockBytes: 22) { block, out in
    out.scale = half(block, 0)
    nibbles(block + 6, into: out.quanta, at: 0, zero: 16)
    fifthBits(block + 2, into: out.quanta)
  }
  static let q5_1 = FormatDefinition(name: "Q5_1", blockSize: 32, blockBytes: 24, hasMinimums: true) { block, out in
    out.scale = half(block, 0)
    out.minimum = half(block, 2)
    nibbles(block + 8, into: out.quanta, at: 0)
    fifthBits(block + 4, into: out.quanta)
  }
  static let q8_0 = FormatDefinition(name: "Q8_0", blockSize: 32, blockBytes: 34) { block, out in
    out.scale = half(block, 0)
    for i in 0..<32 { out.quanta[i] = Int16(Int8(bitPattern: block[2 + i])) }
  }
  static let iq4_NL = FormatDefinition(name: "IQ4_NL", blockSize: 32, blockBytes: 18) { block, out in
    out.scale = half(block, 0)
    nibbles(block + 2, into: out.quanta, at: 0)
    for i in 0..<32 { out.quanta[i] = nonlinear(out.quanta[i]) }
  }
  /// The scale is a power of two, of half of what the standard says, since the elements are doubled.
  static let mxfp4 = FormatDefinition(name: "MXFP4", blockSize: 32, blockBytes: 17) { block, out in
    let exponent = UInt32(block[0])
    out.scale = Float(bitPattern: exponent < 2 ? 0x0020_0000 << exponent : (exponent - 1) << 23)
    nibbles(block + 1, into: out.quanta, at: 0)
    for i in 0..<32 { out.quanta[i] = doubledE2M1(out.quanta[i]) }
  }

  // MARK: Blocks of more than 32

  /// The scales are floats of eight bits, which as multiples of the smallest one are integers; halved, since the elements are
  /// doubled.
  static let nvfp4 = FormatDefinition(
    name: "NVFP4", blockSize: 64, blockBytes: 36, hasScalesOfHalves: true
  ) { block, out in
    out.scale = 0x1p-10
    for half in 0..<4 {
      let bits = Int32(block[half])
      let (exponent, mantissa) = (bits >> 3 & 15, bits & 7)
      out.integerScales[half] = bits == 0x7f ? 0 : exponent == 0 ? mantissa : (8 | mantissa) << (exponent - 1)
      for i in 0..<8 {
        let byte = block[4 + half * 8 + i]
        out.quanta[half * 16 + i] = doubledE2M1(Int16(byte & 15))
        out.quanta[half * 16 + 8 + i] = doubledE2M1(Int16(byte >> 4))
      }
    }
  }

  static let q1_0 = FormatDefinition(
    name: "Q1_0", blockSize: 128, blockBytes: 18, hasScalesOfHalves: true
  ) { block, out in
    out.scale = half(block, 0)
    for i in 0..<128 { out.quanta[i] = Int16(block[2 + i / 8] >> (i % 8) & 1) * 2 - 1 }
  }

  // MARK: Superblocks of 256: scales of 32 or 16 elements, themselves quantized

  static let q2_K = FormatDefinition(
    name: "Q2_K", blockSize: 256, blockBytes: 84, hasMinimums: true
  ) { block, out in
    out.scale = half(block, 80)
    out.minimum = -half(block, 82)
    for part in 0..<8 {
      for i in 0..<32 { out.quanta[part * 32 + i] = Int16(block[16 + part / 4 * 32 + i] >> (part % 4 * 2) & 3) }
    }
    for group in 0..<16 {
      out.integerScales[group] = Int32(block[group] & 15)
      out.integerMinimums[group] = Int32(block[group] >> 4)
    }
  }
  static let q3_K = FormatDefinition(name: "Q3_K", blockSize: 256, blockBytes: 110) { block, out in
    out.scale = half(block, 108)
    for part in 0..<8 {
      for i in 0..<32 {
        let low = Int16(block[32 + part / 4 * 32 + i] >> (part % 4 * 2) & 3)
        out.quanta[part * 32 + i] = low + Int16(block[i] >> part & 1) * 4 - 4
      }
    }
    // Sixteen 6-bit scales: low four bits in bytes 96..<104, high two bits in bytes 104..<108.
    for group in 0..<16 {
      let low = block[96 + group % 8] >> (group / 8 * 4) & 15
      let high = block[104 + group % 4] >> (group / 4 * 2) & 3
      out.integerScales[group] = Int32(low | high << 4) - 32
    }
  }
  static let q4_K = FormatDefinition(name: "Q4_K", blockSize: 256, blockBytes: 144, hasMinimums: true) { block, out in
    sixBitScales(block, into: &out)
    for part in 0..<8 {
      for i in 0..<32 { out.quanta[part * 32 + i] = Int16(block[16 + part / 2 * 32 + i] >> (part % 2 * 4) & 15) }
    }
  }
  static let q5_K = FormatDefinition(name: "Q5_K", blockSize: 256, blockBytes: 176, hasMinimums: true) { block, out in
    sixBitScales(block, into: &out)
    for part in 0..<8 {
      for i in 0..<32 {
        let low = Int16(block[48 + part / 2 * 32 + i] >> (part % 2 * 4) & 15)
        out.quanta[part * 32 + i] = low | Int16(block[16 + i] >> part & 1) << 4
      }
    }
  }
  static let q6_K = FormatDefinition(name: "Q6_K", blockSize: 256, blockBytes: 210) { block, out in
    out.scale = half(block, 208)
    for part in 0..<8 {
      let (half256, quarter) = (part / 4, part % 4)
      for i in 0..<32 {
        let low = Int16(block[half256 * 64 + quarter % 2 * 32 + i] >> (quarter / 2 * 4) & 15)
        let high = Int16(block[128 + half256 * 32 + i] >> (quarter * 2) & 3)
        out.quanta[part * 32 + i] = (low | high << 4) - 32
      }
    }
    for group in 0..<16 { out.integerScales[group] = Int32(Int8(bitPattern: block[192 + group])) }
  }
  static let iq4_XS = FormatDefinition(name: "IQ4_XS", blockSize: 256, blockBytes: 136) { block, out in
    out.scale = half(block, 0)
    for part in 0..<8 {
      let low = block[4 + part / 2] >> (part % 2 * 4) & 15
      let high = UInt8(word(block, 2) >> (part * 2) & 3)
      for half in 0..<2 { out.integerScales[2 * part + half] = Int32(low | high << 4) - 32 }
      nibbles(block + 8 + part * 16, into: out.quanta, at: part * 32)
    }
    for i in 0..<256 { out.quanta[i] = nonlinear(out.quanta[i]) }
  }

  // MARK: Superblocks of 256 that the kernels expand too: points of a grid with signs, and digits of base 3

  static let iq1_S = expanded("IQ1_S", .iq1_S, blockBytes: 50)
  static let iq1_M = expanded("IQ1_M", .iq1_M, blockBytes: 56)
  static let iq2_XXS = expanded("IQ2_XXS", .iq2_XXS, blockBytes: 66)
  static let iq2_XS = expanded("IQ2_XS", .iq2_XS, blockBytes: 74)
  static let iq2_S = expanded("IQ2_S", .iq2_S, blockBytes: 82)
  static let iq3_XXS = expanded("IQ3_XXS", .iq3_XXS, blockBytes: 98)
  static let iq3_S = expanded("IQ3_S", .iq3_S, blockBytes: 110)
  static let tq1_0 = expanded("TQ1_0", .tq1_0, blockBytes: 54)
  static let tq2_0 = expanded("TQ2_0", .tq2_0, blockBytes: 66)

  /// What a block's bytes mean stands in `CKernels/expand.c` alone.
  private static func expanded(_ name: StaticString, _ format: TensorFormat, blockBytes: Int) -> FormatDefinition {
    FormatDefinition(name: name, blockSize: 256, blockBytes: blockBytes) { block, out in
      withUnsafeTemporaryAllocation(of: ck_expanded.self, capacity: 1) { storage in
        let expanded = storage.baseAddress!
        ck_expand(format.rawValue, block, expanded)
        out.scale = expanded.pointee.scale
        let bytes = UnsafeRawPointer(expanded)
        for i in 0..<256 { out.quanta[i] = Int16(bytes.load(fromByteOffset: i, as: Int8.self)) }
        for i in 0..<16 { out.integerScales[i] = Int32(bytes.load(fromByteOffset: 256 + 2 * i, as: Int16.self)) }
      }
    }
  }
}

private func word(_ bytes: UnsafePointer<UInt8>, _ offset: Int) -> UInt16 {
  UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
}

private func half(_ bytes: UnsafePointer<UInt8>, _ offset: Int) -> Float {
  ck_f16_to_f32(word(bytes, offset))
}

/// Sixteen bytes hold elements 0..<16 in their low nibbles and 16..<32 in their high ones.
private func nibbles(
  _ bytes: UnsafePointer<UInt8>, into quanta: UnsafeMutablePointer<Int16>, at start: Int, zero: Int16 = 0
) {
  for i in 0..<16 {
    quanta[start + i] = Int16(bytes[i] & 15) - zero
    quanta[start + 16 + i] = Int16(bytes[i] >> 4) - zero
  }
}

/// Adds 16 to each element whose bit is set.
private func fifthBits(_ bytes: UnsafePointer<UInt8>, into quanta: UnsafeMutablePointer<Int16>) {
  for i in 0..<32 { quanta[i] += Int16(bytes[i / 8] >> (i % 8) & 1) * 16 }
}

/// The levels of IQ4_NL and IQ4_XS.
private func nonlinear(_ index: Int16) -> Int16 {
  switch index {
  case 0: -127
  case 1: -104
  case 2: -83
  case 3: -65
  case 4: -49
  case 5: -35
  case 6: -22
  case 7: -10
  case 8: 1
  case 9: 13
  case 10: 25
  case 11: 38
  case 12: 53
  case 13: 69
  case 14: 89
  default: 113
  }
}

/// Twice the four-bit floating-point numbers: the sign, two bits of exponent, one of mantissa.
private func doubledE2M1(_ bits: Int16) -> Int16 {
  let exponent = bits >> 1 & 3
  let magnitude = exponent == 0 ? bits & 1 : (2 | bits & 1) << (exponent - 1)
  return bits & 8 == 0 ? magnitude : -magnitude
}

/// Q4_K and Q5_K: eight 6-bit scales and minimums in bytes 4..<16.
private func sixBitScales(_ block: UnsafePointer<UInt8>, into out: inout UnpackedBlock) {
  out.scale = half(block, 0)
  out.minimum = -half(block, 2)
  for part in 0..<8 {
    let scale: UInt8
    let minimum: UInt8
    if part < 4 {
      scale = block[4 + part] & 63
      minimum = block[8 + part] & 63
    } else {
      scale = block[8 + part] & 15 | (block[part] & 0xc0) >> 2
      minimum = block[8 + part] >> 4 | (block[4 + part] & 0xc0) >> 2
    }
    for half in 0..<2 {
      out.integerScales[2 * part + half] = Int32(scale)
      out.integerMinimums[2 * part + half] = Int32(minimum)
    }
  }
}
