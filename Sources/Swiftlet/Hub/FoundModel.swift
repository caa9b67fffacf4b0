import InferenceCore

/// A repository that a search has found, with what its files mean for this machine.
public struct FoundModel: Sendable, Equatable {
  /// `org/repo`.
  public var name: String
  public var downloads: Int
  public var license: String?
  /// Whether its makers ask for an agreement first.
  public var isGated: Bool
  /// GGUF's `general.architecture`, where the hub or a file's header tells.
  public var architecture: String?
  /// Tokens that it was trained for.
  public var contextLength: Int?
  public var parameters: UInt64?
  /// What it is, when it is no language model.
  public var foreign: String?
  /// Its models, sorted by size; none where the hub does not list them.
  public var files: [FoundFile]

  /// Whether the engine has its architecture; nil when nobody tells.
  public var runs: Bool? {
    if foreign != nil { return false }
    return architecture.map { name in LanguageModel.architectures.contains { "\($0)" == name } }
  }
}

/// A file of a repository, or the parts of a split one.
public struct FoundFile: Sendable, Equatable {
  /// By which it is pulled: `org/repo:QUANT`, or with the path in the place of the quantization where several have it.
  public var name: String
  /// Of the first part.
  public var path: String
  public var quantization: String?
  /// How many files it is in.
  public var parts: Int
  /// Bytes of all parts; nil when the hub does not tell.
  public var size: UInt64?
  /// Bytes of memory with the keys and values of the context that was asked for.
  public var memory: UInt64?
  /// Whether that is less than this machine has.
  public var fits: Bool?
  /// Whether the engine computes with such weights, as far as the name tells.
  public var runs: Bool

  /// Whether the engine has formats of this family: `Q4_K_M` has those of `Q4`.
  static func runs(_ quantization: String?) -> Bool {
    guard var name = quantization?.uppercased() else { return true }
    if name.hasPrefix("UD-") { name.removeFirst(3) }
    let family = name.prefix { $0 != "_" }
    // Once there were repacked formats.
    return name.wholeMatch(of: /Q4_0_\d.*/) == nil
      && TensorFormat.allCases.contains { "\($0.name)".uppercased().prefix { $0 != "_" } == family }
  }
}
