import CKernels

/// One thread's way through the operations of a pass, which every lane goes in the same order.
struct Lane {
  let index: Int
  let count: Int
  private let team: OpaquePointer
  /// The step that comes next.
  private var step: UnsafeMutablePointer<ck_step>
  /// How many pieces the steps have that this lane has not waited for; the last of them comes before ``step``.
  private var pending = SIMD4<Int32>()
  private var pendingCount = 0

  init(index: Int, team: OpaquePointer, steps: UnsafeMutablePointer<ck_step>) {
    self.index = index
    self.team = team
    count = Int(ck_team_count(team))
    step = steps
  }

  /// Runs `body` for those of `0..<pieces` that this lane takes. Others may still be at theirs when it returns.
  mutating func share(_ pieces: Int, _ body: (Int) -> Void) {
    if pendingCount == pending.scalarCount { wait() }
    while true {
      let piece = ck_step_take(step, Int32(pieces))
      if piece < 0 { break }
      body(Int(piece))
      ck_step_finish(team, step, Int32(pieces))
    }
    pending[pendingCount] = Int32(pieces)
    pendingCount += 1
    step += 1
  }

  /// Returns when all pieces of all steps so far are done.
  mutating func wait() {
    for index in 0..<pendingCount { ck_step_wait(team, step - (pendingCount - index), pending[index]) }
    pendingCount = 0
  }
}
