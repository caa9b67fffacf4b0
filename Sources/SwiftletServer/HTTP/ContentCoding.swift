/// Ways to compress a response for which a precompressed file may lie beside the original.
package enum ContentCoding: String, CaseIterable {
  case brotli = "br"
  case gzip = "gzip"

  /// What such a file's name ends in.
  var suffix: String {
    switch self {
    case .brotli: ".br"
    case .gzip: ".gz"
    }
  }

  /// The codings that an `Accept-Encoding` header allows, the preferred one first (RFC 9110, section 12.5.3).
  package static func accepted(by header: String?) -> [ContentCoding] {
    guard let header else { return [] }
    var quality: [String: Double] = [:]
    for item in header.lowercased().split(separator: ",") {
      let parts = item.split(separator: ";").map { $0.trimming() }
      guard let name = parts.first else { continue }
      let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.map { Double($0.dropFirst(2)) ?? 0 }
      quality[name] = weight ?? 1
    }
    let weighted = allCases.map { ($0, quality[$0.rawValue] ?? quality["*"] ?? 0) }.filter { $0.1 > 0 }
    // A stable order: among equals brotli, which is smaller.
    return weighted.enumerated().sorted { ($1.element.1, $0.offset) < ($0.element.1, $1.offset) }.map(\.element.0)
  }
}

extension StringProtocol {
  func trimming() -> String {
    String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
  }
}
