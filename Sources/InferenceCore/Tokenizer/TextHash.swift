/// FNV-1a over bytes (Fowler, Noll, Vo), which can be asked for its value after every byte.
struct TextHash {
  private var state: UInt32 = 0x811C_9DC5

  @inline(__always)
  mutating func combine(_ byte: UInt8) {
    state = (state ^ UInt32(byte)) &* 0x0100_0193
  }

  @inline(__always)
  mutating func combine(_ bytes: UnsafeBufferPointer<UInt8>) {
    for byte in bytes { combine(byte) }
  }

  /// The hash of the bytes so far, with every bit mixed into every other.
  var value: UInt32 {
    @inline(__always) get { Self.mix(state) }
  }

  /// A bijection of 32 bits that scatters neighbours.
  @inline(__always)
  static func mix(_ value: UInt32) -> UInt32 {
    var hash = value
    hash = (hash ^ hash >> 16) &* 0x7FEB_352D
    hash = (hash ^ hash >> 15) &* 0x846C_A68B
    return hash ^ hash >> 16
  }
}
