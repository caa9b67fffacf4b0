/// Reads one message from the person: a line, or everything between `"""` and `"""`.
struct MessageReader {
  private static let fence = "\"\"\""
  private let readLine: (_ prompt: String) -> LineEditor.Input

  init(_ readLine: @escaping (_ prompt: String) -> LineEditor.Input) {
    self.readLine = readLine
  }

  /// Waits for a message. A fence left open at the end of the input closes there.
  func read() -> LineEditor.Input {
    let first = readLine("> ")
    guard case .line(let line) = first, line.trimmed.hasPrefix(Self.fence) else { return first }
    var rest = String(line.trimmed.dropFirst(Self.fence.count))
    var lines: [String] = []
    while true {
      if rest.trimmed.hasSuffix(Self.fence) {
        lines.append(String(rest.trimmed.dropLast(Self.fence.count)))
        break
      }
      lines.append(rest)
      switch readLine(". ") {
      case .line(let next): rest = next
      case .interrupted: return .interrupted(wasEmpty: false)
      case .endOfInput:
        return .line(Self.joined(lines))
      }
    }
    return .line(Self.joined(lines))
  }

  /// The lines as one text; the fences' own lines add no empty ones.
  private static func joined(_ lines: [String]) -> String {
    var lines = lines[...]
    if lines.count > 1, lines.first!.isEmpty { lines.removeFirst() }
    if lines.count > 1, lines.last!.isEmpty { lines.removeLast() }
    return lines.joined(separator: "\n")
  }
}
