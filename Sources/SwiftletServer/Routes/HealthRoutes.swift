import Hummingbird

/// `/health`: whether the server answers.
enum HealthRoutes {
  static var routes: [Route] {
    [.get("/health") { _, _ in try jsonResponse(["status": "ok"]) }]
  }
}
