import Foundation
import HTTPTypes
import Hummingbird

/// A model file of this machine that pages may load.
public struct ServedModel: Sendable, Encodable {
  /// The catalog's id.
  public let id: String
  /// For people.
  public let name: String
  /// The catalog's file name, which is the last component of the address.
  public let file: String
  /// Bytes.
  public let size: Int
  /// Lower-case hex, when it is known.
  public let sha256: String?
  /// Where the file lies here.
  public let path: String

  enum CodingKeys: CodingKey { case id, name, file, size, sha256 }

  public init(id: String, name: String, file: String, size: Int, sha256: String?, path: String) {
    self.id = id
    self.name = name
    self.file = file
    self.size = size
    self.sha256 = sha256
    self.path = path
  }
}

/// `/models/index.json` and `/models/<file>`: what the local cache holds of the catalog, for pages to load from here
/// instead of the hub.
struct ModelRoutes {
  /// Asked on every request: downloads come and go while the server runs.
  let models: @Sendable () -> [ServedModel]

  var routes: [Route] {
    [
      .get("/models/index.json") { _, _ in try jsonResponse(["models": models()]) },
      .get("/models/:file") { request, context in
        let name = context.parameters.get("file") ?? ""
        guard let model = models().first(where: { $0.file == name }), let status = fileStatus(model.path) else {
          throw APIError.notFound(
            "This machine has no model file \(name.prefix(200)); /models/index.json lists those it has, and "
              + "`swiftlet pull` gets another.")
        }
        // The page keeps models in storage of its own; a second copy in the HTTP cache would only cost disk.
        let tag = model.sha256.map { "sha256-\($0)" } ?? "\(status.size)-\(Int(status.modified.timeIntervalSince1970))"
        let file = FileResponse(
          path: model.path, size: status.size, modified: status.modified, contentType: "application/octet-stream",
          tag: "\"\(tag)\"", cacheControl: "no-store")
        return try await file.response(to: request, context: context)
      },
    ]
  }
}

/// A JSON document that must not be kept.
func jsonResponse(_ value: some Encodable) throws -> Response {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return Response(
    status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
    body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(value))))
}
