/// Keys, values and recurrent states in the memory of a card.
///
/// Of each layer the pages are side by side: [head] the keys, F16 [key length / 2][position][2], then [head] the values,
/// F16 [position][value length].
final class GPUCache: SequenceMemory {
  private let layers: [BufferRange]
  private let states: BufferRange
  private let zeroState: Int
  /// Copies within a buffer go by way of another one.
  private let between: BufferRange
  private let memory: GPUMemory
  private let device: any GraphicsDevice
  /// Copies that the next commands begin with, in the order in which they were asked for.
  private var copies: [GPUCommand] = []
  /// Sequences' states that are free, by the first slot.
  private var freeStates: [Int]

  init(
    _ h: Hyperparameters, _ memory: GPUMemory, _ limits: ExecutionLimits, on device: any GraphicsDevice
  ) throws(ModelError) {
    (self.memory, self.device) = (memory, device)
    let word = MemoryLayout<UInt32>.size
    let largest = min(device.limits.binding, device.limits.buffer)
    if let widest = memory.pageWords.max(), widest > largest / word / limits.pages {
      throw ModelError(
        .outOfResources,
        "The keys and values of a layer have more bytes than the \(largest) that a kernel of this graphics card sees. "
          + "Choose a shorter context.")
    }
    layers = memory.pageWords.map { words in
      let bytes = max(words * limits.pages, 1) * word
      return BufferRange(
        device.makeBuffer(bytes: words == 0 ? word : bytes, isUniform: false), count: words == 0 ? word : bytes)
    }
    // Behind the states is one of zeros, from which those that begin anew are copied.
    let bytes = max(memory.stateSize * (limits.sequences * RecurrentState.slotCount + 1), 1) * word
    states = BufferRange(device.makeBuffer(bytes: bytes, isUniform: false), count: bytes)
    let most = max(memory.pageWords.max() ?? 0, memory.stateSize, 1) * word
    between = BufferRange(device.makeBuffer(bytes: most, isUniform: false), count: most)
    freeStates = (0..<limits.sequences).reversed().map { $0 * RecurrentState.slotCount }
    zeroState = limits.sequences * RecurrentState.slotCount
  }

  /// What a layer's kernels work on: its keys and values, or the states.
  func range(ofLayer layer: Int?) -> BufferRange {
    guard let layer else { return states }
    return memory.pageWords[layer] > 0 ? layers[layer] : states
  }

  /// The copies that were asked for since the last commands.
  func takeCopies(into commands: inout [UInt32]) {
    for copy in copies { copy.append(to: &commands) }
    copies = []
  }

  var isHere: Bool { false }
  func address(ofPage page: Int) -> UnsafeMutablePointer<UInt16>? { nil }

  func copyPage(_ page: Int, to other: Int) {
    for (range, words) in zip(layers, memory.pageWords) where words > 0 {
      copy(range.buffer, page, to: other, bytes: words * MemoryLayout<UInt32>.size)
    }
  }

  var pageBytes: Int { memory.pageWords.reduce(0) { $0 + $1 } * MemoryLayout<UInt32>.size }

  func writePage(_ page: Int, _ bytes: UnsafeRawBufferPointer) {
    // What was asked for before comes before.
    var commands: [UInt32] = []
    takeCopies(into: &commands)
    if !commands.isEmpty { _ = device.submit(commands, reading: nil) }
    for (range, part) in parts(ofPage: page) {
      device.write(UnsafeRawBufferPointer(rebasing: bytes[part]), to: range.buffer, at: range.offset)
    }
  }

  /// Where each layer has its part of a page, and which of the page's bytes that is.
  func parts(ofPage page: Int) -> [(range: BufferRange, bytes: Range<Int>)] {
    var parts: [(range: BufferRange, bytes: Range<Int>)] = []
    var at = 0
    for (layer, words) in zip(layers, memory.pageWords) where words > 0 {
      let count = words * MemoryLayout<UInt32>.size
      parts.append((BufferRange(layer.buffer, offset: page * count, count: count), at..<at + count))
      at += count
    }
    return parts
  }

  func takeStates() -> Int {
    let first = freeStates.popLast() ?? 0
    clearState(first)
    return first
  }

  func giveBackStates(from first: Int) {
    freeStates.append(first)
  }

  func copyState(_ slot: Int, to other: Int) {
    copy(states.buffer, slot, to: other, bytes: memory.stateSize * MemoryLayout<Float>.size)
  }

  func clearState(_ slot: Int) {
    copyState(zeroState, to: slot)
  }

  private func copy(_ buffer: UInt32, _ from: Int, to other: Int, bytes: Int) {
    let count = UInt32(bytes)
    copies += [
      .copy(from: buffer, to: between.buffer, offset: UInt32(from * bytes), toOffset: 0, count: count),
      .copy(from: between.buffer, to: buffer, offset: 0, toOffset: UInt32(other * bytes), count: count),
    ]
  }
}
