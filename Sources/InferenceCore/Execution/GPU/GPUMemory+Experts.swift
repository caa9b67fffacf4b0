/// What mixtures of experts work in: a choice is a row of a pass with one of the experts that it goes through.
struct ExpertRegions {
  /// Of each row the router's logits.
  let logits: GPUMemory.Region
  // One after the other: of each choice its expert and its weight, and which choice comes where in the order of the experts.
  let chosen: GPUMemory.Region
  let weights: GPUMemory.Region
  let order: GPUMemory.Region
  /// Choices of one expert that are computed together, three floats each.
  let tiles: GPUMemory.Region
  /// By row: what the shared expert's elements are multiplied by.
  let factors: GPUMemory.Region
  // Of each choice the expanded elements, and what the last product gives.
  let hidden: GPUMemory.Region
  let products: GPUMemory.Region
  /// The second product, where the last one's will be.
  var up: GPUMemory.Region { GPUMemory.Region(place: products.place, stride: hidden.stride) }

  /// What `gather.wgsl` and `choose.wgsl` have room for.
  static let mostExperts = 512
  static let mostUsed = 64
  /// Choices of a tile.
  static let tile = 32

  static func isTooLarge(_ shape: ExpertShape?) -> Bool {
    guard let shape else { return false }
    return shape.count > mostExperts || shape.used > mostUsed
  }

  /// Floats of a row of a pass, about.
  static func width(_ h: Hyperparameters) -> Int64 {
    h.layers.reduce(0) { most, layer in
      guard let shape = layer.experts else { return most }
      let choice = Int64(shape.length).saturatingSum(Int64(max(shape.length, h.embeddingLength)))
      return max(most, choice.saturatingProduct(shape.used).saturatingSum(Int64(shape.count)))
    }
  }

  /// - Parameter region: Makes room for rows of floats.
  init(_ h: Hyperparameters, rows: Int, _ region: (_ rows: Int, _ width: Int) -> GPUMemory.Region) {
    func most(_ size: (ExpertShape) -> Int) -> Int {
      h.layers.reduce(0) { max($0, $1.experts.map(size) ?? 0) }
    }
    let (count, length) = (most { $0.count }, most { $0.length })
    let choices = rows * most { $0.used }
    let isNeeded = count > 0 ? 1 : 0
    logits = region(rows * isNeeded, count)
    chosen = region(isNeeded, choices)
    weights = region(isNeeded, choices)
    order = region(isNeeded, choices)
    tiles = region(isNeeded, 3 * (count + choices / Self.tile))
    factors = region(isNeeded, rows)
    hidden = region(choices, length)
    products = region(choices, max(length, h.embeddingLength))
  }
}
