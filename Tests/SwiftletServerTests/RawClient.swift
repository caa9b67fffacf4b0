import Foundation

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One HTTP response as it came over the wire.
struct RawResponse {
  let status: Int
  /// By lower-case name.
  let headers: [String: String]
  let body: Data

  var text: String { String(decoding: body, as: UTF8.self) }

  init(_ bytes: Data) throws {
    guard let end = bytes.range(of: Data("\r\n\r\n".utf8)) else { throw RawClientError("no end of headers") }
    var lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines.removeFirst().split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else { throw RawClientError("no status line") }
    self.status = status
    headers = Dictionary(
      lines.compactMap { line -> (String, String)? in
        guard let colon = line.firstIndex(of: ":") else { return nil }
        let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        return (line[..<colon].lowercased(), value)
      }, uniquingKeysWith: { $0 + ", " + $1 })
    body = bytes[end.upperBound...]
  }
}

struct RawClientError: Error {
  let message: String
  init(_ message: String) { self.message = message }
}

/// Sends the very bytes that a test wants to send, which URLSession would tidy up.
enum RawClient {
  static func get(_ path: String, _ headers: String..., method: String = "GET", port: Int) async throws -> RawResponse {
    let lines = ["\(method) \(path) HTTP/1.1", "Host: 127.0.0.1", "Connection: close"] + headers
    let request = lines.joined(separator: "\r\n") + "\r\n\r\n"
    return try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(with: Result { try RawResponse(exchange(request, port: port)) })
      }
    }
  }

  /// Connects, sends, and reads until the server closes.
  static func exchange(_ request: String, port: Int) throws -> Data {
    let descriptor = try connect(port: port)
    defer { close(descriptor) }
    var rest = Array(request.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else { throw RawClientError("cannot send: \(errno)") }
      rest = rest.dropFirst(count)
    }
    var result = Data()
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count >= 0 else { throw RawClientError("cannot receive: \(errno)") }
      if count == 0 { return result }
      result.append(contentsOf: buffer[..<count])
    }
  }

  static func connect(port: Int) throws -> Int32 {
    #if canImport(Glibc)
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #else
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #endif
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        #if canImport(Glibc)
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        #else
          Darwin.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        #endif
      }
    }
    guard descriptor >= 0, result == 0 else { throw RawClientError("cannot connect to port \(port): \(errno)") }
    return descriptor
  }
}
