/// The forward pass of a transformer (Vaswani et al. 2017) as data: a flat list of operations, written once
/// for a model and carried out by an ``Executor`` for every batch.
struct Pass {
  private(set) var operations: [Operation] = []
  /// Where each layer's operations begin, and behind them where the last one's end.
  private(set) var layerStarts: [Int] = []

  /// Most operations of a model with so many layers, the barriers among them.
  static func longest(layerCount: Int) -> Int { layerCount * 40 + 4 }

  init(_ model: LanguageModel) {
    let layers = model.layers
    let last = layers.count - 1
    for (index, layer) in layers.enumerated() {
      layerStarts.append(operations.count)

      // x = E[token], normalized in some; h = norm(x)
      if index == 0 {
        operations.append(.embed)
        normalizeSum(model.embeddingNorm)
        then(.normalize(layer.inputNorm))
      }

      if !layer.isParallel {
        // x += mixer(h), normalized in some; h = norm(x)
        mix(layer.mixer)
        operations.append(.add(.mixer, layer.mixerPostNorm))
        normalizeSum(layer.sumNorms?.mixer)
        then(.normalize(layer.feedForwardNorm))

        // x += feedForward(h), likewise
        expand(layer.feedForward)
        then(contraction(layer.feedForward))
        operations.append(.add(.feedForward, layer.feedForwardPostNorm))
        normalizeSum(layer.sumNorms?.feedForward)
      } else {
        // x += mixer(h) + feedForward(h), each with an h of its own where there are two norms
        expand(layer.feedForward, isLast: layer.feedForwardNorm != nil)
        if layer.feedForwardNorm != nil { then(.normalize(layer.mixerNorm)) }
        mix(layer.mixer, beside: contraction(layer.feedForward))
        operations += [.add(.mixer, layer.mixerPostNorm), .add(.feedForward, layer.feedForwardPostNorm)]
      }

      // h = norm(x) for what comes next
      then(index < last ? .normalize(layers[index + 1].inputNorm) : .normalizeWanted(model.outputNorm))
    }
    // logits = Wout h
    then(.predict(model.output))
    layerStarts.append(operations.count)
    precondition(operations.count <= Self.longest(layerCount: layers.count))
  }

  private mutating func normalizeSum(_ norm: Norm?) {
    if let norm { operations.append(.normalizeSum(norm)) }
  }

  /// A mixer up to its product with the output matrix, beside which another operation has room.
  private mutating func mix(_ mixer: Mixer, beside other: Operation? = nil) {
    switch mixer {
    case .attention(let attention):
      then(.projectHeads(attention))
      if attention.norms == .vectors { then(.turnHeads(attention)) }
      then(.attend(attention))
      then(.combine(attention))
      operations.append(.mix(attention.output))
    case .latent(let latent):
      then(.lower(latent))
      then(.compress(latent))
      then(.projectQueries(latent))
      then(.absorb(latent))
      then(.attendLatents(latent))
      then(.combineLatents(latent))
      then(.expandValues(latent))
      then(.round(latent))
      operations.append(.mix(latent.output))
    case .convolution(let convolution):
      then(.projectGates(convolution))
      then(.convolve(convolution))
      operations.append(.mix(convolution.output))
    }
    if let other { operations.append(other) }
    operations.append(.barrier)
  }

  /// A feed-forward up to its last product.
  ///
  /// - Parameter isLast: Whether what follows reads or writes what this does.
  private mutating func expand(_ feedForward: FeedForward, isLast: Bool = true) {
    guard case .mixture(let mixture) = feedForward else {
      operations.append(.expand(feedForward))
      if isLast { operations.append(.barrier) }
      return
    }
    then(.route(mixture))
    if let shared = mixture.shared {
      then(.choose(mixture), .expand(shared.feedForward))
      then(.gather(mixture), contraction(shared.feedForward))
    } else {
      then(.choose(mixture))
      then(.gather(mixture))
    }
    then(.expandExperts(mixture))
  }

  /// The last product of a feed-forward.
  private func contraction(_ feedForward: FeedForward) -> Operation {
    switch feedForward {
    case .gated(_, _, let down), .plain(_, let down, _): .contract(down)
    case .mixture(let mixture): .contractExperts(mixture)
    }
  }

  /// Operations, and a barrier behind them.
  private mutating func then(_ next: Operation...) {
    operations += next
    operations.append(.barrier)
  }

  /// The operations of some layers; with the last one those that lead to the logits.
  func operations(ofLayers range: Range<Int>) -> Range<Int> {
    layerStarts[range.lowerBound]..<layerStarts[range.upperBound]
  }
}

/// The formats of the matrices that read each vector of a pass.
struct InputFormats {
  /// The normalized residual stream.
  var input: [TensorFormat] = []
  /// What a mixer's output matrix reads.
  var mixed: [TensorFormat] = []
  /// What queries of latent attention are made of.
  var lowered: [TensorFormat] = []
  /// What its heads' own matrices read.
  var heads: [TensorFormat] = []
  /// What the feed-forward's second matrix reads.
  var hidden: [TensorFormat] = []
  /// What the experts' second matrices read.
  var expertHidden: [TensorFormat] = []
}

extension InputFormats {
  fileprivate mutating func add(_ feedForward: FeedForward) {
    switch feedForward {
    case .gated(let gate, let up, let down):
      input += [gate.weight.format, up.weight.format]
      hidden.append(down.weight.format)
    case .plain(let up, let down, _):
      input.append(up.weight.format)
      hidden.append(down.weight.format)
    case .mixture(let mixture):
      input += [mixture.router, mixture.gate, mixture.up].map { $0.weight.format }
      expertHidden.append(mixture.down.weight.format)
      if let shared = mixture.shared { add(shared.feedForward) }
    }
  }
}

extension LanguageModel {
  var inputFormats: InputFormats {
    var formats = InputFormats(input: [output.weight.format])
    for layer in layers {
      switch layer.mixer {
      case .attention(let attention):
        formats.input += [attention.query, attention.key, attention.value].map { $0.weight.format }
        formats.mixed.append(attention.output.weight.format)
      case .latent(let latent):
        formats.input += [latent.latent, latent.queryDown ?? latent.query].map { $0.weight.format }
        formats.lowered.append(latent.query.weight.format)
        formats.heads += [latent.key(0).matrix, latent.value(0)].map { $0.weight.format }
        formats.mixed.append(latent.output.weight.format)
      case .convolution(let convolution):
        formats.input.append(convolution.input.weight.format)
        formats.mixed.append(convolution.output.weight.format)
      }
      formats.add(layer.feedForward)
    }
    return formats
  }
}
