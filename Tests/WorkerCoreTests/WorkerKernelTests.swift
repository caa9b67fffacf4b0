import CKernels
import InferenceCore
import SwiftletTestSupport
import Testing
import WorkerCore

/// Kernels that compute wrongly here, from some time on.
@Suite(.serialized) struct WorkerKernelTests {
  private static let sets = ["avx2", "sse2", "neon", "scalar"]

  private static var current: String { String(cString: ck_instruction_set()) }

  private func withKernels(_ test: (WorkerHarness) -> Void) {
    puttingKernelsBack { test(WorkerHarness()) }
  }

  @Test(.enabled(if: current.hasPrefix("avx"), "this machine has one instruction set"))
  func kernelsThatAreWrongAtTheStartAreReplaced() {
    withKernels { harness in
      let standard = Self.current
      harness.kernelsPass = { $0.passes() && Self.current != standard }
      harness.load()
      #expect(harness.worker.kernelChanges == 1)
      #expect(Self.current != standard && Self.sets.contains(Self.current))
      #expect(harness.generate(.text("Hello")).finished?.reason == .length)
    }
  }

  @Test(.enabled(if: current.hasPrefix("avx"), "this machine has one instruction set"))
  func aReplyThatBecameWrongFailsAndTheNextIsRight() {
    withKernels { harness in
      let standard = Self.current
      harness.load()
      let expected = harness.generate(.text("Hello"), .greedy(40)).ids

      let other = WorkerHarness()
      other.load()
      var checks = 0
      other.kernelsPass = { check in
        checks += 1
        return check.passes() && (checks < 2 || Self.current != standard)
      }
      // The second check comes before the eighth slice: the prompt and seven tokens.
      let failed = other.generate(.text("Hello"), .greedy(40))
      #expect(failed.error?.code == .internalError && failed.finished == nil)
      #expect(failed.error?.message.contains("ask again") == true)
      #expect(other.worker.kernelChanges == 1 && Self.current != standard)
      let next = other.generate(.text("Hello"), .greedy(40))
      #expect(next.started?.cachedCount == 0, "nothing of what may be wrong is kept")
      #expect(next.ids == expected)
    }
  }

  @Test(.enabled(if: current.hasPrefix("avx"), "this machine has one instruction set"))
  func aReplyThatHasNotBegunIsReadAgainAndSaysTheSame() {
    withKernels { harness in
      let standard = Self.current
      let prompt = GenerationInput.text(String(repeating: "long prompt ", count: 30))
      harness.load()
      let expected = harness.generate(prompt, .greedy(8))

      let other = WorkerHarness()
      other.load()
      other.kernelsPass = { $0.passes() && Self.current != standard }
      // The first check comes before the second of the prompt's three chunks.
      let reply = other.generate(prompt, .greedy(8))
      #expect(other.worker.kernelChanges == 1)
      #expect(reply.ids == expected.ids)
      #expect(reply.finished?.timings.promptCount == 360)
    }
  }

  @Test func withoutAnyRightKernelsNothingIsLoaded() {
    withKernels { harness in
      harness.kernelsPass = { _ in false }
      let load = harness.load()
      #expect(harness.reply(load).error?.code == .unsupportedPlatform)
      #expect(harness.states.last?.loadingStep == .error)
    }
  }

  @Test func withoutAnyRightKernelsLeftTheModelIsLetGo() {
    withKernels { harness in
      harness.load()
      harness.kernelsPass = { _ in false }
      let reply = harness.generate(.text("Hello"))
      #expect(reply.error?.code == .unsupportedPlatform)
      #expect(harness.released == 1)
      #expect(harness.states.last?.loadingStep == .error)
      #expect(harness.generate(.text("Hello")).error?.code == .noModel)
    }
  }
}
