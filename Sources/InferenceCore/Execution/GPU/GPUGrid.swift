import CKernels

/// The grids of `grids.wgsl` as constants: a point takes sixteen bits, eight of two or four of four for its elements' digits.
enum GPUGrid {
  /// The digit of an element is `(element + bias) >> shift`.
  private static let grids: [(name: StaticString, format: Int, bias: UInt8, shift: UInt8)] = [
    ("iq1", CK_IQ1_S, 8, 3), ("iq2_xxs", CK_IQ2_XXS, 0, 4), ("iq2_xs", CK_IQ2_XS, 0, 4), ("iq2_s", CK_IQ2_S, 0, 4),
    ("iq3_xxs", CK_IQ3_XXS, 0, 3), ("iq3_s", CK_IQ3_S, 0, 1),
  ]

  static var constants: String {
    var text = ""
    for grid in grids {
      var (count, size): (Int32, Int32) = (0, 0)
      guard let points = ck_grid(UInt32(grid.format), &count, &size) else { continue }
      text += "const grid_\(grid.name) = array<u32, \(count / 2)>("
      let bits = UInt32(16 / size)
      for index in 0..<Int(count) / 2 {
        var word: UInt32 = 0
        for element in 0..<2 * Int(size) {
          let byte = UInt8(bitPattern: points[2 * index * Int(size) + element])
          word |= UInt32((byte &+ grid.bias) >> grid.shift) << (UInt32(element) * bits)
        }
        text += "\(word)u,"
      }
      text += ");\n"
    }
    return text
  }
}
