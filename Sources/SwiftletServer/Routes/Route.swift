import Hummingbird

/// One path of the API: which methods it takes, and what answers.
struct Route: Sendable {
  typealias Context = BasicRequestContext
  typealias Handler = @Sendable (Request, Context) async throws -> Response

  let methods: [HTTPRequest.Method]
  /// Components that start with a colon are parameters.
  let path: String
  let handler: Handler

  /// Answers GET, and HEAD with the same headers.
  static func get(_ path: String, _ handler: @escaping Handler) -> Route {
    Route(methods: [.get, .head], path: path, handler: handler)
  }

  /// Whether a request path is this one's.
  func matches(_ path: String) -> Bool {
    let pattern = self.path.split(separator: "/", omittingEmptySubsequences: false)
    let components = path.split(separator: "/", omittingEmptySubsequences: false)
    return pattern.count == components.count && zip(pattern, components).allSatisfy { $0.hasPrefix(":") || $0 == $1 }
  }
}
