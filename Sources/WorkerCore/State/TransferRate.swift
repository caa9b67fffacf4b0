/// How fast bytes come, taken over the last few seconds.
public struct TransferRate: Sendable {
  /// Seconds over which the rate is taken, the fewest that tell something, and between two samples.
  private static let (window, shortest, interval) = (5.0, 0.5, 0.1)

  private var latest: UInt64 = 0
  /// Oldest first.
  private var samples: [(time: Double, bytes: UInt64)] = []
  /// Nil while there is too little to tell from.
  public private(set) var bytesPerSecond: Double?

  public init() {}

  /// Takes note of how many bytes are there, all in all, at a time in seconds.
  public mutating func note(_ bytes: UInt64, at time: Double) {
    if bytes < latest { forget() }
    latest = bytes
    if samples.last.map({ time - $0.time >= Self.interval }) ?? true { samples.append((time, bytes)) }
    while samples.count > 2, time - samples[0].time > Self.window { samples.removeFirst() }
    let (span, gained) = (time - samples[0].time, bytes - samples[0].bytes)
    bytesPerSecond = span >= Self.shortest && gained > 0 ? Double(gained) / span : nil
  }

  /// Begins anew: what was there before says nothing about the rate.
  public mutating func forget() {
    samples.removeAll()
    bytesPerSecond = nil
  }

  /// Seconds until `count` more bytes are there.
  public func seconds(for count: UInt64) -> Double? {
    bytesPerSecond.map { Double(count) / $0 }
  }
}
