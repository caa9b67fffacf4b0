/// How much a model asks of a device, and gives.
public enum ModelTier: UInt8, CaseIterable, Sendable {
  case quick = 0
  case smart = 1
  case genius = 2
  /// Only by its own id.
  case other = 3

  public var name: StaticString {
    switch self {
    case .quick: "quick"
    case .smart: "smart"
    case .genius: "genius"
    case .other: "other"
    }
  }
}

/// A place to get a model from.
public enum ModelSource: Equatable, Sendable {
  /// A file of a repository on the hub. `revision` is a commit or a branch.
  case hub(repository: String, revision: String, file: String)
  /// A member of a Python package's wheel.
  case pythonPackage(name: String, version: String, member: String)
}

/// A model that Swiftlet knows by name.
public struct CatalogModel: Equatable, Sendable {
  /// Stable; also the name in the HTTP API.
  public var id: String
  /// For people.
  public var name: String
  public var tier: ModelTier
  /// One sentence about what it is good for.
  public var description: String
  /// Number of weights.
  public var parameters: UInt64
  public var quantization: String
  /// File name, unique in the catalog.
  public var file: String
  public var fileSize: UInt64
  /// Lower-case hex; nil where only the hub's headers tell.
  public var sha256: String?
  /// Tokens that the model was trained for.
  public var contextLength: Int
  /// Tokens of context when a load does not say.
  public var defaultContextLength: Int
  /// Bytes that a loaded model needs whatever its context: weights and scratch.
  public var memoryBase: UInt64
  /// Bytes of key-value cache for each token of context: layers × key-value dimensions × 2 (keys, values) × 2 (F16).
  public var memoryPerToken: UInt64
  /// SPDX identifier, or the license's name.
  public var license: String
  /// In the order to try.
  public var sources: [ModelSource]
  /// What its makers recommend.
  public var temperature: Float
  public var topP: Float

  public init(
    id: String, name: String, tier: ModelTier, description: String, parameters: UInt64, quantization: String,
    file: String, fileSize: UInt64, sha256: String?, contextLength: Int, defaultContextLength: Int, memoryBase: UInt64,
    memoryPerToken: UInt64, license: String, sources: [ModelSource], temperature: Float, topP: Float
  ) {
    self.id = id
    self.name = name
    self.tier = tier
    self.description = description
    self.parameters = parameters
    self.quantization = quantization
    self.file = file
    self.fileSize = fileSize
    self.sha256 = sha256
    self.contextLength = contextLength
    self.defaultContextLength = defaultContextLength
    self.memoryBase = memoryBase
    self.memoryPerToken = memoryPerToken
    self.license = license
    self.sources = sources
    self.temperature = temperature
    self.topP = topP
  }

  /// Bytes that the model needs when loaded with this context.
  public func memoryNeed(contextLength: Int) -> UInt64 {
    memoryBase + memoryPerToken * UInt64(max(0, contextLength))
  }
}
