import Foundation
import HTTPTypes
import Hummingbird

/// An error response in the form that clients of the OpenAI API expect: `{"error": {message, type, param, code}}`.
struct APIError: HTTPResponseError {
  let status: HTTPResponse.Status
  /// What was expected, what was found, and what to do about it.
  let message: String
  /// A stable word for programs.
  let code: String
  /// The parameter to blame.
  var param: String?
  var headers: HTTPFields = [:]

  static func notFound(_ message: String) -> APIError {
    APIError(status: .notFound, message: message, code: "not_found")
  }

  static func methodNotAllowed(_ method: HTTPRequest.Method, allowed: [HTTPRequest.Method]) -> APIError {
    let names = allowed.map(\.rawValue).joined(separator: ", ")
    return APIError(
      status: .methodNotAllowed, message: "\(method.rawValue) is not possible here; \(names) is.",
      code: "method_not_allowed", headers: [.allow: names])
  }

  func response(from request: Request, context: some RequestContext) -> Response {
    response()
  }

  func response() -> Response {
    let type = status.kind == .serverError ? "server_error" : "invalid_request_error"
    let body = Envelope(error: .init(message: message, type: type, param: param, code: code))
    var headers = headers
    headers[.contentType] = "application/json"
    headers[.cacheControl] = "no-store"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // Encoding four strings cannot fail.
    let bytes = (try? encoder.encode(body)) ?? Data()
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  private struct Envelope: Encodable {
    struct Body: Encodable {
      let message: String
      let type: String
      let param: String?
      let code: String

      enum CodingKeys: CodingKey { case message, type, param, code }

      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(message, forKey: .message)
        try container.encode(type, forKey: .type)
        try container.encode(param, forKey: .param)  // null, not absent
        try container.encode(code, forKey: .code)
      }
    }
    let error: Body
  }
}

/// Turns every error into the JSON form, and sends no body in answer to HEAD.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var response: Response
    do {
      response = try await next(request, context)
    } catch let error as APIError {
      response = error.response()
    } catch let error as any HTTPResponseError {
      response = APIError(status: error.status, message: error.status.reasonPhrase, code: "http_error").response()
    } catch {
      context.logger.error("\(request.method) \(request.uri.path): \(error)")
      response = APIError(
        status: .internalServerError, message: "The server could not answer; its log says why.", code: "internal"
      ).response()
    }
    return request.method == .head ? response.createHeadResponse() : response
  }
}
