/// The text of the line being edited, its cursor, and the lines entered before.
package struct LineBuffer {
  package private(set) var characters: [Character] = []
  /// Index of the character under the cursor; `characters.count` at the end.
  package private(set) var cursor = 0
  package private(set) var history: [String] = []
  private var historyIndex = 0
  /// What was being typed before the first step into history.
  private var draft = ""
  private var killed: [Character] = []

  package init() {}

  package var text: String { String(characters) }

  /// Empties the line, after remembering a line that was entered.
  package mutating func reset(remembering line: String? = nil) {
    if let line, !line.isEmpty, history.last != line { history.append(line) }
    characters = []
    cursor = 0
    historyIndex = history.count
    draft = ""
  }

  package mutating func insert(_ text: String) {
    // Joined anew, since an inserted scalar may combine with the character before it.
    let head = String(characters[..<cursor]) + text
    let tail = characters[cursor...]
    characters = Array(head)
    cursor = characters.count
    characters += tail
  }

  package mutating func deleteBackward() {
    guard cursor > 0 else { return }
    cursor -= 1
    characters.remove(at: cursor)
  }

  package mutating func deleteForward() {
    guard cursor < characters.count else { return }
    characters.remove(at: cursor)
  }

  package mutating func move(by offset: Int) {
    cursor = min(max(cursor + offset, 0), characters.count)
  }

  package mutating func moveToStart() { cursor = 0 }
  package mutating func moveToEnd() { cursor = characters.count }
  package mutating func moveWordLeft() { cursor = wordStart() }

  package mutating func moveWordRight() {
    while cursor < characters.count, characters[cursor].isWhitespace { cursor += 1 }
    while cursor < characters.count, !characters[cursor].isWhitespace { cursor += 1 }
  }

  package mutating func killToStart() { kill(0..<cursor) }
  package mutating func killToEnd() { kill(cursor..<characters.count) }
  package mutating func killWordLeft() { kill(wordStart()..<cursor) }
  package mutating func yank() { insert(String(killed)) }

  package mutating func previousInHistory() {
    guard historyIndex > 0 else { return }
    if historyIndex == history.count { draft = text }
    historyIndex -= 1
    show(history[historyIndex])
  }

  package mutating func nextInHistory() {
    guard historyIndex < history.count else { return }
    historyIndex += 1
    show(historyIndex == history.count ? draft : history[historyIndex])
  }

  /// Completes the only candidate that begins with the line, or as much as all of them share.
  package mutating func complete(from candidates: [String]) {
    let matches = candidates.filter { $0.hasPrefix(text) }
    guard cursor == characters.count, !text.isEmpty, let first = matches.first else { return }
    let common = matches.dropFirst().reduce(first) { $0.commonPrefix(with: $1) }
    if common.count > characters.count { show(common) }
  }

  private mutating func show(_ line: String) {
    characters = Array(line)
    cursor = characters.count
  }

  private mutating func kill(_ range: Range<Int>) {
    killed = Array(characters[range])
    characters.removeSubrange(range)
    cursor = range.lowerBound
  }

  private func wordStart() -> Int {
    var index = cursor
    while index > 0, characters[index - 1].isWhitespace { index -= 1 }
    while index > 0, !characters[index - 1].isWhitespace { index -= 1 }
    return index
  }
}

extension String {
  /// The longest text that both begin with.
  fileprivate func commonPrefix(with other: String) -> String {
    String(zip(self, other).prefix { $0 == $1 }.map(\.0))
  }
}
