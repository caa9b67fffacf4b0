import CKernels
import InferenceCore
import Testing

@Suite(.serialized) struct KernelCheckTests {
  /// Head sizes that real models have.
  @Test(arguments: [(64, 64), (80, 80), (128, 128), (256, 256), (192, 128)])
  func everyInstructionSetPassesForEveryFormat(keyLength: Int, valueLength: Int) {
    let standard = String(cString: ck_instruction_set())
    defer { _ = ck_select_instruction_set(standard) }
    let check = KernelCheck(formats: TensorFormat.allCases, heads: [.init(key: keyLength, value: valueLength)])
    #expect(check.passes())
    while KernelCheck.simplify() { #expect(check.passes(), "\(String(cString: ck_instruction_set()))") }
  }

  @Test func afterTheSimplestThereIsNoSimplerInstructionSet() {
    let standard = String(cString: ck_instruction_set())
    defer { _ = ck_select_instruction_set(standard) }
    var count = 0
    while KernelCheck.simplify(), count < 10 { count += 1 }
    #expect(count < 10)
    #expect(["sse2", "neon", "scalar"].contains(String(cString: ck_instruction_set())))
  }
}
