/// Where a load is.
public enum LoadingStep: UInt8, CaseIterable, Sendable {
  case idle = 0
  /// The bytes are on their way, from the network or from a cache.
  case downloading = 1
  /// The bytes are there; the engine is being built from them.
  case compiling = 2
  case ready = 3
  case error = 4

  public var name: StaticString {
    switch self {
    case .idle: "idle"
    case .downloading: "downloading"
    case .compiling: "compiling"
    case .ready: "ready"
    case .error: "error"
    }
  }
}

/// How far a load has come. Within one load `progress`, `bytes` and `step` never go back.
public struct LoadProgress: Equatable, Sendable {
  /// 0…1 over the whole load.
  public var progress: Double
  public var bytes: UInt64
  /// 0 when not known yet.
  public var totalBytes: UInt64
  /// Seconds since the load began.
  public var timeElapsed: Double
  /// Seconds left, estimated from the last few seconds' rate; nil when there is nothing to estimate from.
  public var remaining: Double?
  public var step: LoadingStep
  /// One line for people.
  public var text: String

  public init(
    progress: Double, bytes: UInt64, totalBytes: UInt64, timeElapsed: Double, remaining: Double?, step: LoadingStep,
    text: String
  ) {
    self.progress = progress
    self.bytes = bytes
    self.totalBytes = totalBytes
    self.timeElapsed = timeElapsed
    self.remaining = remaining
    self.step = step
    self.text = text
  }
}
