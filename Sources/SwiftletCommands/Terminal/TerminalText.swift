import Foundation

/// Text of a model on its way to a person's terminal.
package enum TerminalText {
  /// Removes control characters other than line breaks and tabs: a model's output must not move the cursor, set the
  /// window's title or answer for the keyboard.
  package static func harmless(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.filter { !isControl($0) }))
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 ? scalar != "\n" && scalar != "\t" : (0x7F..<0xA0).contains(scalar.value)
  }

  /// Greyed where the stream shows colour.
  static func dim(_ text: String, on descriptor: Int32 = STDOUT_FILENO) -> String {
    Terminal.usesColor(descriptor) ? "\u{1B}[2m\(text)\u{1B}[0m" : text
  }
}
