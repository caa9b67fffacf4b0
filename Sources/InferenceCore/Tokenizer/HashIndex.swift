/// A hash table from keys that are stored elsewhere to their entry numbers, four bytes a slot.
///
/// A slot holds an entry number plus one in its low bits and as much of the hash as fits above them, so that most
/// keys that differ are told apart without a look at the key. Collisions go to the next slot.
struct HashIndex {
  private var slots: [UInt32]
  private let slotMask: UInt32
  private let entryMask: UInt32
  /// Slots that insertions may still step over. An honest file stays far below; see ``isExhausted``.
  private var patience: Int

  /// Makes room for `capacity` entries, numbered from 0.
  init(capacity: Int) {
    var slotCount: UInt32 = 16
    while Int(slotCount) < capacity + capacity / 2 { slotCount *= 2 }
    var entryMask: UInt32 = 1
    while Int(entryMask) < capacity + 1 { entryMask = entryMask << 1 | 1 }
    slots = [UInt32](repeating: 0, count: Int(slotCount))
    slotMask = slotCount - 1
    self.entryMask = entryMask
    patience = 1024 + 64 * capacity
  }

  /// Whether keys were made to collide, so that further insertions would take quadratic time.
  var isExhausted: Bool { patience < 0 }

  /// Enters `entry` under `hash` unless an entry with an equal key is there already.
  ///
  /// - Parameter isEqual: whether the key of an entry already there equals the new one.
  @inline(__always)
  mutating func insert(_ entry: Int, hash: UInt32, isEqual: (Int) -> Bool) {
    guard !isExhausted else { return }
    let tag = hash & ~entryMask
    var slot = hash & slotMask
    while slots[Int(slot)] != 0 {
      let found = slots[Int(slot)]
      if found & ~entryMask == tag, isEqual(Int(found & entryMask) - 1) { return }
      slot = (slot + 1) & slotMask
      patience -= 1
    }
    slots[Int(slot)] = tag | UInt32(entry + 1)
  }

  /// The entry under `hash` that `isEqual` recognizes.
  @inline(__always)
  func find(hash: UInt32, isEqual: (Int) -> Bool) -> Int? {
    let tag = hash & ~entryMask
    var slot = hash & slotMask
    while slots[Int(slot)] != 0 {
      let found = slots[Int(slot)]
      if found & ~entryMask == tag {
        let entry = Int(found & entryMask) - 1
        if isEqual(entry) { return entry }
      }
      slot = (slot + 1) & slotMask
    }
    return nil
  }
}
