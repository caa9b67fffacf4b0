// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "swiftlet",
  platforms: [.macOS(.v14), .iOS(.v17)],
  products: [
    .library(name: "Swiftlet", targets: ["Swiftlet"]),
    .library(name: "SwiftletServer", targets: ["SwiftletServer"]),
    .executable(name: "swiftlet", targets: ["SwiftletMain"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.6.0"),
    // Hummingbird brings it along; named because the server imports it.
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
  ],
  targets: [
    // Portable: these compile natively and, in Embedded Swift, for WebAssembly.
    .target(name: "CKernels"),
    .target(name: "InferenceCore", dependencies: ["CKernels"]),
    .target(name: "WorkerCore", dependencies: ["InferenceCore"]),

    // The tab. Linked for WebAssembly only, by Scripts/wasm/build.sh; here it is compiled so that slips show.
    .target(name: "CBrowserRuntime"),
    .target(name: "BrowserWorker", dependencies: ["WorkerCore", "CKernels", "CBrowserRuntime"]),

    // Swift programs, the server and the terminal.
    .target(
      name: "Swiftlet",
      dependencies: ["WorkerCore", .product(name: "Logging", package: "swift-log")]),
    .target(
      name: "SwiftletServer",
      dependencies: [
        "Swiftlet", .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    .target(
      name: "SwiftletCommands",
      dependencies: [
        "Swiftlet", "SwiftletServer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "SwiftletMain", dependencies: ["SwiftletCommands"]),

    .testTarget(name: "InferenceCoreTests", dependencies: ["InferenceCore"]),
    .target(name: "SwiftletTestSupport", path: "Tests/TestSupport"),
    .testTarget(name: "WorkerCoreTests", dependencies: ["WorkerCore", "SwiftletTestSupport"]),
    .testTarget(name: "SwiftletTests", dependencies: ["Swiftlet", "SwiftletTestSupport"]),
    .testTarget(name: "SwiftletServerTests", dependencies: ["SwiftletServer", "SwiftletTestSupport"]),
    .testTarget(name: "SwiftletCommandsTests", dependencies: ["SwiftletCommands", "SwiftletTestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
