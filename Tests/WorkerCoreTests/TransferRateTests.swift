import Testing
import WorkerCore

@Suite struct TransferRateTests {
  @Test func saysNothingBeforeThereIsSomethingToTellFrom() {
    var rate = TransferRate()
    #expect(rate.bytesPerSecond == nil && rate.seconds(for: 10) == nil)
    rate.note(0, at: 0)
    rate.note(100, at: 0.4)
    #expect(rate.bytesPerSecond == nil)
    rate.note(100, at: 0.5)
    #expect(rate.bytesPerSecond == 200)
    #expect(rate.seconds(for: 1000) == 5)
  }

  @Test func followsTheLastSeconds() {
    var rate = TransferRate()
    for step in 0..<100 { rate.note(UInt64(step) * 1000, at: Double(step) / 10) }
    for step in 0..<100 { rate.note(100_000 + UInt64(step) * 10, at: 10 + Double(step) / 10) }
    #expect((rate.bytesPerSecond ?? 0) < 200)
    for time in stride(from: 21.0, to: 40, by: 1) { rate.note(100_990, at: time) }
    #expect(rate.bytesPerSecond == nil)
  }

  @Test func whatWasThereBeforeDoesNotCount() {
    var rate = TransferRate()
    rate.note(1_000_000, at: 0)
    rate.note(1_000_500, at: 1)
    #expect(rate.bytesPerSecond == 500)
    // A download that begins anew.
    rate.note(100, at: 2)
    #expect(rate.bytesPerSecond == nil)
    rate.note(400, at: 3)
    #expect(rate.bytesPerSecond == 300)
    // Anew, not below the first sample, and more slowly: the window's beginning then passes the peak.
    rate = TransferRate()
    let notes: [(UInt64, Double)] = [(0, 0), (1000, 1), (10, 2), (20, 5.5), (30, 9)]
    for (bytes, time) in notes { rate.note(bytes, at: time) }
    #expect((rate.bytesPerSecond ?? 0) < 10)
  }
}
