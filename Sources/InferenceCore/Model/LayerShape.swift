import CKernels

/// The sizes and constants of one layer, from the header alone.
struct LayerShape: Sendable {
  enum Mixer: Sendable {
    case attention(AttentionShape)
    case latent(LatentShape)
    case convolution(ConvolutionShape)

    /// Elements that its output matrix reads.
    var width: Int {
      switch self {
      case .attention(let shape): shape.attendedWidth
      case .latent(let shape): shape.headCount * shape.valueLength
      case .convolution(let shape): shape.channels
      }
    }
  }

  let mixer: Mixer
  /// Elements between the feed-forward's two products; beside experts of the one that is shared, or 0.
  let feedForwardLength: Int
  let experts: ExpertShape?
  var curve: XIELU? = nil
}

/// The parameters of a layer's activation, which grows like a square above zero and like an exponential below (Huang and
/// Schlag 2024).
struct XIELU: Sendable {
  /// What x² and exp(min(x, limit)) - 1 - x are multiplied by.
  let positive: Float
  let negative: Float
  let slope: Float
  let limit: Float
}

/// The sizes of a mixture of experts.
struct ExpertShape: Sendable {
  let count: Int
  /// How many of them a token goes through.
  let used: Int
  /// Elements between an expert's two products.
  let length: Int
  let routing: ExpertRouting
}

/// How experts are chosen by a router's logits, and what becomes of these.
struct ExpertRouting: Sendable {
  enum Scores: Int, Sendable {
    /// A softmax over all experts (Shazeer et al. 2017).
    case softmax = 1
    /// Each expert's sigmoid (DeepSeek-AI 2024).
    case sigmoid
    /// A softmax over those that were chosen (OpenAI 2025).
    case softmaxOfChosen
  }
  var scores = Scores.softmax
  /// Whether the weights of the chosen ones are made to add up to one.
  var isNormalized = false
  /// What the weights are multiplied by.
  var scale: Float = 1
  /// Experts stand in groups, of which only the best are chosen from.
  var groups = (count: 1, used: 1)
}

/// The sizes of one layer's attention.
struct AttentionShape: Sendable {
  let headCount: Int
  /// Heads of keys and values, each shared by `headCount / keyValueHeadCount` query heads (Ainslie et al. 2023).
  let keyValueHeadCount: Int
  /// Elements of one query or key head.
  let keyLength: Int
  /// Elements of one value head.
  let valueLength: Int
  /// Positions a query sees, its own included, or on each of its sides; 0: all.
  let window: Int
  /// A query sees what is behind it too.
  let isBidirectional: Bool
  /// Scores fall with the distance, by ``slope(ofHead:)``.
  let hasLinearBiases: Bool
  /// What a query's product with a key is multiplied by.
  let scale: Float
  /// What scores are bounded to, by `cap * tanh(score / cap)`; 0: not bounded.
  let softCap: Float
  let rotary: RotaryShape
  let temperature: Temperature

  /// Elements of all query heads, all key heads, all value heads, and of what attention gives.
  var queryWidth: Int { headCount * keyLength }
  var keyWidth: Int { keyValueHeadCount * keyLength }
  var valueWidth: Int { keyValueHeadCount * valueLength }
  var attendedWidth: Int { headCount * valueLength }

  /// Most heads of a group: of one token more would be too few pieces of work.
  static let headsTogether = 16

  /// Query heads that share a head of keys and values, in groups that are attended together.
  var groups: (count: Int, size: Int) {
    let sharing = headCount / keyValueHeadCount
    let size = hasLinearBiases ? 1 : min(sharing, Self.headsTogether)
    return ((sharing + size - 1) / size, size)
  }
}

extension AttentionShape {
  /// What a score loses for each position between query and key: 2^(-8 (h + 1) / n), and for heads beyond the last power of
  /// two the values between those of twice as many (Press et al. 2022).
  func slope(ofHead head: Int) -> Float {
    guard hasLinearBiases else { return 0 }
    var power = 1
    while power * 2 <= headCount { power *= 2 }
    let exponent = head < power ? -8 * Double(head + 1) : -4 * Double(2 * (head - power) + 1)
    return Float(ck_pow(2, exponent / Double(power)))
  }
}

/// How much queries grow with their position p, so that attention stays sharp over long contexts (Nakanishi 2025):
/// 1 + scale * ln(1 + ⌊p / length⌋).
struct Temperature: Sendable {
  /// 0: they stay as they are.
  var scale: Float = 0
  var length = 1

  func factor(at position: Int) -> Float {
    scale == 0 ? 1 : 1 + scale * ck_logf(1 + Float(position / length))
  }
}

/// How the heads of a layer are turned by their position (Su et al. 2021).
struct RotaryShape: Equatable, Sendable {
  /// Elements of a head that are rotated, from its first.
  let dimensions: Int
  let base: Double
  let scaling: RotaryScaling
}

/// How rotations are changed so that a model attends over more tokens than it was first trained on.
struct RotaryScaling: Equatable {
  /// What positions are multiplied by (Chen et al. 2023).
  var position = 1.0
  /// What the turned elements are multiplied by.
  var magnitude = 1.0
  /// What all scores are multiplied by, where also what is not turned is.
  var scores = 1.0
  /// The pairs from the last that keeps its speed to the first that has all of the scaling (Peng et al. 2023); nil: all
  /// have it.
  var ramp: (first: Double, last: Double)?

  static let none = RotaryScaling()

  static func == (a: RotaryScaling, b: RotaryScaling) -> Bool {
    a.position == b.position && a.magnitude == b.magnitude && a.ramp?.first == b.ramp?.first
      && a.ramp?.last == b.ramp?.last
  }

  /// How much of the scaling a pair has, from 0 to 1.
  func share(ofPair pair: Int) -> Double {
    guard let ramp else { return 1 }
    return min(max((Double(pair) - ramp.first) / max(ramp.last - ramp.first, 0.001), 0), 1)
  }
}

/// The sizes of a gated short convolution (LFM2, Liquid AI 2025).
struct ConvolutionShape: Sendable {
  let channels: Int
  /// Tokens that one output sees, its own included.
  let length: Int

  /// Floats that a sequence keeps from one token to the next: what went into the convolution of the last ones.
  var stateCount: Int { (length - 1) * channels }
}
