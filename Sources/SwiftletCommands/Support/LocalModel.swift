import Foundation
import InferenceCore
import Swiftlet
import WorkerCore

/// A model's file on this machine, mapped and parsed, for commands that read it without loading the model.
struct LocalModel {
  /// The file's parts; they hold the bytes that ``file`` points into.
  let parts: [MappedFile]
  let paths: [String]
  let file: GGUFFile

  init(_ model: String) throws {
    paths = [model]
    parts = try paths.map { try MappedFile(path: $0) }
    do {
      file = try GGUFFile(parts: parts.map(\.bytes))
    } catch {
      throw CommandError("\(model): \(error.message)")
    }
  }
}
