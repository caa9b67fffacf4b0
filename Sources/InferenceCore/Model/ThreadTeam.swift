import CKernels

/// Threads that run one piece of work together; between two pieces they spin briefly, then sleep.
public final class ThreadTeam {
  let handle: OpaquePointer

  /// How many lanes of work there are, the calling thread's included.
  public var count: Int { Int(ck_team_count(handle)) }

  /// Natively starts `count - 1` threads (at most 63). In a browser the host starts them.
  public init(count: Int) throws(ModelError) {
    guard let team = ck_team_create(Int32(clamping: max(1, min(count, 64)))) else {
      throw ModelError(.outOfResources, "The system did not give \(count) threads; try fewer.")
    }
    handle = team
  }

  deinit {
    ck_team_destroy(handle)
  }
}

/// One thread's way through the steps of a pass, which every lane goes in the same order.
struct Lane {
  let index: Int
  let count: Int
  let team: OpaquePointer
  /// The step that comes next.
  private var step: UnsafeMutablePointer<ck_step>

  init(index: Int, team: OpaquePointer, steps: UnsafeMutablePointer<ck_step>) {
    self.index = index
    self.team = team
    count = Int(ck_team_count(team))
    step = steps
  }

  /// Runs `body` for those of `0..<pieces` that this lane takes, and returns when all of them are done.
  mutating func share(_ pieces: Int, _ body: (Int) -> Void) {
    while true {
      let piece = ck_step_take(step, Int32(pieces))
      if piece < 0 { break }
      body(Int(piece))
      ck_step_finish(team, step, Int32(pieces))
    }
    ck_step_wait(team, step, Int32(pieces))
    step += 1
  }
}
