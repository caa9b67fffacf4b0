import Foundation
import HTTPTypes
import Hummingbird

/// A file as a representation that clients can cache, revalidate and take in parts.
struct FileResponse {
  let path: String
  let size: Int
  let modified: Date
  let contentType: String
  /// Strong entity tag, with its quotes.
  let tag: String
  let cacheControl: String
  /// How the file's bytes are compressed, when they are.
  var coding: ContentCoding?
  /// Whether the same address may answer with other codings.
  var varies = false

  /// The answer to a GET or HEAD request: 200, 206, 304 or 416. The file is read while it is sent, a chunk at a time.
  func response(to request: Request, context: some RequestContext) async throws -> Response {
    var headers: HTTPFields = [
      .eTag: tag, .lastModified: httpDate(modified), .cacheControl: cacheControl, .acceptRanges: "bytes",
    ]
    if varies { headers[.vary] = "Accept-Encoding" }
    if isUnchanged(request.headers) { return Response(status: .notModified, headers: headers) }
    headers[.contentType] = contentType
    if let coding { headers[.contentEncoding] = coding.rawValue }

    let range: Range<Int>
    var status = HTTPResponse.Status.ok
    switch ByteRange(header: isRangeCurrent(request.headers) ? request.headers[.range] : nil, size: size) {
    case .whole:
      range = 0..<size
    case .part(let part):
      range = part
      status = .partialContent
      headers[.contentRange] = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)"
    case .unsatisfiable:
      throw APIError(
        status: .rangeNotSatisfiable, message: "The range lies outside of the file, which has \(size) bytes.",
        code: "range_not_satisfiable", headers: [.contentRange: "bytes */\(size)"])
    }
    headers[.contentLength] = String(range.count)
    guard request.method != .head, !range.isEmpty else { return Response(status: status, headers: headers) }
    let body = try await FileIO().loadFile(
      path: path, range: range.lowerBound...(range.upperBound - 1), context: context, chunkLength: 256 * 1024)
    return Response(status: status, headers: headers, body: body)
  }

  /// Whether the client's copy is the current one (RFC 9110, sections 13.1.2 and 13.1.3).
  private func isUnchanged(_ headers: HTTPFields) -> Bool {
    if let tags = headers[.ifNoneMatch] {
      return tags.split(separator: ",").map { $0.trimming() }.contains {
        $0 == "*" || $0 == tag || $0 == "W/" + tag
      }
    }
    // Clients send back the very text they were given.
    return headers[.ifModifiedSince] == httpDate(modified)
  }

  /// Whether a range continues what the client has (`If-Range`, section 13.1.5); without the condition, it does.
  private func isRangeCurrent(_ headers: HTTPFields) -> Bool {
    guard let condition = headers[.ifRange]?.trimming() else { return true }
    return condition == tag || condition == httpDate(modified)
  }
}

/// What is known about a regular file, or nil when there is none.
func fileStatus(_ path: String) -> (size: Int, modified: Date)? {
  // The attributes are of a link itself; a hub's cache is made of links.
  let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
  guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolved),
    attributes[.type] as? FileAttributeType == .typeRegular,
    let size = attributes[.size] as? NSNumber, let modified = attributes[.modificationDate] as? Date
  else { return nil }
  return (size.intValue, modified)
}
