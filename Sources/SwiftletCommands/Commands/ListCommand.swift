import ArgumentParser
import Foundation
import Swiftlet
import WorkerCore

/// `swiftlet list`: what is in the catalog and what is on the disk.
struct ListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the models of the catalog and those on this machine.")

  @Flag(help: "Print one JSON array.")
  var json = false

  func run() async throws {
    let cached = HubCache(directory: HubConfiguration().cacheDirectory).models()
    let models = ListedModel.all(catalog: ModelCatalog.models, cached: cached)
    if json { return try JSONOutput.print(models) }
    let header = ["NAME", "TIER", "SIZE", "MEMORY", "ON THIS MACHINE"]
    Terminal.write(Format.table([header] + models.map(\.row), rightAligned: [2, 3]))
  }
}

/// One line of `swiftlet list`.
struct ListedModel: Encodable {
  enum Status: String, Encodable {
    case downloaded, partial, available
  }

  let name: String
  let tier: String?
  let title: String?
  let description: String?
  let license: String?
  let bytes: UInt64
  /// Bytes needed with the usual context; nil where only the file tells.
  let memoryBytes: UInt64?
  let status: Status
  let downloadedBytes: UInt64
  let files: [String]

  enum CodingKeys: String, CodingKey {
    case name, tier, title, description, license, bytes, status, files
    case memoryBytes = "memory_bytes"
    case downloadedBytes = "downloaded_bytes"
  }

  /// The catalog first, in its order, then what else is cached.
  static func all(catalog: [CatalogModel], cached: [CachedModel]) -> [ListedModel] {
    let known = catalog.map { entry in
      ListedModel(entry, cached.first { $0.name == entry.id && $0.isComplete } ?? cached.first { $0.name == entry.id })
    }
    let ids = Set(catalog.map(\.id))
    return known + cached.filter { !ids.contains($0.name) }.map { ListedModel(nil, $0, name: $0.name) }
  }

  private init(_ entry: CatalogModel?, _ cached: CachedModel?, name: String? = nil) {
    self.name = entry?.id ?? name ?? ""
    tier = entry.flatMap { $0.tier == .other ? nil : $0.tier.name.description }
    title = entry?.name
    description = entry?.description
    license = entry?.license
    bytes = entry?.fileSize ?? cached?.size ?? 0
    memoryBytes = entry.map { $0.memoryNeed(contextLength: $0.defaultContextLength) }
    status = cached.map { $0.isComplete ? .downloaded : .partial } ?? .available
    downloadedBytes = cached?.size ?? 0
    files = cached.map { $0.files.map(\.path) } ?? []
  }

  var row: [String] {
    let state =
      switch status {
      case .downloaded: "yes"
      case .partial: "in part, \(Format.bytes(Int(clamping: downloadedBytes)))"
      case .available: "no"
      }
    let memory = memoryBytes.map { Format.bytes(Int(clamping: $0)) } ?? ""
    return [name, tier ?? "", Format.bytes(Int(clamping: bytes)), memory, state]
  }
}
