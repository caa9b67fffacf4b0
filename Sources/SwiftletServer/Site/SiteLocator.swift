import Foundation

/// Finds the built page.
enum SiteLocator {
  /// The directory to serve: the one the user named; else one installed beside the executable; else `Web/dist` of the
  /// source checkout that the executable was built in, or that is the current directory.
  ///
  /// - Throws: ``ServerError`` when no directory holds an `index.html`.
  static func locate(_ directory: String?, executable: String? = Bundle.main.executablePath) throws -> String {
    if let directory {
      guard isSite(directory) else {
        throw ServerError("\(directory) holds no index.html, so it is not a built page; `make web` builds Web/dist.")
      }
      return directory
    }
    guard let found = candidates(executable: executable).first(where: isSite) else {
      throw ServerError("The chat page is not built. Run `make web` in the source checkout, or name it with --web.")
    }
    return found
  }

  private static func isSite(_ directory: String) -> Bool {
    fileStatus(directory + "/index.html") != nil
  }

  private static func candidates(executable: String?) -> [String] {
    var result: [String] = []
    if let executable {
      var directory = URL(fileURLWithPath: executable).resolvingSymlinksInPath().deletingLastPathComponent()
      result.append(directory.appendingPathComponent("web").path)
      result.append(directory.deletingLastPathComponent().appendingPathComponent("share/swiftlet/web").path)
      // `.build/<triple>/release` lies three levels below the checkout.
      for _ in 0..<5 where directory.path != "/" {
        result.append(directory.appendingPathComponent("Web/dist").path)
        directory.deleteLastPathComponent()
      }
    }
    result.append(FileManager.default.currentDirectoryPath + "/Web/dist")
    return result
  }
}
