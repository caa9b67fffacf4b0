/// The digest of bytes that come in pieces of any size: an ``XXH64`` of each 64 KB, with the one before as its seed.
struct RunningDigest {
  private(set) var value: UInt64 = 0
  private var rest: [UInt8] = []
  private static let slice = 1 << 16

  mutating func take(_ bytes: UnsafeRawBufferPointer) {
    var next = bytes
    if !rest.isEmpty {
      let count = min(Self.slice - rest.count, next.count)
      rest += next[..<count]
      next = UnsafeRawBufferPointer(rebasing: next[count...])
      if rest.count == Self.slice { endSlice() }
    }
    while next.count >= Self.slice {
      value = XXH64.digest(UnsafeRawBufferPointer(rebasing: next[..<Self.slice]), seed: value)
      next = UnsafeRawBufferPointer(rebasing: next[Self.slice...])
    }
    rest += next
  }

  /// Nothing more comes.
  mutating func finish() {
    if !rest.isEmpty { endSlice() }
  }

  private mutating func endSlice() {
    value = rest.withUnsafeBytes { XXH64.digest($0, seed: value) }
    rest.removeAll(keepingCapacity: true)
  }
}
