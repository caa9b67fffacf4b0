import Foundation

/// Where models come from and where they are kept, by the conventions of the hub's own clients.
///
/// | variable | meaning |
/// | --- | --- |
/// | `HF_ENDPOINT` | the hub's address; default `https://huggingface.co` |
/// | `HF_TOKEN`, `HF_TOKEN_PATH` | access token, or the file that holds it; default `$HF_HOME/token` |
/// | `HF_HOME` | home of the hub's files; default `$XDG_CACHE_HOME/huggingface` or `~/.cache/huggingface` |
/// | `HF_HUB_CACHE` | the cache of models; default `$HF_HOME/hub` |
/// | `HF_HUB_OFFLINE` | `1`, `true`, `yes` or `on`: never ask the network |
/// | `HF_HUB_DISABLE_IMPLICIT_TOKEN` | do not read the token file |
public struct HubConfiguration: Sendable, Equatable {
  /// Address of the hub, without a slash at its end.
  public var endpoint: URL
  /// Sent to the endpoint only, never to a host that it redirects to.
  public var token: String?
  /// The folder with the `models--org--repo` folders.
  public var cacheDirectory: URL
  /// Whether only what is cached may be used.
  public var isOffline: Bool
  /// Seconds to wait for the hub's first answer when there is another source to try.
  public var firstAnswerTimeout: Double = 5
  /// Seconds without a byte after which a connection counts as broken.
  public var idleTimeout: Double = 30

  /// Reads the configuration from environment variables.
  public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    func value(_ names: String...) -> String? {
      names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
    }
    func isTrue(_ name: String) -> Bool {
      ["1", "true", "yes", "on"].contains(environment[name, default: ""].lowercased())
    }
    let userHome = value("HOME") ?? NSHomeDirectory()
    func directory(_ path: String) -> URL {
      let expanded = path == "~" ? userHome : path.hasPrefix("~/") ? userHome + path.dropFirst() : path
      return URL(fileURLWithPath: expanded, isDirectory: true)
    }
    let home =
      value("HF_HOME").map(directory)
      ?? directory(value("XDG_CACHE_HOME") ?? "~/.cache").appendingPathComponent("huggingface", isDirectory: true)

    var address = value("HF_ENDPOINT") ?? "https://huggingface.co"
    while address.hasSuffix("/") { address.removeLast() }
    endpoint = URL(string: address) ?? URL(fileURLWithPath: "/")
    cacheDirectory =
      value("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE").map(directory)
      ?? home.appendingPathComponent("hub", isDirectory: true)
    isOffline = isTrue("HF_HUB_OFFLINE") || isTrue("TRANSFORMERS_OFFLINE")

    var token = value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
    if token == nil, !isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
      let file = value("HF_TOKEN_PATH").map(directory) ?? home.appendingPathComponent("token")
      token = try? String(contentsOf: file, encoding: .utf8)
    }
    // A line break in a header value would end the header.
    token = token.map { String($0.unicodeScalars.filter { $0.value > 32 && $0.value < 127 }) }
    self.token = token?.isEmpty == false ? token : nil
  }
}
