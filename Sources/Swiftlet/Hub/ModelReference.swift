import Foundation
import WorkerCore

/// The kinds of names that a user may give for a model.
enum ModelReference: Equatable {
  case path(String)
  case catalog(CatalogModel)
  case repository(name: String, quantization: String?)

  /// - Throws: ``DownloadError/unknownModel(name:)``.
  init(_ name: String) throws(DownloadError) {
    let text = name.trimmingCharacters(in: .whitespaces)
    if Self.looksLikePath(text) {
      self = .path(NSString(string: text).expandingTildeInPath)
    } else if let model = ModelCatalog.find(text) {
      self = .catalog(model)
    } else if let match = text.wholeMatch(of: /([\w.-]+\/[\w.-]+?)(?::([\w.\/-]+))?/), Self.isRepository(match.1) {
      self = .repository(name: String(match.1), quantization: match.2.map(String.init))
    } else if FileManager.default.fileExists(atPath: text) {
      self = .path(text)
    } else {
      throw .unknownModel(name: name)
    }
  }

  private static func looksLikePath(_ text: String) -> Bool {
    if ["/", "./", "../", "~"].contains(where: text.hasPrefix) { return true }
    return text.lowercased().hasSuffix(".gguf") && !text.contains(":")
      && (FileManager.default.fileExists(atPath: text) || ModelCatalog.find(text) == nil)
  }

  private static func isRepository(_ text: Substring) -> Bool {
    text.split(separator: "/").allSatisfy { String($0).isPlainName && !$0.contains("--") }
  }
}
