import HTTPTypes
import Hummingbird

/// Adds what makes a page cross-origin isolated, which browsers require before they share memory between threads, and
/// what keeps other sites from reading or framing this one.
struct IsolationMiddleware<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    response.headers[.crossOriginOpenerPolicy] = "same-origin"
    response.headers[.crossOriginEmbedderPolicy] = "require-corp"
    response.headers[.crossOriginResourcePolicy] = "same-origin"
    response.headers[.xContentTypeOptions] = "nosniff"
    return response
  }
}

extension HTTPField.Name {
  static let crossOriginOpenerPolicy = Self("Cross-Origin-Opener-Policy")!
  static let crossOriginEmbedderPolicy = Self("Cross-Origin-Embedder-Policy")!
}
