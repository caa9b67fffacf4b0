/// Carries out the passes of one model over batches of its sequences.
///
/// A pass is begun with ``submit(_:)`` and taken further with ``advance(layers:)`` until it is done; then ``logits`` are
/// those of its batch. The CPU works while it is asked to; an executor that only waits for a device says so.
public protocol Executor: AnyObject {
  var model: LanguageModel { get }
  var limits: ExecutionLimits { get }
  /// Whether a device computes, which may be lost.
  var isOnDevice: Bool { get }

  /// A sequence without tokens, in this executor's cache.
  func makeSequence() -> TokenSequence

  /// Begins a pass over a batch. One that was under way is given up: its sequences are then as they were before it.
  ///
  /// - Throws: ``ModelError/Kind-swift.enum/contextFull``, ``ModelError/Kind-swift.enum/unknownToken``, `invalid` for more
  ///   than ``limits`` allow and `outOfResources` when the cache has no page left; no sequence has changed then.
  func submit(_ batch: Batch) throws(ModelError)

  /// Takes the pass under way through up to `count` more layers. After the last its tokens belong to the sequences.
  func advance(layers count: Int) -> PassProgress

  /// Gives up the pass under way.
  func giveUp()

  /// Tokens of the pass that is under way, 0 when none is, and the layers that it is through.
  var tokensUnderWay: Int { get }
  var layersDone: Int { get }

  /// The device has done what it was told with this ticket.
  func finished(_ ticket: UInt32)

  /// Of the last pass that was done: [row][vocabulary], valid until the next is begun. Not here while there are
  /// ``candidates(ofRow:)``.
  var logits: UnsafeMutableBufferPointer<Float> { get }

  /// The vectors of the rows that the last pass was to give, [row][embedding], valid until the next is begun.
  var vectors: UnsafeBufferPointer<Float> { get }

  /// The likeliest tokens of a row of the last pass, where only those came from a device; nil where all logits are here.
  func candidates(ofRow row: Int) -> TopCandidates?

  /// The keys and values of a block of a sequence, which ``TokenSequence/appendBlock(_:tokens:)`` takes; nil until a device has
  /// brought them: it is asked again once that has reported.
  func block(_ index: Int, of sequence: TokenSequence) -> [UInt8]?

  /// Has all logits brought here of a pass that is done: it is under way again until they have come.
  func fetchLogits()
}

extension Executor {
  /// Without a device nothing is waited for.
  public func finished(_ ticket: UInt32) {}

  /// No device gives them.
  public var vectors: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: nil, count: 0) }

  /// Without a device all logits are here.
  public func candidates(ofRow row: Int) -> TopCandidates? { nil }
  public func fetchLogits() {}

  /// Without a device they are here.
  public func block(_ index: Int, of sequence: TokenSequence) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: sequence.blockSize)
    bytes.withUnsafeMutableBytes { sequence.copyBlock(index, into: $0) }
    return bytes
  }
}

/// How far a pass is.
public enum PassProgress: Equatable, Sendable {
  /// None is under way.
  case idle
  /// Layers are left.
  case again
  /// A device computes; there is nothing to do until it is ready.
  case waiting
  /// The logits are there.
  case done
}

/// What an executor has room for.
public struct ExecutionLimits: Equatable, Sendable {
  /// Most tokens of one pass.
  public static let mostRows = 256

  /// Tokens of the longest sequence.
  public let contextLength: Int
  /// Sequences of that length.
  public let sequences: Int
  /// Most tokens of one pass whose logits are wanted.
  public let logitRows: Int
  /// A pass takes a whole text, however long.
  private var takesWholeTexts = false

  public init(contextLength: Int, sequences: Int = 1, logitRows: Int = 1) {
    self.contextLength = contextLength
    self.sequences = sequences
    self.logitRows = logitRows
  }

  /// Most tokens of one pass.
  public var rows: Int {
    takesWholeTexts ? contextLength : Int(min(Int64(Self.mostRows), Int64(contextLength).saturatingProduct(sequences)))
  }

  /// What a model needs whose tokens see each other: room for a whole text, one at a time, and for no logits.
  func fitting(_ h: Hyperparameters) -> ExecutionLimits {
    guard h.isBidirectional else { return self }
    var fitting = ExecutionLimits(contextLength: contextLength)
    fitting.takesWholeTexts = true
    return fitting
  }

  /// Pages of the cache.
  var pages: Int { (contextLength + PageLayout.positions - 1) / PageLayout.positions * sequences }

  func check() throws(ModelError) {
    guard contextLength >= 1, contextLength <= 1 << 24 else {
      throw ModelError(.invalid, "The context has \(contextLength) tokens; expected from 1 to \(1 << 24).")
    }
    guard sequences >= 1, sequences <= Self.mostRows, logitRows >= 1, logitRows <= Self.mostRows else {
      throw ModelError(
        .invalid,
        "\(sequences) sequences and \(logitRows) rows of logits are wanted; expected from 1 to \(Self.mostRows) of each."
      )
    }
  }
}
