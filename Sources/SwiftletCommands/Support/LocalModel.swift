import Foundation
import InferenceCore
import Swiftlet
import WorkerCore

/// A model's file on this machine, mapped and parsed, for commands that read it without loading the model.
struct LocalModel {
  let paths: [String]
  /// Bytes of all parts of the file.
  let byteCount: Int
  private let parts: [MappedFile]
  private let file: GGUFFile

  /// - Parameter model: As every command takes it; only what is on this machine is found.
  init(_ model: String) throws {
    guard let files = try ModelResolver().resolveLocally(model)?.localFiles else {
      throw CommandError("\(model) is not on this machine. `swiftlet pull \(model)` fetches it.")
    }
    paths = files.map(\.path)
    parts = try paths.map { try MappedFile(path: $0) }
    byteCount = parts.reduce(0) { $0 + $1.bytes.count }
    do {
      file = try GGUFFile(parts: parts.map(\.bytes))
    } catch {
      throw CommandError("\(model): \(error.message)")
    }
  }

  /// Calls `body` with the parsed file, whose bytes are in place only until `body` returns.
  func read<Result>(_ body: (GGUFFile) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(parts) { try body(file) }
  }
}
