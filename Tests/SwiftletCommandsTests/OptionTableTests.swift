import ArgumentParser
import Foundation
import InferenceCore
import SwiftletCommands
import Testing
import WorkerCore

/// Options are written in several places: types, terminal, frames, JavaScript. One table holds all of them together, this
/// side of it here and the other in `Tests/Web/options.test.mjs`.
@Suite struct OptionTableTests {
  struct Option: Decodable {
    var name: String
    var terminal: String?
    var sampling: Bool?
  }
  struct Table: Decodable {
    var generation: [Option]
    var load: [Option]
  }

  private static func table() throws -> Table {
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/options.json")
    return try JSONDecoder().decode(Table.self, from: Data(contentsOf: url))
  }

  private static func help(_ command: String) -> String {
    let found = SwiftletCommand.configuration.subcommands.first { $0._commandName == command }
    return found.map { SwiftletCommand.helpMessage(for: $0) } ?? ""
  }

  private static func fields(_ value: Any) -> Set<String> {
    Set(Mirror(reflecting: value).children.compactMap(\.label))
  }

  @Test func typesHaveTheOptionsOfTheTable() throws {
    let table = try Self.table()
    #expect(Self.fields(GenerationOptions()) == Set(table.generation.map(\.name)))
    #expect(Self.fields(LoadCommand(model: "")) == Set(table.load.map(\.name) + ["model"]))
    let sampling = table.generation.filter { $0.sampling == true }.map(\.name)
    #expect(Self.fields(SamplingOptions()).subtracting(["topLogprobs"]) == Set(sampling))
  }

  @Test func theTerminalHasTheOptionsOfTheTable() throws {
    let table = try Self.table()
    let flags = Set((table.generation + table.load).compactMap(\.terminal))
    for command in ["run", "chat"] {
      let help = Self.help(command)
      for flag in flags { #expect(help.contains(flag), "\(flag)") }
    }
    // And none that the table lacks.
    let arguments = Self.fields(GenerationArguments()).union(Self.fields(LoadArguments()))
    #expect(arguments.count == flags.count)
  }

  @Test func whatTheTerminalIsToldReachesTheEngine() throws {
    let table = try Self.table()
    let plain = try GenerationArguments.parse([]).options
    for option in table.generation {
      guard let flag = option.terminal else { continue }
      let value: [String] = flag.hasPrefix("--no-") ? [] : ["1"]
      let options = try GenerationArguments.parse([flag] + value).options
      #expect(options != plain, "\(flag)")
      let changed = zip(Mirror(reflecting: options).children, Mirror(reflecting: plain).children)
        .filter { "\($0.value)" != "\($1.value)" }.compactMap { $0.0.label }
      #expect(changed == [option.name], "\(flag)")
    }
  }
}
