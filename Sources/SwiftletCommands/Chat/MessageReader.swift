/// Reads one message from the person: a line, or everything between `"""` and `"""`.
package enum MessageReader {
  private static let fence = "\"\"\""

  /// Waits for a message. A fence left open at the end of the input closes there.
  package static func read(_ readLine: (_ prompt: String) -> LineEditor.Input) -> LineEditor.Input {
    let first = readLine("> ")
    guard case .line(let line) = first, line.trimmed.hasPrefix(fence) else { return first }
    var rest = String(line.trimmed.dropFirst(fence.count))
    var lines: [String] = []
    while true {
      if rest.trimmed.hasSuffix(fence) {
        lines.append(String(rest.trimmed.dropLast(fence.count)))
        break
      }
      lines.append(rest)
      switch readLine(". ") {
      case .line(let next): rest = next
      case .interrupted: return .interrupted(wasEmpty: false)
      case .endOfInput:
        return .line(joined(lines))
      }
    }
    return .line(joined(lines))
  }

  /// The lines as one text; the fences' own lines add no empty ones.
  private static func joined(_ lines: [String]) -> String {
    var lines = lines[...]
    if lines.count > 1, lines.first!.isEmpty { lines.removeFirst() }
    if lines.count > 1, lines.last!.isEmpty { lines.removeLast() }
    return lines.joined(separator: "\n")
  }
}
