/// A graphics card as the engine sees it: buffers, kernels and bindings by number, and commands.
///
/// Nothing here waits, and nothing fails where it is asked for: what goes wrong loses the device, which the shell tells its
/// executor.
public protocol GraphicsDevice: AnyObject {
  var limits: GraphicsLimits { get }

  /// A buffer of zeros, whose size is a multiple of four bytes.
  func makeBuffer(bytes: Int, isUniform: Bool) -> UInt32

  /// Writes a multiple of four bytes at a multiple of four.
  func write(_ bytes: UnsafeRawBufferPointer, to buffer: UInt32, at offset: Int)

  /// Kernels that are not compiled yet.
  var kernelsLeft: Int { get }
  /// Those that do not compile, though the card can do without.
  var failedPipelines: [UInt32] { get }

  /// Begins to compile a kernel from WGSL files, named without their extension, with constants and functions in front.
  func makePipeline(files: [StaticString], constants: String) -> UInt32

  /// The buffers that a kernel works on, in the order of ``BufferRange/Role``.
  func bind(_ ranges: [BufferRange]) -> UInt32

  /// Has commands carried out one after the other. Once they are, and the bytes that are to be read have come, whoever asked
  /// hears of the ticket: ``GPUExecutor/finished(_:)``.
  ///
  /// - Parameters:
  ///   - commands: ``GPUCommand/words`` of each.
  ///   - reading: What is read afterwards, if anything, and where it goes.
  /// - Returns: The ticket, which no other submission to the card has.
  func submit(_ commands: [UInt32], reading: (from: BufferRange, to: UnsafeMutableRawPointer)?) -> UInt32

  /// Gives all buffers back.
  func release()

  /// The same card for another executor: buffers, kernels and bindings are its own.
  func another() -> any GraphicsDevice
}

/// What one buffer of a card can have, in bytes, and what a kernel sees of it.
public struct GraphicsLimits: Equatable, Sendable {
  /// Of a buffer, and of the part of it that a kernel sees.
  public let buffer: Int
  public let binding: Int
  /// At which multiples such a part begins.
  public let alignment: Int
  /// Threads that compute in step: so many share a row of a product.
  public let together: Int
  /// Threads of the smallest subgroup, which see each other's numbers; 0: none do.
  public let subgroup: Int
  /// What it can multiply with besides floats.
  public let rounded: [GPUArithmetic]

  public init(
    buffer: Int, binding: Int, alignment: Int, together: Int = 32, subgroup: Int = 0, rounded: [GPUArithmetic] = []
  ) {
    self.buffer = buffer
    self.binding = binding
    self.alignment = alignment
    self.together = together
    self.subgroup = subgroup
    self.rounded = rounded
  }
}

/// A part of a buffer, in bytes.
public struct BufferRange: Equatable, Sendable {
  public let buffer: UInt32
  public let offset: Int
  public let count: Int

  public init(_ buffer: UInt32, offset: Int = 0, count: Int) {
    self.buffer = buffer
    self.offset = offset
    self.count = count
  }
}

/// What is handed to a device: workgroups of a kernel, or a copy.
public enum GPUCommand: Equatable, Sendable {
  case dispatch(pipeline: UInt32, binding: UInt32, x: UInt32, y: UInt32, z: UInt32)
  case copy(from: UInt32, to: UInt32, offset: UInt32, toOffset: UInt32, count: UInt32)

  /// Numbers of 32 bits that a command takes.
  public static let words = 6
  /// What tells a copy from a kernel, in its first number.
  public static let copyFlag: UInt32 = 1 << 31

  func append(to words: inout [UInt32]) {
    switch self {
    case .dispatch(let pipeline, let binding, let x, let y, let z): words += [pipeline, binding, x, y, z, 0]
    case .copy(let from, let to, let offset, let toOffset, let count):
      words += [from | Self.copyFlag, to, offset, toOffset, count, 0]
    }
  }
}
