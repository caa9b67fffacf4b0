/// Keys, values and recurrent states in the memory of this process.
final class CPUCache: SequenceMemory {
  private let layout: PageLayout
  private let memory: ArenaMemory
  private let pages: UnsafeMutablePointer<UInt16>
  /// Floats of a state.
  private let stateSize: Int
  /// By sequence: its states, one behind the other.
  private var states: [UnsafeMutablePointer<Float>?] = []

  /// - Parameters:
  ///   - pages: Room for all of them. What no sequence has touched costs nothing where the system gives memory by use.
  ///   - memory: What they are a part of.
  init(_ h: Hyperparameters, pages: UnsafeMutablePointer<UInt16>, in memory: ArenaMemory) {
    layout = PageLayout(h)
    stateSize = RecurrentState.size(h)
    self.pages = pages
    self.memory = memory
  }

  deinit {
    for states in states { states?.deallocate() }
  }

  var isHere: Bool { true }

  private func page(_ page: Int) -> UnsafeMutablePointer<UInt16> { pages + page * layout.elements }

  func address(ofPage page: Int) -> UnsafeMutablePointer<UInt16>? { self.page(page) }

  func copyPage(_ page: Int, to other: Int) {
    self.page(other).update(from: self.page(page), count: layout.elements)
  }

  var pageBytes: Int { Int(layout.bytes) }

  func writePage(_ page: Int, _ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    UnsafeMutableRawPointer(self.page(page)).copyMemory(from: start, byteCount: bytes.count)
  }

  // MARK: Recurrent states

  func takeStates() -> Int {
    let count = RecurrentState.slotCount * stateSize
    let made = UnsafeMutablePointer<Float>.allocate(capacity: count)
    made.initialize(repeating: 0, count: count)
    let place = states.firstIndex { $0 == nil } ?? states.count
    if place == states.count { states.append(made) } else { states[place] = made }
    return place * RecurrentState.slotCount
  }

  func giveBackStates(from first: Int) {
    states[first / RecurrentState.slotCount]?.deallocate()
    states[first / RecurrentState.slotCount] = nil
  }

  /// Where a state is; nil for one that nobody has.
  func state(_ slot: Int) -> UnsafeMutablePointer<Float>? {
    states[slot / RecurrentState.slotCount].map { $0 + slot % RecurrentState.slotCount * stateSize }
  }

  func copyState(_ slot: Int, to other: Int) {
    guard let from = state(slot) else { return }
    state(other)?.update(from: from, count: stateSize)
  }

  func clearState(_ slot: Int) {
    state(slot)?.update(repeating: 0, count: stateSize)
  }
}
