/// What the layers that are not attention keep of a sequence from one token to the next, and copies of it from earlier
/// positions: unlike keys and values it cannot be cut back.
struct RecurrentState {
  /// Copies that are kept; the more, the less is computed again after a rewind.
  private static let checkpointCount = 8
  /// Tokens after which a copy is worth its time.
  private static let interval = 64

  /// The present state, the one that a pass is writing, and the copies.
  static let slotCount = checkpointCount + 2

  private let memory: any SequenceMemory
  private let first: Int
  /// The slots of the state after the last token, and of the one that a pass is writing.
  private var current: Int
  private var next: Int
  private var free: [Int]
  /// From the first position to the last.
  private var checkpoints: [(position: Int, slot: Int)] = []

  /// Floats of one state; 0 for a model whose layers are all attention.
  static func size(_ h: Hyperparameters) -> Int { h.convolutions.reduce(0) { $0 + $1.stateCount } }

  /// The bytes that a sequence's states take.
  static func bytes(_ h: Hyperparameters) -> Int64 {
    let size = h.convolutions.reduce(Int64(0)) { $0.saturatingSum(Int64($1.stateCount)) }
    return size.saturatingProduct(slotCount * MemoryLayout<Float>.size)
  }

  /// Nil for a model whose layers are all attention.
  init?(_ h: Hyperparameters, in memory: any SequenceMemory) {
    guard Self.size(h) > 0 else { return nil }
    self.memory = memory
    first = memory.takeStates()
    (current, next) = (first, first + 1)
    free = Array((first + 2..<first + Self.slotCount).reversed())
  }

  func giveBack() {
    memory.giveBackStates(from: first)
  }

  /// The state that a pass reads, and the one that it writes; both begin with the first layer's.
  var slots: (read: Int, write: Int) { (current, next) }

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
    memory.copyState(current, to: slot)
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
      memory.copyState(last.slot, to: current)
      return last.position
    }
    memory.clearState(current)
    return 0
  }

  /// Takes over another sequence's state at its last checkpoint at or before a position.
  ///
  /// - Returns: the checkpoint's position.
  mutating func copy(_ other: RecurrentState, upTo position: Int) -> Int {
    _ = rewind(to: 0)
    guard let found = other.checkpoints.last(where: { $0.position <= position }) else { return 0 }
    memory.copyState(found.slot, to: current)
    keep(found.position)
    return found.position
  }
}
