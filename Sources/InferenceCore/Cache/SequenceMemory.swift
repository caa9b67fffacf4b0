/// Where sequences have their pages of keys and values and their recurrent states: in this process, or on a device.
///
/// Pages and states go by numbers. What is asked for here holds for the pass that follows.
protocol SequenceMemory: AnyObject {
  /// Whether pages have addresses.
  var isHere: Bool { get }
  /// Bytes of a page.
  var pageBytes: Int { get }
  func copyPage(_ page: Int, to other: Int)
  /// Writes all of a page.
  func writePage(_ page: Int, _ bytes: UnsafeRawBufferPointer)
  /// Where a page is for this process; nil on a device.
  func address(ofPage page: Int) -> UnsafeMutablePointer<UInt16>?

  /// The number of the first of a new sequence's states, all zero; ``RecurrentState/slotCount`` follow each other.
  func takeStates() -> Int
  func giveBackStates(from first: Int)
  func copyState(_ slot: Int, to other: Int)
  func clearState(_ slot: Int)
}
