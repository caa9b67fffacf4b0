/// Finds names by bytes: positions sorted by name, searched by halving.
///
/// Sorted rather than hashed so that no choice of names in a hostile file makes lookups or the search for duplicates
/// slow, and so that a lookup allocates nothing.
struct GGUFNameIndex {
  private let names: [UnsafeRawBufferPointer]
  private let order: [Int32]

  init(_ names: [UnsafeRawBufferPointer]) {
    self.names = names
    order = (0..<Int32(names.count)).sorted { compareBytes(names[Int($0)], names[Int($1)]) < 0 }
  }

  /// The later position of a name that occurs twice, or nil.
  var duplicate: Int? {
    for index in order.indices.dropFirst() {
      let previous = Int(order[index - 1])
      let current = Int(order[index])
      if compareBytes(names[previous], names[current]) == 0 { return max(previous, current) }
    }
    return nil
  }

  /// The position of `name`, or nil.
  func position(of name: UnsafeRawBufferPointer) -> Int? {
    var low = 0
    var high = order.count
    while low < high {
      let middle = (low + high) / 2
      let comparison = compareBytes(names[Int(order[middle])], name)
      if comparison == 0 { return Int(order[middle]) }
      if comparison < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }
}

/// Orders byte strings as unsigned bytes, shorter first: negative, zero or positive.
private func compareBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
  let shared = min(left.count, right.count)
  var index = 0
  while index < shared {
    let difference = Int(left[index]) - Int(right[index])
    if difference != 0 { return difference }
    index += 1
  }
  return left.count - right.count
}
