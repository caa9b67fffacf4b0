import Foundation

/// Files from outside the repository that tests read, and whether they are there.
enum TestFiles {
  /// A directory with `vocab/`, `templates/` and `tools/`.
  static let data = directory("SWIFTLET_TEST_DATA")
  /// A directory with `smollm2.gguf` and `gemma3.gguf`.
  static let models = directory("SWIFTLET_TEST_MODELS")

  /// Whether the tests' data is there; says aloud when it is not. For `.enabled(if:)`.
  static var hasData: Bool { isThere(data, "SWIFTLET_TEST_DATA") }
  /// Whether the real models are there; says aloud when they are not. For `.enabled(if:)`.
  static var hasModels: Bool { isThere(models, "SWIFTLET_TEST_MODELS") }

  /// A file's bytes, mapped.
  static func map(_ url: URL) throws -> Data {
    try Data(contentsOf: url, options: .alwaysMapped)
  }

  private static func directory(_ variable: String) -> URL? {
    ProcessInfo.processInfo.environment[variable].map { URL(fileURLWithPath: $0, isDirectory: true) }
  }

  private static func isThere(_ url: URL?, _ variable: String) -> Bool {
    if url == nil { print("SKIPPED: a test that needs \(variable), which is not set") }
    return url != nil
  }
}
