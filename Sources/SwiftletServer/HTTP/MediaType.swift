/// The media type for a file's name.
func mediaType(forFile name: String) -> String {
  let dot = name.lastIndex(of: ".").map { name.index(after: $0) } ?? name.endIndex
  return switch name[dot...].lowercased() {
  case "html": "text/html; charset=utf-8"
  case "js", "mjs": "text/javascript; charset=utf-8"
  case "css": "text/css; charset=utf-8"
  case "json", "map": "application/json"
  case "webmanifest": "application/manifest+json"
  case "wasm": "application/wasm"
  case "wgsl": "text/wgsl; charset=utf-8"
  case "txt", "md", "ts": "text/plain; charset=utf-8"
  case "svg": "image/svg+xml"
  case "png": "image/png"
  case "jpg", "jpeg": "image/jpeg"
  case "webp": "image/webp"
  case "ico": "image/x-icon"
  case "woff2": "font/woff2"
  default: "application/octet-stream"
  }
}
