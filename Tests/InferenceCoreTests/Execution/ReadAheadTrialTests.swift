import InferenceCore
import Synchronization
import Testing

/// What is faster here is found out while tokens are written.
@Suite struct ReadAheadTrialTests {
  /// Times of passes on a machine where reading ahead changes them by a factor; every seventh pass is held up.
  private func passes(_ count: Int, factor: Double, isPossible: Bool = true) -> (uses: [Bool], isFaster: Bool) {
    let readsAhead = Mutex(false)
    let shared = Shared(readsAhead)
    var trial = ReadAheadTrial(isPossible: isPossible) { on in shared.value.withLock { $0 = on } }
    var uses: [Bool] = []
    for pass in 0..<count {
      trial.passBegins()
      let isOn = shared.value.withLock { $0 }
      uses.append(isOn)
      trial.passTook((isOn ? factor : 1) * 10 * (pass % 7 == 0 ? 3 : 1))
    }
    return (uses, trial.isFaster)
  }

  private final class Shared: Sendable {
    let value: Mutex<Bool>
    init(_ value: consuming Mutex<Bool>) { self.value = value }
  }

  @Test func theFasterWayIsTakenAfterAFewPasses() {
    let better = passes(60, factor: 0.8)
    #expect(better.isFaster && better.uses.suffix(20).allSatisfy { $0 })
    let worse = passes(60, factor: 1.3)
    #expect(!worse.isFaster && !worse.uses.suffix(20).contains(true))
    let equal = passes(60, factor: 1)
    #expect(!equal.isFaster && !equal.uses.suffix(20).contains(true))
  }

  @Test func whatIsMuchSlowerIsSoonGivenUp() {
    #expect(passes(200, factor: 1.6).uses.filter { $0 }.count <= 6)
    let better = passes(60, factor: 0.6)
    #expect(better.isFaster && better.uses.dropFirst(34).allSatisfy { $0 })
  }

  @Test func mostPassesAreNoComparison() {
    let uses = passes(2000, factor: 1.3).uses
    #expect((8...24).contains(uses.filter { $0 }.count))
    #expect(!uses.prefix(20).contains(true))
  }

  @Test func nothingIsTriedWhereThereIsNoChoice() {
    #expect(!passes(2000, factor: 0.5, isPossible: false).uses.contains(true))
  }
}
