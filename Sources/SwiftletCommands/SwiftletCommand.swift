import ArgumentParser
import Foundation

/// The `swiftlet` command.
public struct SwiftletCommand: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "swiftlet", abstract: "Language models on your own machine.",
    subcommands: [
      ChatCommand.self, RunCommand.self, ServeCommand.self, SearchCommand.self, PullCommand.self, ListCommand.self,
      RemoveCommand.self,
      ShowCommand.self,
      EmbedLinesCommand.self, TokenizeTextCommand.self, TemplateCommand.self, BenchCommand.self, PerplexityCommand.self,
    ])

  public init() {}

  /// Parses the program's arguments, runs the command they name, and ends the program: 0 when all went well, 64 when the
  /// arguments are wrong, 1 with one paragraph on standard error for everything else.
  public static func main() async {
    var command: any ParsableCommand
    do {
      command = try parseAsRoot()
    } catch {
      exit(withError: error)
    }
    do {
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch let error as SilentExit {
      Foundation.exit(error.code)
    } catch let error where exitCode(for: error) != .failure {
      // Help that was asked for, and wrong arguments.
      exit(withError: error)
    } catch {
      Terminal.writeError("swiftlet: \(message(for: error))\n")
      Foundation.exit(1)
    }
  }
}
