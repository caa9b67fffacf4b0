import Foundation

/// What this computer has to compute with.
public enum Machine {
  /// Threads that a model uses when nobody says otherwise: one for each physical core this process may use, at most 8.
  ///
  /// A second thread on a core's other half slows the first more than it helps, and beyond 8 memory is the limit.
  public static var defaultThreadCount: Int {
    #if os(Linux)
      let available = linuxPhysicalCores()
    #elseif canImport(Darwin)
      // Only the fast cores: a slow one would hold up every layer.
      let available = systemNumber("hw.perflevel0.physicalcpu") ?? systemNumber("hw.physicalcpu")
    #else
      let available: Int? = nil
    #endif
    return max(1, min(available ?? ProcessInfo.processInfo.activeProcessorCount, 8))
  }

  /// Bytes of memory this process may use, swap not counted.
  public static var memoryLimit: UInt64 {
    let physical = ProcessInfo.processInfo.physicalMemory
    #if os(Linux)
      let groups = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
      return groups.compactMap { firstLine($0).flatMap(UInt64.init) }.reduce(physical, min)
    #else
      return physical
    #endif
  }

  #if os(Linux)
    private static func linuxPhysicalCores() -> Int? {
      guard let allowed = allowedProcessors() else { return nil }
      // Threads of one core list the same siblings.
      let cores = Set(
        allowed.map { cpu in
          firstLine("/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list") ?? "cpu \(cpu)"
        })
      // A container may have less processor time than processors: "quota period" in microseconds.
      let quota = firstLine("/sys/fs/cgroup/cpu.max")?.split(separator: " ").compactMap { Double($0) } ?? []
      guard quota.count == 2, quota[1] > 0 else { return cores.count }
      return min(cores.count, Int((quota[0] / quota[1]).rounded(.up)))
    }

    /// The numbers of the processors this process may run on.
    private static func allowedProcessors() -> [Int]? {
      guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
        let line = status.split(separator: "\n").first(where: { $0.hasPrefix("Cpus_allowed_list:") })
      else { return nil }
      // "0-3,8,10-11"
      return line.dropFirst("Cpus_allowed_list:".count).split(separator: ",").flatMap { range -> [Int] in
        let ends = range.split(separator: "-").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
        guard let first = ends.first, let last = ends.last, first <= last else { return [] }
        return Array(first...last)
      }
    }

    private static func firstLine(_ path: String) -> String? {
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
      return text.split(separator: "\n", maxSplits: 1).first.map(String.init)
    }
  #endif

  #if canImport(Darwin)
    private static func systemNumber(_ name: String) -> Int? {
      var value: Int32 = 0
      var size = MemoryLayout<Int32>.size
      guard sysctlbyname(name, &value, &size, nil, 0) == 0, value > 0 else { return nil }
      return Int(value)
    }
  #endif
}
