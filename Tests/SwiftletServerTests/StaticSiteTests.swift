import Foundation
import SwiftletServer
import Testing

@Suite struct StaticSiteTests {
  @Test func sendsFilesWithTypeIsolationAndCacheHeaders() async throws {
    try await ServerFixture().withServer { port in
      for (path, type) in [
        ("/", "text/html; charset=utf-8"), ("/app.js", "text/javascript; charset=utf-8"),
        ("/swiftlet.wasm", "application/wasm"), ("/manifest.webmanifest", "application/manifest+json"),
        ("/docs/", "text/html; charset=utf-8"), ("/a%20b.txt?x=1", "text/plain; charset=utf-8"),
      ] {
        let response = try await RawClient.get(path, port: port)
        #expect(response.status == 200, "\(path)")
        #expect(response.headers["content-type"] == type, "\(path)")
        #expect(response.headers["cross-origin-opener-policy"] == "same-origin", "\(path)")
        #expect(response.headers["cross-origin-embedder-policy"] == "require-corp", "\(path)")
        #expect(response.headers["cross-origin-resource-policy"] == "same-origin", "\(path)")
        #expect(response.headers["cache-control"] == "no-cache", "\(path)")
        #expect(response.headers["content-length"] == "\(response.body.count)", "\(path)")
        #expect(response.headers["etag"]?.hasPrefix("\"") == true && response.headers["last-modified"] != nil)
      }
      #expect(try await RawClient.get("/", port: port).text == "<!doctype html>home")
      let empty = try await RawClient.get("/empty.txt", port: port)
      #expect(empty.status == 200 && empty.body.isEmpty && empty.headers["content-length"] == "0")
      let redirect = try await RawClient.get("/docs", port: port)
      #expect(redirect.status == 301 && redirect.headers["location"] == "/docs/")
    }
  }

  @Test func headHasTheHeadersOfGetAndNoBody() async throws {
    try await ServerFixture().withServer { port in
      for path in ["/", "/ten.bin", "/models/Tiny.gguf", "/models/index.json", "/health", "/nothing"] {
        let get = try await RawClient.get(path, port: port)
        let head = try await RawClient.get(path, method: "HEAD", port: port)
        #expect(head.status == get.status, "\(path)")
        #expect(head.body.isEmpty, "\(path)")
        for name in ["content-length", "content-type", "etag"] {
          #expect(head.headers[name] == get.headers[name], "\(path) \(name)")
        }
      }
    }
  }

  @Test func nothingOutsideOfTheSiteOrHiddenIsServed() async throws {
    try await ServerFixture().withServer { port in
      for path in [
        "/../secret.txt", "/docs/../../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt",
        "/docs/..%2f..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt", "/..%5csecret.txt", "/..\\secret.txt", "/link.txt", "/.env", "//etc/passwd",
        "/docs//index.html", "/index.html%00.js", "/%", "/%zz", "/docs/deep/", "/./app.js", "/app.js/",
        "/models/..%2f..%2fsecret.txt", "/models/../secret.txt", "/models/model.gguf",
      ] {
        let response = try await RawClient.get(path, port: port)
        #expect(response.status == 404 || response.status == 400, "\(path): \(response.status)")
        #expect(!response.text.contains("secret\n") && response.text != "secret", "\(path)")
      }
    }
  }

  @Test func errorsAreJSONAndNameTheAllowedMethods() async throws {
    struct Envelope: Decodable {
      struct Body: Decodable { let message, type, code: String }
      let error: Body
    }
    try await ServerFixture().withServer { port in
      for (method, path, status, allow) in [
        ("GET", "/nothing.html", 404, nil), ("POST", "/", 405, "GET, HEAD"), ("DELETE", "/health", 405, "GET, HEAD"),
        ("PUT", "/models/Tiny.gguf", 405, "GET, HEAD"), ("POST", "/nothing", 404, nil),
        ("GET", "/models/x.gguf", 404, nil),
      ] as [(String, String, Int, String?)] {
        let response = try await RawClient.get(path, method: method, port: port)
        #expect(response.status == status, "\(method) \(path)")
        #expect(response.headers["allow"] == allow, "\(method) \(path)")
        #expect(response.headers["content-type"] == "application/json")
        let error = try JSONDecoder().decode(Envelope.self, from: response.body).error
        #expect(!error.message.isEmpty && error.type == "invalid_request_error" && !error.code.isEmpty)
      }
    }
  }

  @Test func precompressedCopiesGoToThoseWhoTakeThem() async throws {
    try await ServerFixture().withServer { port in
      for (accepted, coding, body) in [
        ("gzip, deflate, br", "br", "brotli bytes"), ("gzip", "gzip", "gzip bytes"),
        ("br;q=0.5, gzip;q=0.9", "gzip", "gzip bytes"), ("br;q=0, *", "gzip", "gzip bytes"),
        ("identity", nil, "export const a = 1;\n"), ("br;q=0,gzip;q=0", nil, "export const a = 1;\n"),
      ] as [(String, String?, String)] {
        let response = try await RawClient.get("/app.js", "Accept-Encoding: \(accepted)", port: port)
        #expect(response.headers["content-encoding"] == coding, "\(accepted)")
        #expect(response.text == body, "\(accepted)")
        #expect(response.headers["content-type"] == "text/javascript; charset=utf-8")
        #expect(response.headers["vary"] == "Accept-Encoding")
      }
      let brotli = try await RawClient.get("/app.js", "Accept-Encoding: br", port: port).headers["etag"]
      let plain = try await RawClient.get("/app.js", port: port).headers["etag"]
      #expect(brotli != plain)
      let part = try await RawClient.get("/app.js", "Accept-Encoding: br", "Range: bytes=0-5", port: port)
      #expect(part.status == 206 && part.text == "export" && part.headers["content-encoding"] == nil)
    }
  }

  @Test func aCopyOlderThanItsFileIsNotSent() async throws {
    let fixture = try ServerFixture()
    let future = Date(timeIntervalSinceNow: 3600)
    try FileManager.default.setAttributes(
      [.modificationDate: future], ofItemAtPath: fixture.folder.appendingPathComponent("site/app.js").path)
    try await fixture.withServer { port in
      let response = try await RawClient.get("/app.js", "Accept-Encoding: br", port: port)
      #expect(response.text == "export const a = 1;\n")
    }
  }

  @Test func aCopyThatIsCurrentIsNotSentAgain() async throws {
    try await ServerFixture().withServer { port in
      let first = try await RawClient.get("/ten.bin", port: port)
      let tag = try #require(first.headers["etag"])
      let date = try #require(first.headers["last-modified"])
      for condition in [
        "If-None-Match: \(tag)", "If-None-Match: \"x\", W/\(tag)", "If-None-Match: *", "If-Modified-Since: \(date)",
      ] {
        let response = try await RawClient.get("/ten.bin", condition, port: port)
        #expect(response.status == 304 && response.body.isEmpty, "\(condition)")
        #expect(response.headers["etag"] == tag)
      }
      let other = try await RawClient.get(
        "/ten.bin", "If-None-Match: \"other\"", "If-Modified-Since: \(date)", port: port)
      #expect(other.status == 200)
    }
  }
}
