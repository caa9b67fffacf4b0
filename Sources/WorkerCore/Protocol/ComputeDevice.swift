/// What computes a model's passes.
public enum ComputeDevice: UInt8, CaseIterable, Sendable {
  case cpu = 0
  case gpu = 1

  public var name: StaticString {
    switch self {
    case .cpu: "cpu"
    case .gpu: "gpu"
    }
  }
}

/// Who decides what computes.
public enum DeviceChoice: UInt8, CaseIterable, Sendable {
  /// What is faster here; where the graphics card fails, the processor takes over.
  case auto = 0
  /// The graphics card, or an error.
  case gpu = 1
  case cpu = 2

  public var name: StaticString {
    switch self {
    case .auto: "auto"
    case .gpu: "gpu"
    case .cpu: "cpu"
    }
  }
}
