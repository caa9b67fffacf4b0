import InferenceCore

/// What a worker needs from the shell that runs it. All closures are called on the worker's own thread.
public struct WorkerHost {
  /// Milliseconds of a clock that never goes back.
  public var now: () -> Double
  /// Random bits, for requests without a seed.
  public var seed: () -> UInt64
  /// The local date and time, for chat templates that print it; nil when there is none to be had.
  public var date: () -> TemplateDate?
  /// Bytes that a model and its working memory may take; 0 when unknown.
  public var memoryLimit: () -> UInt64
  /// Threads to compute with when a load does not say.
  public var defaultThreads: Int
  /// Takes an event. `fetch` and `cancelFetch` are for the shell, the others for the users. Must not call the worker.
  public var emit: (WorkerEvent) -> Void
  /// Where the keys and values of conversations with a name are kept; nil keeps none.
  public var prefixStorage: PrefixStorage?
  /// Whether there may be a graphics card to open: then `openDevice` is answered.
  public var opensDevices = false
  /// Whether the kernels are right; only tests put something else here.
  public var kernelsPass: (KernelCheck) -> Bool = { $0.passes() }

  public init(
    now: @escaping () -> Double, seed: @escaping () -> UInt64, date: @escaping () -> TemplateDate?,
    memoryLimit: @escaping () -> UInt64, defaultThreads: Int, emit: @escaping (WorkerEvent) -> Void
  ) {
    self.now = now
    self.seed = seed
    self.date = date
    self.memoryLimit = memoryLimit
    self.defaultThreads = defaultThreads
    self.emit = emit
  }
}

/// The file that the last `openPrefix` asked for. What is read is not trusted.
public struct PrefixStorage {
  /// Fills the buffer with the bytes from an offset on; false when they are not there.
  public var read: (_ offset: UInt64, _ bytes: UnsafeMutableRawBufferPointer) -> Bool
  /// Puts bytes at an offset, at most at the file's end; false when there is no room.
  public var write: (_ offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Bool
  /// Cuts the file off.
  public var truncate: (_ size: UInt64) -> Void

  public init(
    read: @escaping (_ offset: UInt64, _ bytes: UnsafeMutableRawBufferPointer) -> Bool,
    write: @escaping (_ offset: UInt64, _ bytes: UnsafeRawBufferPointer) -> Bool,
    truncate: @escaping (_ size: UInt64) -> Void
  ) {
    self.read = read
    self.write = write
    self.truncate = truncate
  }
}

/// What a worker thinks of a model's header.
public enum HeaderVerdict: Equatable, Sendable {
  case fits
  /// Call again with at least this many bytes of the file.
  case needsMoreBytes(UInt64)
  /// The load has failed; an event said why.
  case refused
  /// The load goes on in another way, with another fetch.
  case moved
}

/// A graphics card that was opened for a load.
public struct GraphicsCard {
  public let device: any GraphicsDevice
  /// What people call it.
  public let name: String
  /// Whether the processor only plays its part.
  public let isSoftware: Bool
  /// What was measured to compute this model faster beside this card, at an earlier load.
  public let remembered: ComputeDevice?

  public init(device: any GraphicsDevice, name: String, isSoftware: Bool, remembered: ComputeDevice?) {
    self.device = device
    self.name = name
    self.isSoftware = isSoftware
    self.remembered = remembered
  }
}

/// The bytes of a model: one part, or all parts of a split file in order, and how to give them back.
public struct ModelBytes {
  public let parts: [UnsafeRawBufferPointer]
  /// Called once, when nothing reads the bytes any more.
  public let release: () -> Void

  public init(parts: [UnsafeRawBufferPointer], release: @escaping () -> Void) {
    self.parts = parts
    self.release = release
  }

  var count: UInt64 { parts.reduce(0) { $0 + UInt64($1.count) } }
}
