/// The forward pass as commands for a graphics card: what `CPUPass` is for threads, written down once for a model.
///
/// A pass over a few rows, a decode, fuses more than one over many, a prefill: its products take norms and activations with
/// them, since what it costs is reading the weights once and starting each kernel.
struct GPUPass {
  /// A kernel's start, whose workgroups depend on what a pass is over.
  struct Dispatch {
    let pipeline: UInt32
    let binding: UInt32
    let x: Count
    let y: Count
    let z: Count
  }

  /// A number of workgroups.
  enum Count {
    case fixed(Int)
    case rows
    /// So many for each row.
    case rowsTimes(Int)
    /// Tiles of at most so many rows that chose the same expert, of which there are `experts`; each row chose some of them.
    case expertTiles(of: Int, experts: Int, used: Int)
    /// Of a pass that cuts the context into several pieces; else none.
    case rowsInPieces
    /// Groups of so many rows.
    case tiles(of: Int)
    case logitTiles(of: Int)
    /// One where logits of at most so many rows are wanted, but some; else none.
    case fewLogits(Int)
    /// One where they are of more rows.
    case manyLogits(over: Int)
    /// Pieces into which the context is cut.
    case pieces

    func value(_ size: PassSize) -> UInt32 {
      switch self {
      case .fixed(let count): UInt32(count)
      case .rows: UInt32(size.rows)
      case .rowsTimes(let count): UInt32(size.rows * count)
      case .expertTiles(let count, let experts, let used):
        UInt32(min(experts, size.rows * used) + size.rows * used / count)
      case .rowsInPieces: UInt32(size.pieces > 1 ? size.rows : 0)
      case .tiles(let count): UInt32((size.rows + count - 1) / count)
      case .logitTiles(let count): UInt32((size.logitRows + count - 1) / count)
      case .fewLogits(let most): (1...most).contains(size.logitRows) ? 1 : 0
      case .manyLogits(let most): size.logitRows > most ? 1 : 0
      case .pieces: UInt32(size.pieces)
      }
    }
  }

  /// What the numbers of workgroups follow from.
  struct PassSize {
    let rows: Int
    let logitRows: Int
    let pieces: Int
  }

  var dispatches: [Dispatch] = []
  /// Where each layer's dispatches begin, and behind them where the last one's end.
  var layerStarts: [Int] = []

  /// The commands of some layers; with the last one those that lead to the logits.
  func commands(ofLayers layers: Range<Int>, _ size: PassSize) -> [UInt32] {
    var words: [UInt32] = []
    for dispatch in dispatches[layerStarts[layers.lowerBound]..<layerStarts[layers.upperBound]] {
      let (x, y, z) = (dispatch.x.value(size), dispatch.y.value(size), dispatch.z.value(size))
      guard x > 0, y > 0, z > 0 else { continue }
      GPUCommand.dispatch(pipeline: dispatch.pipeline, binding: dispatch.binding, x: x, y: y, z: z).append(to: &words)
    }
    return words
  }
}
