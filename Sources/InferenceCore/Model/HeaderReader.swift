import CKernels

/// Reads an architecture's keys (`llama.block_count` and so on) with their bounds.
struct HeaderReader {
  let file: GGUFFile
  /// The architecture's name, which its keys begin with: UTF-8.
  let prefix: [UInt8]
  let traits: Architecture

  init(_ file: GGUFFile) throws(ModelError) {
    self.file = file
    if let reason = ForeignFile.reason(file) {
      throw ModelError(.unsupported, "The file is no language model. \(reason)")
    }
    guard let name = try gguf({ () throws(GGUFError) in try file.string("general.architecture") }) else {
      throw ModelError(.missing, "The file does not say its architecture: the key general.architecture is absent.")
    }
    prefix = Array(name)
    traits = try Architecture.named(name)
  }

  /// A count of at least 1; a default of 0 may stay 0.
  func count(_ suffix: StaticString, upTo limit: Int, default standard: Int? = nil) throws(ModelError) -> Int {
    let key = GGUFKey(prefix: prefix, suffix)
    guard let value = try gguf({ () throws(GGUFError) in try file.uint(key) }) else {
      if let standard { return standard }
      throw ModelError(.missing, "The key \(name(suffix)) is absent.")
    }
    guard value >= 1 || standard == 0, value <= UInt64(limit) else {
      throw invalid("\(name(suffix)) to be from 1 to \(limit), found \(value)")
    }
    return Int(value)
  }

  /// A count for each layer: an array of as many, or one number for all.
  func counts(
    _ suffix: StaticString, perLayer layers: Int, from lowest: Int, upTo limit: Int, default standard: Int
  ) throws(ModelError) -> [Int] {
    let key = GGUFKey(prefix: prefix, suffix)
    guard case .array = file.entry(key)?.value else {
      return Array(repeating: try count(suffix, upTo: limit, default: standard), count: layers)
    }
    let array = try gguf { () throws(GGUFError) in try file.array(key, of: .integers) }
    guard let array, array.count == layers else {
      throw invalid("\(name(suffix)) to have \(layers) numbers, one for each layer, found \(array?.count ?? 0)")
    }
    var counts: [Int] = []
    for index in 0..<layers {
      let value = array.int(at: index)
      guard value >= Int64(lowest), value <= Int64(limit) else {
        throw invalid("\(name(suffix)) to be from \(lowest) to \(limit), found \(value) for layer \(index)")
      }
      counts.append(Int(value))
    }
    return counts
  }

  /// A number for each layer: an array of as many, or one for all.
  private func numbers(_ key: StaticString, perLayer layers: Int) throws(ModelError) -> [Double] {
    guard let entry = file.entry(GGUFKey(stringLiteral: key)) else {
      throw ModelError(.missing, "The key \(key) is absent.")
    }
    var numbers: [Double] = []
    switch entry.value {
    case .float(let value): numbers = Array(repeating: value, count: layers)
    case .array(let array) where array.count == layers: numbers = (0..<layers).map { array.float(at: $0) }
    default: break
    }
    guard numbers.count == layers, numbers.allSatisfy({ Float($0).isFinite }) else {
      throw invalid("\(key) to have \(layers) finite numbers, one for each layer")
    }
    return numbers
  }

  /// The curve of each layer's activation.
  func curves(_ layers: Int) throws(ModelError) -> [XIELU] {
    /// ln(1 + eˣ), which keeps trained numbers above zero.
    func positive(_ x: Double) -> Double { x > 20 ? x : ck_log(1 + ck_pow(2.718281828459045, x)) }
    let (above, below) = (
      try numbers("xielu.alpha_p", perLayer: layers), try numbers("xielu.alpha_n", perLayer: layers)
    )
    let (slopes, limits) = (try numbers("xielu.beta", perLayer: layers), try numbers("xielu.eps", perLayer: layers))
    return (0..<layers).map { layer in
      XIELU(
        positive: Float(positive(above[layer])), negative: Float(slopes[layer] + positive(below[layer])),
        slope: Float(slopes[layer]), limit: Float(limits[layer]))
    }
  }

  /// A number above zero, or from a lowest on, that single precision has too.
  func number(
    _ suffix: StaticString, default standard: Double, from lowest: Double? = nil
  ) throws(ModelError) -> Double {
    let key = GGUFKey(prefix: prefix, suffix)
    guard let value = try gguf({ () throws(GGUFError) in try file.float(key) }) else { return standard }
    guard Float(value).isFinite, lowest.map({ value >= $0 }) ?? (Float(value) > 0) else {
      let found = String(decoding: DecimalConversion.text(value), as: UTF8.self)
      throw invalid(
        "\(name(suffix)) to be a number \(lowest == nil ? "above" : "from") zero within single precision, found \(found)"
      )
    }
    return value
  }

  /// What follows from several numbers, where single precision has it.
  func single(_ value: Double, _ meaning: StaticString, of suffix: StaticString) throws(ModelError) -> Float {
    guard Float(value).isFinite else {
      throw invalid("\(name(suffix)) to give \(meaning) within single precision, with the header's other numbers")
    }
    return Float(value)
  }

  /// True or false.
  func flag(_ suffix: StaticString, default standard: Bool) throws(ModelError) -> Bool {
    guard let entry = file.entry(GGUFKey(prefix: prefix, suffix)) else { return standard }
    guard case .bool(let value) = entry.value else { throw invalid("\(name(suffix)) to be true or false") }
    return value
  }

  /// What embeddings, branches and logits are multiplied by.
  func scales(
    embeddingLength: Int, layerCount: Int
  ) throws(ModelError) -> (embedding: Double, branch: Double, logit: Double) {
    let width = Double(embeddingLength)
    var scales = (embedding: traits.scalesEmbeddings ? width.squareRoot() : 1, branch: 1.0, logit: 1.0)
    let isOld = traits.scales == .miniCPM
    if traits.scales != .none {
      scales.embedding = try number(".embedding_scale", default: isOld ? 12 : 1)
      scales.branch = try number(".residual_scale", default: isOld ? 1.4 / Double(layerCount).squareRoot() : 1)
    }
    switch traits.logitScale {
    case .none: break
    case .multiplies: scales.logit = try number(".logit_scale", default: 1)
    case .divides: scales.logit = 1 / (try number(".logit_scale", default: isOld ? width / 256 : 1))
    }
    return scales
  }

  /// The kind of scaling that rotations have.
  private func rotaryScalingKind() throws(ModelError) -> [UInt8] {
    let key = GGUFKey(prefix: prefix, ".rope.scaling.type")
    let kind = try gguf { () throws(GGUFError) in try file.string(key) }
    return kind.map { Array($0) } ?? Array("linear".utf8)
  }

  /// Whether rotations are scaled by tensors of factors for short and for long contexts.
  func hasRotaryFactors() throws(ModelError) -> Bool { try rotaryScalingKind() == Array("longrope".utf8) }

  /// How rotations are scaled by the header's keys; its tensors of factors come on top.
  func rotaryScaling(dimensions: Int, base: Double) throws(ModelError) -> RotaryScaling {
    var scaling = RotaryScaling()
    let kind = try rotaryScalingKind()
    scaling.magnitude = try number(".rope.scaling.attn_factor", default: 1)
    if kind == Array("none".utf8) { return scaling }
    let factor = try number(".rope.scaling.factor", default: try number(".rope.scale_linear", default: 1))
    scaling.position = 1 / factor
    if kind == Array("linear".utf8) || kind == Array("longrope".utf8) { return scaling }
    guard kind == Array("yarn".utf8) else {
      let found = String(decoding: kind.prefix(64), as: UTF8.self)
      throw ModelError(
        .unsupported, "The rotary scaling is \(found); known here are none, linear, yarn, longrope and factors.")
    }
    let original = Double(try originalContextLength())
    /// The pair that makes so many turns over the original context.
    func pair(turns: Double) -> Double {
      Double(dimensions) * ck_log(original / (turns * 2 * Double.pi)) / (2 * ck_log(base))
    }
    let fast = pair(turns: try number(".rope.scaling.yarn_beta_fast", default: 32))
    let slow = pair(turns: try number(".rope.scaling.yarn_beta_slow", default: 1))
    scaling.ramp = (max(0, fast.rounded(.down)), min(Double(dimensions - 1), slow.rounded(.up)))
    /// What a factor makes of the scores' size, as far as a multiplier lets it.
    func growth(_ multiplier: Double) -> Double { factor > 1 ? 1 + 0.1 * multiplier * ck_log(factor) : 1 }
    scaling.magnitude *= growth(1)
    if traits.hasTemperature {
      scaling.magnitude /= growth(try number(".rope.scaling.yarn_log_multiplier", default: 0, from: 0))
    }
    if traits.hasLatents {
      // As converters write it, a tenth of what the training multiplied by. With it turned elements keep their size, since all do.
      let multiplier = 10 * (try number(".rope.scaling.yarn_log_multiplier", default: 0, from: 0))
      if multiplier > 0 { scaling.magnitude /= growth(1) }
      let size = scaling.magnitude * growth(multiplier)
      scaling.scores = size * size
    }
    scaling.magnitude = Double(try single(scaling.magnitude, "a size of turned heads", of: ".rope.scaling.attn_factor"))
    return scaling
  }

  /// How the file says that vectors of tokens become one: nil where it says nothing of that, or that they do not.
  func pooling() throws(ModelError) -> Pooling? {
    let key = GGUFKey(prefix: prefix, ".pooling_type")
    guard let number = try gguf({ () throws(GGUFError) in try file.uint(key) }), number > 0 else { return nil }
    guard let pooling = UInt8(exactly: number).flatMap(Pooling.init(rawValue:)) else {
      throw ModelError(.unsupported, "The file pools tokens in the way \(number); known here are 0 (none) to 4 (rank).")
    }
    return pooling
  }

  /// How heads of such lengths attend to latent vectors.
  func latent(of heads: AttentionShape) throws(ModelError) -> LatentShape {
    let rank = try count(".attention.kv_lora_rank", upTo: 4096)
    let turned = heads.rotary.dimensions
    guard turned < heads.keyLength else {
      throw invalid("fewer turned elements than a head's \(heads.keyLength), found \(turned)")
    }
    let attention = AttentionShape(
      headCount: heads.headCount, keyValueHeadCount: 1, keyLength: rank + turned, valueLength: rank, window: 0,
      isBidirectional: false, hasLinearBiases: false, scale: heads.scale * Float(heads.rotary.scaling.scores),
      softCap: 0, rotary: heads.rotary,
      temperature: heads.temperature)
    return LatentShape(
      attention: attention, plainLength: heads.keyLength - turned, valueLength: heads.valueLength,
      queryRank: try count(".attention.q_lora_rank", upTo: 1 << 16, default: 0))
  }

  func temperature() throws(ModelError) -> Temperature {
    Temperature(
      scale: Float(try number(".attention.temperature_scale", default: 0, from: 0)),
      length: try count(".attention.temperature_length", upTo: 1 << 24, default: try originalContextLength()))
  }

  /// How experts are chosen: as the architecture does, unless the header says otherwise.
  func routing(_ own: ExpertRouting, experts: (count: Int, used: Int)) throws(ModelError) -> ExpertRouting {
    var routing = own
    let kind = try count(".expert_gating_func", upTo: 1 << 16, default: 0)
    if kind > 0 {
      guard let scores = ExpertRouting.Scores(rawValue: kind) else {
        throw ModelError(
          .unsupported,
          "The key \(name(".expert_gating_func")) is \(kind); known here are 1 (a softmax), 2 (sigmoids) and 3 (a softmax of "
            + "the chosen).")
      }
      routing.scores = scores
    }
    routing.isNormalized = try flag(".expert_weights_norm", default: own.isNormalized)
    let scale = Float(try number(".expert_weights_scale", default: 0, from: 0))
    if scale > 0 { routing.scale = scale }
    let groups = try count(".expert_group_count", upTo: 1024, default: 0)
    guard groups > 1 else { return routing }
    let used = try count(".expert_group_used_count", upTo: groups, default: groups)
    guard experts.count % groups == 0, experts.count >= 2 * groups, experts.used <= experts.count / groups * used else {
      throw invalid(
        "\(groups) groups of 2 and more experts, and \(experts.used) of a token in \(used) of them, found "
          + "\(experts.count) experts")
    }
    routing.groups = (groups, used)
    return routing
  }

  /// By layer, whether it has a window: as the header says, or in the architecture's order.
  func windowedLayers(_ layers: Int) throws(ModelError) -> [Bool] {
    guard traits.globalLayerPeriod > 0 else { return Array(repeating: false, count: layers) }
    let key: StaticString = ".attention.sliding_window_pattern"
    guard case .array(let array) = file.entry(GGUFKey(prefix: prefix, key))?.value else {
      let period = try count(key, upTo: 1024, default: traits.globalLayerPeriod)
      return (0..<layers).map { $0 % period != (traits.globalLayersComeFirst ? 0 : period - 1) }
    }
    guard array.count == layers, array.elementType.byteCount != nil else {
      throw invalid("\(name(key)) to say of \(layers) layers whether they have a window, found \(array.count) values")
    }
    return (0..<layers).map { array.int(at: $0) != 0 }
  }

  /// Tokens that the model attended over before its context was lengthened.
  func originalContextLength() throws(ModelError) -> Int {
    let trained = try count(".context_length", upTo: 1 << 24)
    return try count(".rope.scaling.original_context_length", upTo: 1 << 24, default: trained)
  }

  func invalid(_ expectation: String) -> ModelError {
    ModelError(.invalid, "The header contradicts itself: expected \(expectation).")
  }

  private func name(_ suffix: StaticString) -> String {
    String(decoding: prefix, as: UTF8.self) + "\(suffix)"
  }
}

/// Runs a read of the header, giving its error as the model's.
func gguf<Value>(_ read: () throws(GGUFError) -> Value) throws(ModelError) -> Value {
  do throws(GGUFError) {
    return try read()
  } catch {
    throw ModelError(error)
  }
}
