import ArgumentParser
import Foundation
import InferenceCore
import Swiftlet
import WorkerCore

/// A failure with a message for the person at the terminal.
struct CommandError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// An end with a code of its own and nothing more to say.
struct SilentExit: Error {
  let code: Int32
}

extension SwiftletCommand {
  /// One paragraph about any error that a command may meet.
  static func message(for error: any Error) -> String {
    switch error {
    case let error as CommandError: error.description
    case let error as WorkerError: error.message
    case let error as DownloadError: error.message
    case let error as GGUFError: error.message
    case let error as TokenizerError: error.message
    case let error as ModelError: error.message
    case let error as TemplateError: error.description
    case let error as JSONError: "at byte \(error.offset): \(error.message)"
    case let error as any LocalizedError: error.errorDescription ?? error.localizedDescription
    case let error as CocoaError: describe(error)
    default: String(describing: error)
    }
  }

  private static func describe(_ error: CocoaError) -> String {
    guard let path = error.filePath ?? error.url?.path else { return error.localizedDescription }
    if let underlying = error.underlying as? POSIXError { return "\(path): \(underlying.localizedDescription)" }
    switch error.code {
    case .fileReadNoSuchFile, .fileNoSuchFile: return "\(path): there is no such file"
    case .fileReadNoPermission, .fileWriteNoPermission: return "\(path): permission denied"
    case .fileWriteOutOfSpace: return "\(path): the disk is full"
    default: return "\(path): \(error.localizedDescription)"
    }
  }
}
