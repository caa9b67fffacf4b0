import Foundation

/// Numbers as people read them.
package enum Format {
  /// "98.4 MB", "2.0 GB": decimal units, as download pages and disks count.
  package static func bytes(_ count: some BinaryInteger) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var value = Double(count)
    var unit = 0
    while value >= 999.95 && unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    return unit == 0 ? "\(count) B" : String(format: "%.1f %@", value, units[unit])
  }

  /// "12 s", "3 min 20 s", "1 h 5 min".
  package static func duration(_ seconds: Double) -> String {
    let seconds = Int(min(max(seconds.rounded(.up), 0), 360_000))
    if seconds < 60 { return "\(seconds) s" }
    if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
    return "\(seconds / 3600) h \(seconds / 60 % 60) min"
  }

  /// "3.4k", "128k", "12": token counts at a glance.
  package static func count(_ number: Int) -> String {
    number < 10_000 ? "\(number)" : "\(number / 1000)k"
  }

  /// "134.5M", "1.2k", "7.2B": a quantity at a glance.
  package static func quantity(_ number: UInt64) -> String {
    let units = [("B", 1e9), ("M", 1e6), ("k", 1e3)]
    guard let (unit, size) = units.first(where: { Double(number) >= $0.1 }) else { return "\(number)" }
    return String(format: "%.1f%@", Double(number) / size, unit)
  }

  /// One decimal place.
  package static func decimal(_ value: Double) -> String {
    String(format: "%.1f", value)
  }

  /// Columns padded to equal width, two spaces between them; the columns in `rightAligned` lean right.
  package static func table(_ rows: [[String]], rightAligned: Set<Int> = []) -> String {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in rows.map { column < $0.count ? TextWidth.columns($0[column]) : 0 }.max()! }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - TextWidth.columns(cell))
        return rightAligned.contains(column) ? padding + cell : cell + padding
      }
      var line = cells.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line + "\n"
    }.joined()
  }
}
