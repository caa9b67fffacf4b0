import ArgumentParser

/// The `swiftlet` command.
public struct SwiftletCommand: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "swiftlet", abstract: "Language models on your own machine.")
  public init() {}
}
