/// A token that may be chosen.
package struct Candidate {
  package var id: TokenID
  package var logit: Float
  /// Proportional to the probability among the candidates, or a filter's own measure.
  package var weight: Float = 0

  /// Likelier tokens first; of equally likely ones the lower id.
  func precedes(_ other: Candidate) -> Bool {
    logit > other.logit || (logit == other.logit && id < other.id)
  }
}

extension [Candidate] {
  /// Makes these the `count` likeliest tokens of `logits`, likeliest first.
  ///
  /// Tokens with a logit of negative infinity or NaN are left out. One pass with a heap of `count`, no allocation once
  /// the array has grown.
  mutating func selectTop(_ count: Int, of logits: UnsafeMutableBufferPointer<Float>) {
    removeAll(keepingCapacity: true)
    guard count > 0 else { return }
    var next = 0
    while next < logits.count, self.count < count {
      if logits[next] > -.infinity { append(Candidate(id: TokenID(next), logit: logits[next])) }
      next += 1
    }
    withUnsafeMutableBufferPointer { heap in
      guard heap.count > 0 else { return }
      for root in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(root, in: heap, heap.count) }
      var worst = heap[0].logit
      // A later token with the same logit has the higher id, so only a larger logit gets in.
      for id in next..<logits.count where logits[id] > worst {
        heap[0] = Candidate(id: TokenID(id), logit: logits[id])
        sink(0, in: heap, heap.count)
        worst = heap[0].logit
      }
      sortHeap(heap)
    }
  }

  /// Sorts by likelihood, likeliest first, in place.
  mutating func sortByLikelihood() {
    withUnsafeMutableBufferPointer { heap in
      for root in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(root, in: heap, heap.count) }
      sortHeap(heap)
    }
  }

  mutating func keepFirst(_ count: Int) {
    if count < self.count { removeLast(self.count - count) }
  }
}

/// Takes the least likely candidate off the heap again and again, each to the end of what is left.
private func sortHeap(_ heap: UnsafeMutableBufferPointer<Candidate>) {
  for last in stride(from: heap.count - 1, to: 0, by: -1) {
    heap.swapAt(0, last)
    sink(0, in: heap, last)
  }
}

/// Restores the order of a heap of `count` that has its least likely candidate at the root, where only `start` may be
/// out of place.
private func sink(_ start: Int, in heap: UnsafeMutableBufferPointer<Candidate>, _ count: Int) {
  let moved = heap[start]
  var hole = start
  while true {
    var child = 2 * hole + 1
    guard child < count else { break }
    if child + 1 < count, heap[child].precedes(heap[child + 1]) { child += 1 }
    guard moved.precedes(heap[child]) else { break }
    heap[hole] = heap[child]
    hole = child
  }
  heap[hole] = moved
}
