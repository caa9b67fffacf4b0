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
