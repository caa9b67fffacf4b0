import CKernels

/// Finds out whether this machine is faster when weights are read ahead, where they can be asked for in no other way
/// (WebAssembly): some processors read on by themselves past the end of a page, and others do not.
///
/// Nobody says which processor a browser runs on, so some passes over one token are taken in turn with and without. Results
/// are the same.
public struct ReadAheadTrial: Sendable {
  /// Passes of a comparison.
  private static let length = 16
  /// Passes before the first comparison, since a browser compiles anew what has run often; after each the next comes ten
  /// times as late.
  private static let first = 24
  /// How much faster it has to be.
  private static let gain = 0.97
  /// A way that is slower by this much each time after so many passes of both is not tried any longer: whoever waits for
  /// these tokens notices.
  private static let (clearly, few) = (1.1, 4)

  private let isPossible: Bool
  private let use: @Sendable (Bool) -> Void
  private var passes = 0
  private var next = first
  private var times: (plain: [Double], ahead: [Double]) = ([], [])
  /// What the last comparison found.
  public private(set) var isFaster = false

  /// A trial of this machine's kernels.
  public init() {
    self.init(isPossible: ck_may_read_ahead() == 1) { ck_read_ahead($0 ? 1 : 0) }
  }

  /// - Parameter use: Makes all passes from now on read ahead, or not.
  package init(isPossible: Bool, use: @escaping @Sendable (Bool) -> Void) {
    self.isPossible = isPossible
    self.use = use
    if isPossible { use(false) }
  }

  /// A pass over one token is about to begin.
  public mutating func passBegins() {
    guard isPossible, passes >= next else { return }
    use(passes % 2 == 1)
  }

  /// It took so many milliseconds.
  public mutating func passTook(_ milliseconds: Double) {
    guard isPossible else { return }
    if passes >= next {
      if passes % 2 == 1 { times.ahead.append(milliseconds) } else { times.plain.append(milliseconds) }
    }
    passes += 1
    guard passes == next + Self.length || isClear else { return }
    isFaster = typical(times.ahead) < Self.gain * typical(times.plain)
    use(isFaster)
    times = ([], [])
    next = passes < .max / 16 ? 10 * passes : .max
  }

  /// Whether the fastest pass of one way is clearly slower than most of the other's.
  private var isClear: Bool {
    guard min(times.plain.count, times.ahead.count) >= Self.few else { return false }
    func isSlower(_ one: [Double], _ other: [Double]) -> Bool {
      (one.min() ?? 0) > Self.clearly * other.sorted()[other.count / 2]
    }
    return isSlower(times.ahead, times.plain) || isSlower(times.plain, times.ahead)
  }

  /// Of the passes of a way: what is slower was perhaps held up by another program.
  private func typical(_ times: [Double]) -> Double {
    times.sorted()[times.count / 4]
  }
}
