import CKernels

/// The grids of `grids.wgsl`, which a binding with matrices of such formats begins with. A point takes sixteen bits, eight of two
/// or four of four for its elements' digits.
///
/// Constants would be shorter, but an array of constants that is indexed by a variable is copied by every thread.
enum GPUGrid {
  /// The digit of an element is `(element + bias) >> shift`.
  private static let grids: [(name: StaticString, format: Int, bias: UInt8, shift: UInt8)] = [
    ("iq1", CK_IQ1_S, 8, 3), ("iq2_xxs", CK_IQ2_XXS, 0, 4), ("iq2_xs", CK_IQ2_XS, 0, 4), ("iq2_s", CK_IQ2_S, 0, 4),
    ("iq3_xxs", CK_IQ3_XXS, 0, 3), ("iq3_s", CK_IQ3_S, 0, 1),
  ]

  /// All of them, and the word that each begins at, as WGSL.
  static func make() -> (words: [UInt32], constants: String) {
    var (words, constants) = ([UInt32](), "")
    for grid in grids {
      var (count, size): (Int32, Int32) = (0, 0)
      guard let points = ck_grid(UInt32(grid.format), &count, &size) else { continue }
      constants += "const grid_\(grid.name) = \(words.count)u;\n"
      let bits = UInt32(16 / size)
      for index in 0..<Int(count) / 2 {
        var word: UInt32 = 0
        for element in 0..<2 * Int(size) {
          let byte = UInt8(bitPattern: points[2 * index * Int(size) + element])
          word |= UInt32((byte &+ grid.bias) >> grid.shift) << (UInt32(element) * bits)
        }
        words.append(word)
      }
    }
    return (words, constants)
  }
}
