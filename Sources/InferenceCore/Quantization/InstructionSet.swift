import CKernels

/// The instruction sets that the kernels can use; all give the same bits.
public enum InstructionSet {
  /// The one in use, such as "avx512vnni".
  public static var current: String { String(cString: ck_instruction_set()) }

  /// Those that this machine has, the best first.
  public static var available: [String] {
    var names: [String] = []
    while let name = ck_available_instruction_set(Int32(names.count)) { names.append(String(cString: name)) }
    return names
  }

  /// Makes the whole program use another one, for measurements and tests.
  ///
  /// Nothing may be computing meanwhile.
  /// - Returns: Whether this machine has it.
  public static func select(_ name: String) -> Bool { ck_select_instruction_set(name) == 1 }
}
