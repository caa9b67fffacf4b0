import Foundation
import Swiftlet
import Testing

/// `Tests/Fixtures/retry-rules.json`, to which the page's `retry.js` is held too.
@Suite struct RetryRulesTests {
  private struct Rules: Decodable {
    struct Statuses: Decodable { var passing: [Int], final: [Int] }
    struct Delay: Decodable { var failures: Int, asks: Double?, least: Double, most: Double }
    struct Header: Decodable { var header: String, asks: Double? }
    var attempts: Int, longestSilence: Double, statuses: Statuses, delays: [Delay], retryAfter: [Header]
  }

  private let rules: Rules

  init() throws {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/retry-rules.json")
    rules = try JSONDecoder().decode(Rules.self, from: Data(contentsOf: url))
  }

  @Test("overload and passing failures are worth another attempt")
  func statuses() {
    #expect(rules.statuses.passing.filter { !TransientFailure.isPassing($0) } == [])
    #expect(rules.statuses.final.filter(TransientFailure.isPassing) == [])
    #expect(RetryPolicy().attempts == rules.attempts)
    #expect(HubConfiguration().idleTimeout == rules.longestSilence)
  }

  @Test("waits double, and are as long as the server asks, within bounds")
  func delays() {
    for row in rules.delays {
      for _ in 0..<100 {
        let delay = RetryPolicy().delay(afterFailures: row.failures, serverAsks: row.asks)
        #expect((row.least...row.most).contains(delay), "\(row)")
      }
    }
    for row in rules.retryAfter { #expect(TransientFailure.seconds(row.header) == row.asks, "\(row.header)") }
  }
}
