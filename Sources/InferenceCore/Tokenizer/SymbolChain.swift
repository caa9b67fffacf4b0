/// A piece of text on its way to becoming a token.
struct Symbol {
  /// The token it is, or -1 for text that is none.
  var token: TokenID
  /// Where its text begins, and bytes of it; 0 once its left neighbour has swallowed it.
  var start: Int32
  var length: Int32
  /// Neighbours, or -1.
  var previous: Int32 = -1
  var next: Int32 = -1
  /// The merge with the right neighbour that is possible now: smaller priorities go first.
  var merge = Merge.none
}

/// What two neighbouring symbols would become.
struct Merge {
  /// Which merge goes first: the smallest. `UInt32.max` is kept for "impossible".
  var priority: UInt32
  var token: TokenID

  static let none = Merge(priority: .max, token: -1)
}

/// Decides which neighbours may merge.
protocol MergeRules {
  func merge(_ left: Symbol, _ right: Symbol) -> Merge
}

/// Repeatedly merges the pair of neighbours with the smallest priority, the leftmost of equals, in n log n.
///
/// Byte-level BPE and SentencePiece differ only in the rules.
struct SymbolChain {
  private(set) var symbols: [Symbol] = []
  private var queue = MinimumQueue()

  /// Symbols whose merge with the right neighbour has been looked up.
  private var lookedUp = 0

  mutating func removeAll() {
    symbols.removeAll(keepingCapacity: true)
    queue.removeAll()
    lookedUp = 0
  }

  /// Makes room for so many symbols, so that none of many appends copies them all.
  mutating func reserve(_ count: Int) {
    symbols.reserveCapacity(count)
  }

  /// Appends a symbol to the right end; call before ``merge(_:steps:)``.
  @inline(__always)
  mutating func append(token: TokenID, start: Int, length: Int) {
    let index = Int32(truncatingIfNeeded: symbols.count)
    if index > 0 { symbols[Int(index) - 1].next = index }
    symbols.append(
      Symbol(
        token: token, start: Int32(truncatingIfNeeded: start), length: Int32(truncatingIfNeeded: length),
        previous: index - 1))
  }

  /// Merges until no rule applies. Afterwards the symbols with a length are the result, in order.
  ///
  /// - Parameter steps: How many pairs may be looked at; those that were are taken away.
  /// - Returns: false when it ran out of them, and has to be called again.
  mutating func merge<Rules: MergeRules>(_ rules: Rules, steps: inout Int) -> Bool {
    guard lookUp(rules, steps: &steps) else { return false }
    while steps > 0 {
      guard let entry = queue.popMinimum() else { return true }
      steps -= 1
      let left = Int(entry & 0xFFFF_FFFF)
      let merge = symbols[left].merge
      // Entries are never removed: one whose symbol has changed since no longer carries the symbol's priority.
      guard merge.priority == UInt32(entry >> 32) else { continue }
      let right = Int(symbols[left].next)
      let after = symbols[right].next
      symbols[left].token = merge.token
      symbols[left].length += symbols[right].length
      symbols[left].next = after
      symbols[right].length = 0
      symbols[right].merge = .none
      if after >= 0 { symbols[Int(after)].previous = Int32(truncatingIfNeeded: left) }
      update(left, rules)
      let previous = symbols[left].previous
      if previous >= 0 { update(Int(previous), rules) }
    }
    return false
  }

  /// Looks up what all neighbours may merge to.
  private mutating func lookUp<Rules: MergeRules>(_ rules: Rules, steps: inout Int) -> Bool {
    let pairs = symbols.count - 1
    guard lookedUp < pairs else { return true }
    let end = lookedUp + max(1, min(steps, pairs - lookedUp))
    steps -= end - lookedUp
    for left in lookedUp..<end {
      let merge = rules.merge(symbols[left], symbols[left + 1])
      symbols[left].merge = merge
      if merge.priority != .max { queue.append(Self.entry(merge.priority, left)) }
    }
    lookedUp = end
    guard end == pairs else { return false }
    queue.order()
    return true
  }

  /// Looks again at what `left` may merge with.
  @inline(__always)
  private mutating func update<Rules: MergeRules>(_ left: Int, _ rules: Rules) {
    let right = symbols[left].next
    guard right >= 0 else {
      symbols[left].merge = .none
      return
    }
    let merge = rules.merge(symbols[left], symbols[Int(right)])
    symbols[left].merge = merge
    if merge.priority != .max { queue.push(Self.entry(merge.priority, left)) }
  }

  @inline(__always)
  private static func entry(_ priority: UInt32, _ left: Int) -> UInt64 {
    UInt64(priority) << 32 | UInt64(UInt32(truncatingIfNeeded: left))
  }
}

/// A binary heap of integers.
struct MinimumQueue {
  private var heap: [UInt64] = []

  mutating func removeAll() {
    heap.removeAll(keepingCapacity: true)
  }

  /// Adds without ordering; call ``order()`` before the first pop.
  mutating func append(_ value: UInt64) {
    heap.append(value)
  }

  /// Makes a heap of what was appended, in linear time.
  mutating func order() {
    var index = heap.count / 2
    while index > 0 {
      index -= 1
      sink(index)
    }
  }

  mutating func push(_ value: UInt64) {
    heap.append(value)
    var index = heap.count - 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard heap[parent] > value else { break }
      heap[index] = heap[parent]
      index = parent
    }
    heap[index] = value
  }

  mutating func popMinimum() -> UInt64? {
    guard let minimum = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty {
      heap[0] = last
      sink(0)
    }
    return minimum
  }

  private mutating func sink(_ start: Int) {
    let value = heap[start]
    var index = start
    while true {
      var child = 2 * index + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < value else { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = value
  }
}
