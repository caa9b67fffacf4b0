import Foundation
import HTTPTypes
import Hummingbird

/// The files of a directory, as a web site.
struct StaticSite {
  /// Absolute, without links.
  let root: String

  /// Which file a request path means.
  enum Target: Equatable {
    case file(String)
    /// A directory that was asked for without its closing slash.
    case directory(String)
    case nothing
  }

  init(root: String) {
    self.root = URL(fileURLWithPath: root).standardizedFileURL.resolvingSymlinksInPath().path
  }

  /// Finds the file for a percent-encoded request path. What is found lies below the root, links included, and no
  /// part of its path is hidden.
  func target(path encoded: String) -> Target {
    guard encoded.hasPrefix("/"), let path = encoded.removingPercentEncoding else { return .nothing }
    var components = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let isDirectory = components.last == ""
    if isDirectory { components[components.count - 1] = "index.html" }
    let isSafe = components.allSatisfy { component in
      !component.isEmpty && !component.hasPrefix(".")
        && !component.utf8.contains { $0 < 0x20 || $0 == UInt8(ascii: "\\") || $0 == 0x7f }
    }
    guard isSafe else { return .nothing }
    let file = URL(fileURLWithPath: ([root] + components).joined(separator: "/")).resolvingSymlinksInPath().path
    guard file.hasPrefix(root + "/") else { return .nothing }
    if fileStatus(file) != nil { return .file(file) }
    if !isDirectory, fileStatus(file + "/index.html") != nil { return .directory(encoded + "/") }
    return .nothing
  }

  /// The answer to a GET or HEAD request, or nil when the site has no such file.
  func response(to request: Request, context: some RequestContext) async throws -> Response? {
    switch target(path: request.uri.path) {
    case .file(let path):
      return try await representation(of: path, for: request.headers)?.response(to: request, context: context)
    case .directory(let location):
      return .redirect(to: location, type: .permanent)
    case .nothing:
      return nil
    }
  }

  /// The file itself, or the precompressed copy beside it that the client likes best. Parts are always of the file itself.
  private func representation(of path: String, for headers: HTTPFields) -> FileResponse? {
    guard let original = fileStatus(path) else { return nil }
    var chosen: (path: String, size: Int, coding: ContentCoding?) = (path, original.size, nil)
    let copies = ContentCoding.allCases.filter { coding in
      fileStatus(path + coding.suffix).map { $0.modified >= original.modified } ?? false
    }
    if headers[.range] == nil {
      for coding in ContentCoding.accepted(by: headers[.acceptEncoding]) where copies.contains(coding) {
        guard let copy = fileStatus(path + coding.suffix) else { continue }
        chosen = (path + coding.suffix, copy.size, coding)
        break
      }
    }
    let stamp = UInt64(max(0, original.modified.timeIntervalSince1970 * 1_000_000))
    let variant = chosen.coding.map { "-" + $0.rawValue } ?? ""
    // `no-cache` lets browsers keep a copy but ask whether it is current, so that a new build shows at once.
    return FileResponse(
      path: chosen.path, size: chosen.size, modified: original.modified, contentType: mediaType(forFile: path),
      tag: "\"\(String(original.size, radix: 16))-\(String(stamp, radix: 16))\(variant)\"", cacheControl: "no-cache",
      coding: chosen.coding, varies: !copies.isEmpty)
  }
}

/// Serves the site's files where no route answers.
struct SiteMiddleware<Context: RequestContext>: RouterMiddleware {
  let site: StaticSite
  let routes: [Route]

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch let error as HTTPError where error.status == .notFound {
      let path = request.uri.path
      let allowed = routes.filter { $0.matches(path) }.flatMap(\.methods)
      if !allowed.isEmpty { throw APIError.methodNotAllowed(request.method, allowed: allowed) }
      if request.method == .get || request.method == .head {
        if let response = try await site.response(to: request, context: context) { return response }
      } else if site.target(path: path) != .nothing {
        throw APIError.methodNotAllowed(request.method, allowed: [.get, .head])
      }
      throw APIError.notFound("There is nothing at \(path.prefix(200)).")
    }
  }
}
