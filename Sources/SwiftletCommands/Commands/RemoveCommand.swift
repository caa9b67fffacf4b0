import ArgumentParser
import Foundation
import Swiftlet

/// `swiftlet rm`: removes a downloaded model.
struct RemoveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove a downloaded model from the disk.",
    discussion: "Only what is in the cache is removed; a file given by its path is the user's own.")

  @Argument(help: "Names as `swiftlet list` shows them, tiers, or org/repo[:quant].")
  var models: [String]

  func run() async throws {
    let cache = HubCache(directory: HubConfiguration().cacheDirectory)
    for model in models {
      for removed in try cache.remove(model) {
        Terminal.write("Removed \(removed.name), \(Format.bytes(Int(clamping: removed.size))).\n")
      }
    }
  }
}
