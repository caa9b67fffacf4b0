import Foundation

/// Reads lines from the person at the terminal: cursor keys, history, kill and yank, pastes of many lines, and characters
/// of every width, on a line that may wrap. Where input is not a terminal it reads plain lines.
package final class LineEditor {
  /// What came of reading a line.
  package enum Input: Equatable {
    case line(String)
    /// Ctrl-C: the line was dropped. `wasEmpty` tells whether there was anything on it.
    case interrupted(wasEmpty: Bool)
    case endOfInput
  }

  private var buffer = LineBuffer()
  private var decoder = KeyDecoder()
  private var queue: [Key] = []
  /// Rows from the first row of the prompt down to the cursor, as last drawn.
  private var cursorRow = 0
  private let completions: [String]
  private let isInteractive: Bool

  /// - Parameter completions: what Tab completes at the beginning of a line.
  init(completions: [String] = []) {
    self.completions = completions
    isInteractive =
      Terminal.inputIsTerminal && Terminal.outputIsTerminal && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// Shows the prompt and waits for a line. Blocks its thread.
  func read(prompt: String) -> Input {
    guard isInteractive else {
      if Terminal.inputIsTerminal { Terminal.write(prompt) }
      return readLine(strippingNewline: true).map(Input.line) ?? .endOfInput
    }
    TerminalMode.set(.editing)
    Terminal.write("\u{1B}[?2004h")
    defer {
      Terminal.write("\u{1B}[?2004l")
      TerminalMode.set(.quiet)
    }
    buffer.reset()
    cursorRow = 0
    draw(prompt)
    while true {
      while !queue.isEmpty {
        if let input = handle(queue.removeFirst()) {
          buffer.moveToEnd()
          draw(prompt)
          Terminal.write("\r\n")
          if case .line(let line) = input { buffer.reset(remembering: line) }
          return input
        }
      }
      draw(prompt)
      guard let bytes = Self.readBytes() else { return .endOfInput }
      queue += decoder.feed(bytes)
    }
  }

  /// Applies one key; the result once the line is done.
  private func handle(_ key: Key) -> Input? {
    switch key {
    case .text(let text), .paste(let text): buffer.insert(text)
    case .enter: return .line(buffer.text)
    case .tab: buffer.complete(from: completions)
    case .backspace, .control("h"): buffer.deleteBackward()
    case .delete: buffer.deleteForward()
    case .left, .control("b"): buffer.move(by: -1)
    case .right, .control("f"): buffer.move(by: 1)
    case .up, .control("p"): buffer.previousInHistory()
    case .down, .control("n"): buffer.nextInHistory()
    case .home, .control("a"): buffer.moveToStart()
    case .end, .control("e"): buffer.moveToEnd()
    case .wordLeft: buffer.moveWordLeft()
    case .wordRight: buffer.moveWordRight()
    case .control("k"): buffer.killToEnd()
    case .control("u"): buffer.killToStart()
    case .control("w"): buffer.killWordLeft()
    case .control("y"): buffer.yank()
    case .control("l"):
      Terminal.write("\u{1B}[H\u{1B}[2J")
      cursorRow = 0
    case .control("c"):
      let wasEmpty = buffer.characters.isEmpty
      return .interrupted(wasEmpty: wasEmpty)
    case .control("d"):
      if buffer.characters.isEmpty { return .endOfInput }
      buffer.deleteForward()
    case .control: break
    }
    return nil
  }

  /// Draws prompt and text from the row where they began, and puts the cursor in its place.
  private func draw(_ prompt: String) {
    let width = max(Terminal.width(STDOUT_FILENO), 2)
    var output = cursorRow > 0 ? "\u{1B}[\(cursorRow)A" : ""
    output += "\r\u{1B}[J" + prompt
    var place = (row: 0, column: TextWidth.columns(prompt))
    var cursor = place
    for (index, character) in buffer.characters.enumerated() {
      if index == buffer.cursor { cursor = place }
      let columns = TextWidth.columns(character)
      if character == "\n" || place.column + columns > width {
        output += "\r\n"
        place = (place.row + 1, 0)
      }
      if character != "\n" {
        output.append(columns == 0 ? " " : character)
        place.column += max(columns, 1)
      }
    }
    if buffer.cursor == buffer.characters.count { cursor = place }
    if place.row > cursor.row { output += "\u{1B}[\(place.row - cursor.row)A" }
    output += "\r"
    if cursor.column > 0 { output += "\u{1B}[\(min(cursor.column, width - 1))C" }
    cursorRow = cursor.row
    Terminal.write(output)
  }

  /// Waits for bytes from the terminal; nil when it is gone.
  private static func readBytes() -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Foundation.read(STDIN_FILENO, &bytes, bytes.count)
      if count > 0 { return Array(bytes[..<count]) }
      if count == 0 || errno != EINTR { return nil }
    }
  }
}
