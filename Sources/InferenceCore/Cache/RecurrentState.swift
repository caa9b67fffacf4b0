/// What the layers that are not attention keep of a sequence from one token to the next, and copies of it from earlier
/// positions: unlike keys and values it cannot be cut back.
struct RecurrentState {
  /// Copies that are kept; the more, the less is computed again after a rewind.
  private static let checkpointCount = 8
  /// Tokens after which a copy is worth its time.
  private static let interval = 64

  private let memory: UnsafeMutablePointer<Float>
  /// Floats of one state.
  private let size: Int
  /// The slots of the state after the last token, and of the one that a pass is writing.
  private var current = 0
  private var next = 1
  private var free: [Int]
  /// From the first position to the last.
  private var checkpoints: [(position: Int, slot: Int)] = []

  /// The bytes that a sequence's states take.
  static func bytes(_ h: Hyperparameters) -> Int64 {
    let size = h.convolutions.reduce(Int64(0)) { $0.saturatingSum(Int64($1.stateCount)) }
    return size.saturatingProduct((checkpointCount + 2) * MemoryLayout<Float>.size)
  }

  /// Nil for a model whose layers are all attention.
  init?(_ h: Hyperparameters) {
    size = h.convolutions.reduce(0) { $0 + $1.stateCount }
    guard size > 0 else { return nil }
    let slots = Self.checkpointCount + 2
    memory = .allocate(capacity: slots * size)
    memory.initialize(repeating: 0, count: slots * size)
    free = Array((2..<slots).reversed())
  }

  func deallocate() {
    memory.deallocate()
  }

  /// The state that a pass reads, and the one that it writes; both begin with the first layer's.
  var slots: (read: UnsafePointer<Float>, write: UnsafeMutablePointer<Float>) {
    (UnsafePointer(memory + current * size), memory + next * size)
  }

  /// What the pass has written holds from now on; `count` tokens now lie before it.
  mutating func advance(to count: Int) {
    swap(&current, &next)
    if count - (checkpoints.last?.position ?? 0) >= Self.interval { keep(count) }
  }

  private mutating func keep(_ position: Int) {
    if free.isEmpty {
      // Where two lie closest together, the later one is missed least.
      var (closest, gap) = (0, Int.max)
      for index in checkpoints.indices {
        let before = index > 0 ? checkpoints[index - 1].position : 0
        if checkpoints[index].position - before < gap {
          (closest, gap) = (index, checkpoints[index].position - before)
        }
      }
      free.append(checkpoints.remove(at: closest).slot)
    }
    guard let slot = free.popLast() else { return }
    (memory + slot * size).update(from: memory + current * size, count: size)
    checkpoints.append((position, slot))
  }

  /// Goes back to the last checkpoint at or before a position.
  ///
  /// - Returns: its position; 0 for the beginning.
  mutating func rewind(to position: Int) -> Int {
    while let last = checkpoints.last, last.position > position {
      free.append(last.slot)
      checkpoints.removeLast()
    }
    if let last = checkpoints.last {
      (memory + current * size).update(from: memory + last.slot * size, count: size)
      return last.position
    }
    (memory + current * size).update(repeating: 0, count: size)
    return 0
  }

  /// Takes over another sequence's state at its last checkpoint at or before a position.
  ///
  /// - Returns: the checkpoint's position.
  mutating func copy(_ other: RecurrentState, upTo position: Int) -> Int {
    _ = rewind(to: 0)
    guard let found = other.checkpoints.last(where: { $0.position <= position }) else { return 0 }
    (memory + current * size).update(from: other.memory + found.slot * size, count: size)
    keep(found.position)
    return found.position
  }
}
