import ArgumentParser
import Foundation
import Swiftlet

/// `swiftlet pull`: fetches a model without loading it.
struct PullCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Download a model.",
    discussion: """
      Prints the paths of its files. An interrupted download goes on where it stopped. HF_ENDPOINT, HF_TOKEN, HF_HOME, \
      HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean to the hub's own tools, and the cache is shared with them.
      """)

  @Argument(help: ModelArgument.help)
  var model: String

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Output: Encodable {
    let model: String
    let files: [String]
    let bytes: UInt64
  }

  func run() async throws {
    let bar = ProgressBar()
    let download = Task { [model] in
      let plan = try await ModelResolver().resolve(model)
      return (plan, try await ModelDownloader().fetch(plan) { bar.update($0) })
    }
    let (plan, files): (ModelPlan, [URL])
    do {
      (plan, files) = try await Interrupts.handle {
        download.cancel()
      } during: {
        try await download.value
      }
    } catch is CancellationError {
      bar.finish()
      Terminal.writeError("Stopped. What has arrived is kept: the next pull goes on from there.\n")
      throw SilentExit(code: Interrupts.exitCode)
    }
    bar.finish()
    let paths = files.map(\.path)
    let bytes = try paths.reduce(0) { $0 + UInt64(try MappedFile(path: $1).bytes.count) }
    if json { return try JSONOutput.print(Output(model: plan.name, files: paths, bytes: bytes)) }
    if Terminal.errorIsTerminal { Terminal.writeError("\(plan.title) is here, \(Format.bytes(Int(bytes))).\n") }
    Terminal.write(paths.joined(separator: "\n") + "\n")
  }
}
