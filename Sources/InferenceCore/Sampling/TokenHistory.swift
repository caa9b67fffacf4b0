/// The recent tokens that penalties look at, with how often each occurs among them.
struct TokenHistory {
  /// How many tokens are remembered; nil for all.
  private let limit: Int?
  /// The remembered tokens as a ring, once it is full; empty when all are remembered.
  private var ring = [TokenID]()
  private var oldest = 0
  private(set) var counts = [TokenID: Int]()

  init(limit: Int?) {
    self.limit = limit
  }

  mutating func append(_ id: TokenID) {
    guard let limit else {
      counts[id, default: 0] += 1
      return
    }
    guard limit > 0 else { return }
    if ring.count < limit {
      ring.append(id)
    } else {
      let forgotten = ring[oldest]
      ring[oldest] = id
      oldest = (oldest + 1) % limit
      let count = counts[forgotten] ?? 1
      counts[forgotten] = count > 1 ? count - 1 : nil
    }
    counts[id, default: 0] += 1
  }
}
