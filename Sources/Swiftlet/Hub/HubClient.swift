import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// What the hub says about one file.
struct HubFileFacts: Sendable, Equatable {
  /// Commit that the revision stands for; nil from servers that do not say.
  var commit: String?
  /// Names the blob in the cache: the content's SHA-256 for large files.
  var etag: String
  var size: UInt64
  /// Where the bytes are: the hub itself, or the storage that it redirects to, often for a limited time.
  var location: URL

  /// The hash that the etag is, if it is one.
  var sha256: String? { etag.isSHA256 ? etag : nil }

  /// Makes sure, before anything is downloaded, that the hub has the wanted content.
  func check(against file: HubModelFile, from host: String) throws(DownloadError) {
    guard let wanted = file.sha256, let sha256, wanted != sha256 else { return }
    throw .integrity(
      file: "\(file.repository)/\(file.path)", expected: "SHA-256 \(wanted)", found: "\(sha256) announced by \(host)")
  }
}

/// One entry of a repository's list of files.
struct HubListing: Sendable, Equatable {
  struct File: Sendable, Equatable {
    var path: String
    var size: UInt64?
    var sha256: String?
  }
  var commit: String?
  var files: [File]
}

/// Asks the hub about repositories and files.
struct HubClient: Sendable {
  let configuration: HubConfiguration
  let transport: HTTPTransport
  var retry = RetryPolicy()

  /// Largest JSON answer that is read; the hub's lists of files stay far below.
  static let answerLimit = 32 << 20

  // MARK: - Files

  /// The address under which the hub gives a file out.
  func address(of file: HubModelFile) -> URL? {
    URL(
      string: [base, file.repository.pathQuoted, "resolve", file.revision.segmentQuoted, file.path.pathQuoted]
        .joined(separator: "/"))
  }

  /// Asks for size, hash, commit and storage address of a file (`HEAD`).
  ///
  /// - Parameter timeout: Seconds to wait for an answer; a connection that fails is not tried again when this is given.
  func facts(about file: HubModelFile, timeout: Double? = nil) async throws -> HubFileFacts {
    guard var url = address(of: file) else {
      throw DownloadError.badAnswer(url: base, detail: "no address can be made for \(file.repository)/\(file.path)")
    }
    var policy = retry
    if timeout != nil { policy.attempts = 1 }
    var commit: String?
    var etag: String?
    var size: UInt64?
    for _ in 0..<5 {
      let (response, _) = try await answer(
        request(url, method: "HEAD", timeout: timeout ?? configuration.idleTimeout), policy, model: file.repository)
      commit = commit ?? response.value(forHTTPHeaderField: "X-Repo-Commit")
      etag = etag ?? response.value(forHTTPHeaderField: "X-Linked-Etag").flatMap(Self.plainETag)
      size = size ?? response.value(forHTTPHeaderField: "X-Linked-Size").flatMap(UInt64.init)
      switch response.statusCode {
      case 200:
        etag = etag ?? response.value(forHTTPHeaderField: "ETag").flatMap(Self.plainETag)
        size = size ?? response.value(forHTTPHeaderField: "Content-Length").flatMap(UInt64.init)
        return try checked(commit, etag, size, location: url)
      case 300...399:
        url = try redirectTarget(of: response, from: url)
        // The hub's own redirects (renamed repositories) are followed; the storage is only asked for the bytes.
        if !isHub(url) || etag != nil && size != nil { return try checked(commit, etag, size, location: url) }
      default:
        throw refusal(of: response, repository: file.repository, what: "file \(file.path) in \(file.repository)")
      }
    }
    throw DownloadError.badAnswer(url: url.absoluteString, detail: "it redirects in circles")
  }

  private func checked(_ commit: String?, _ etag: String?, _ size: UInt64?, location: URL) throws -> HubFileFacts {
    // These become names of files in the cache.
    guard let etag, etag.isPlainName, commit?.isPlainName ?? true else {
      throw DownloadError.badAnswer(url: location.absoluteString, detail: "it names no usable ETag or commit")
    }
    guard let size, size > 0 else {
      throw DownloadError.badAnswer(url: location.absoluteString, detail: "it does not say how large the file is")
    }
    return HubFileFacts(commit: commit, etag: etag, size: size, location: location)
  }

  /// The first bytes of a file, where they can be had at once: one request, and its redirects.
  ///
  /// - Parameter location: From ``facts(about:timeout:)``; the hub itself when nil.
  func beginning(of file: HubModelFile, at location: URL? = nil) async throws -> Data? {
    guard var url = location ?? address(of: file) else { return nil }
    let body = Protected(Data())
    do {
      for _ in 0..<5 {
        var request = request(url, timeout: configuration.firstAnswerTimeout)
        request.setValue("bytes=0-\(Self.beginningLength - 1)", forHTTPHeaderField: "Range")
        let takes = Protected(false)
        let response = try await transport.perform(request) { response in
          takes.withLock { $0 = [200, 206].contains(response.statusCode) }
        } onData: { data in
          guard takes.withLock({ $0 }) else { return }
          let isEnough = body.withLock {
            $0.append(data)
            return $0.count >= Self.beginningLength
          }
          // A server without ranges goes on.
          if isEnough { throw Enough() }
        }
        guard (300...399).contains(response.statusCode) else { break }
        url = try redirectTarget(of: response, from: url)
      }
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      // The download itself says what is wrong.
    }
    let bytes = body.withLock { $0 }
    return bytes.isEmpty ? nil : bytes.prefix(Self.beginningLength)
  }

  /// Bytes of a file's beginning that tell what it is; the vocabulary, which comes after, takes megabytes.
  static let beginningLength = 64 << 10

  /// Ends a request of which enough has come.
  private struct Enough: Error {}

  // MARK: - Repositories

  /// The files of a repository's main branch.
  func listing(of repository: String, timeout: Double? = nil) async throws -> HubListing {
    struct Model: Decodable {
      struct Sibling: Decodable {
        struct Pointer: Decodable { var sha256: String? }
        var rfilename: String
        var size: UInt64?
        var lfs: Pointer?
      }
      var sha: String?
      var siblings: [Sibling]?
    }
    struct Entry: Decodable {
      struct Pointer: Decodable { var oid: String? }
      var type: String
      var path: String
      var size: UInt64?
      var lfs: Pointer?
    }
    let api = "\(base)/api/models/\(repository.pathQuoted)"
    let model: Model = try await json("\(api)?blobs=true", repository: repository)
    let commit = model.sha.flatMap { $0.isPlainName ? $0 : nil }
    if let siblings = model.siblings, !siblings.isEmpty {
      let files = siblings.map { HubListing.File(path: $0.rfilename, size: $0.size, sha256: $0.lfs?.sha256) }
      return HubListing(commit: commit, files: files.filter { $0.path.isSafeRelativePath })
    }
    let revision = (commit ?? "main").segmentQuoted
    let entries: [Entry] = try await json("\(api)/tree/\(revision)?recursive=true", repository: repository)
    let files = entries.filter { $0.type == "file" && $0.path.isSafeRelativePath }
    return HubListing(
      commit: commit, files: files.map { .init(path: $0.path, size: $0.size, sha256: $0.lfs?.oid) })
  }

  func json<Value: Decodable>(_ address: String, repository: String) async throws -> Value {
    guard var url = URL(string: address) else {
      throw DownloadError.badAnswer(url: address, detail: "it is not a valid address")
    }
    for _ in 0..<5 {
      let (response, body) = try await answer(
        request(url, timeout: configuration.idleTimeout), retry, model: repository)
      switch response.statusCode {
      case 200:
        do {
          return try JSONDecoder().decode(Value.self, from: body)
        } catch {
          throw DownloadError.badAnswer(url: address, detail: "the JSON is not what the hub's API gives")
        }
      case 300...399:
        let target = try redirectTarget(of: response, from: url)
        guard isHub(target) else {
          throw DownloadError.badAnswer(url: address, detail: "it redirects to another host, \(target.host() ?? "")")
        }
        url = target
      default:
        throw refusal(of: response, repository: repository, what: "repository \(repository)")
      }
    }
    throw DownloadError.badAnswer(url: address, detail: "it redirects in circles")
  }

  // MARK: - Requests

  /// A request that carries the token if, and only if, it goes to the hub.
  func request(_ url: URL, method: String = "GET", timeout: Double) -> URLRequest {
    var request = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: timeout)
    request.httpMethod = method
    request.setValue("swiftlet", forHTTPHeaderField: "User-Agent")
    // Sizes and ranges must be those of the file, not of its compressed form.
    request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
    if let token = configuration.token, isHub(url) {
      request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
    }
    return request
  }

  /// Whether an address has the hub's own scheme, host and port.
  func isHub(_ url: URL) -> Bool {
    let hub = configuration.endpoint
    return url.scheme?.lowercased() == hub.scheme?.lowercased() && url.host()?.lowercased() == hub.host()?.lowercased()
      && url.port == hub.port
  }

  /// Where a redirect leads.
  func redirectTarget(of response: HTTPURLResponse, from url: URL) throws -> URL {
    guard let location = response.value(forHTTPHeaderField: "Location"),
      let target = URL(string: location, relativeTo: url)?.absoluteURL,
      let scheme = target.scheme?.lowercased(), scheme == "https" || scheme == url.scheme?.lowercased()
    else {
      throw DownloadError.badAnswer(url: url.absoluteString, detail: "it redirects to no usable address")
    }
    return target
  }

  /// Sends a request until it gets an answer that is not a passing failure.
  private func answer(
    _ request: URLRequest, _ policy: RetryPolicy, model: String
  ) async throws -> (HTTPURLResponse, Data) {
    let url = request.url?.absoluteString ?? base
    var failures = 0
    while true {
      let body = Protected(Data())
      let failure: TransientFailure
      let original: any Error
      do {
        let response = try await transport.perform(
          request,
          onData: { data in
            try body.withLock {
              guard $0.count + data.count <= Self.answerLimit else {
                throw DownloadError.badAnswer(url: url, detail: "it is longer than \(Self.answerLimit) bytes")
              }
              $0.append(data)
            }
          })
        guard let transient = TransientFailure(response: response) else { return (response, body.withLock { $0 }) }
        (failure, original) = (transient, DownloadError.badAnswer(url: url, detail: transient.reason))
      } catch {
        guard let transient = TransientFailure(error: error) else { throw Self.typed(error, model: model, url: url) }
        (failure, original) = (transient, Self.typed(error, model: model, url: url))
      }
      failures += 1
      // A host that cannot be reached at all will hardly be there in a second.
      let isHopeless = if case DownloadError.noNetwork = original { failures >= 2 } else { false }
      guard failures < policy.attempts, !isHopeless else { throw original }
      try await Task.sleep(for: .seconds(policy.delay(afterFailures: failures, serverAsks: failure.serverAsks)))
    }
  }

  /// The typed error of a connection's failure.
  static func typed(_ error: any Error, model: String, url: String) -> any Error {
    guard let error = error as? URLError else { return error }
    if error.isNoNetwork {
      return DownloadError.noNetwork(model: model, reason: error.reasonText, isOffline: false, cached: [])
    }
    return DownloadError.badAnswer(url: url, detail: error.reasonText)
  }

  /// The typed error of an answer that refuses.
  func refusal(of response: HTTPURLResponse, repository: String, what: String) -> DownloadError {
    let code = response.value(forHTTPHeaderField: "X-Error-Code")
    let detail = String((response.value(forHTTPHeaderField: "X-Error-Message") ?? code ?? "").prefix(300))
    switch response.statusCode {
    case 404 where code == "RepoNotFound": return .notFound(what: "repository \(repository)", detail: detail)
    case 404: return .notFound(what: what, detail: detail)
    case 401, 403:
      return .accessDenied(
        repository: repository, status: response.statusCode, hasToken: configuration.token != nil, detail: detail)
    case let status:
      return .badAnswer(
        url: response.url?.absoluteString ?? base, detail: "HTTP \(status)" + (detail.isEmpty ? "" : ", \(detail)"))
    }
  }

  var base: String {
    configuration.endpoint.absoluteString
  }

  /// An etag without quotes and without the mark of a weak one.
  static func plainETag(_ value: String) -> String? {
    var text = value[...]
    if text.hasPrefix("W/") { text = text.dropFirst(2) }
    text = text.drop { $0 == "\"" }
    while text.last == "\"" { text.removeLast() }
    return text.isEmpty ? nil : String(text)
  }
}

extension String {
  /// Whether this is a SHA-256 in lowercase hexadecimal digits.
  var isSHA256: Bool {
    utf8.count == 64 && utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// Whether this can be the name of a file without leading out of its folder: letters, digits, `.`, `_`, `-`.
  var isPlainName: Bool {
    !isEmpty && utf8.count <= 200 && !allSatisfy { $0 == "." }
      && unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || "0123456789._-".unicodeScalars.contains($0))
      }
  }

  /// Whether this is a relative path that stays below where it starts.
  var isSafeRelativePath: Bool {
    let components = split(separator: "/", omittingEmptySubsequences: false)
    return utf8.count <= 1000 && !contains("\\") && unicodeScalars.allSatisfy { $0.value >= 32 }
      && components.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
  }

  /// Percent-encoded, with its slashes left as they are.
  var pathQuoted: String {
    split(separator: "/", omittingEmptySubsequences: false).map { String($0).segmentQuoted }.joined(separator: "/")
  }

  /// Percent-encoded as one segment of a path.
  var segmentQuoted: String {
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return addingPercentEncoding(withAllowedCharacters: plain) ?? self
  }
}
