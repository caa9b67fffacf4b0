import SwiftletCommands
import Testing

@Suite struct KeyTests {
  @Test(arguments: [
    ("a", [Key.text("a")]),
    ("é你🙂", [.text("é"), .text("你"), .text("🙂")]),
    ("\r", [.enter]),
    ("\n", [.enter]),
    ("\t", [.tab]),
    ("\u{7F}", [.backspace]),
    ("\u{03}\u{04}\u{15}", [.control("c"), .control("d"), .control("u")]),
    ("\u{1B}[A\u{1B}[B\u{1B}[C\u{1B}[D", [.up, .down, .right, .left]),
    ("\u{1B}OA\u{1B}OH", [.up, .home]),
    ("\u{1B}[H\u{1B}[F\u{1B}[1~\u{1B}[4~\u{1B}[3~", [.home, .end, .home, .end, .delete]),
    ("\u{1B}[1;5C\u{1B}[1;3D\u{1B}b\u{1B}f", [.wordRight, .wordLeft, .wordLeft, .wordRight]),
    ("\u{1B}[200~two\r\nlines\u{1B}[201~x", [.paste("two\nlines"), .text("x")]),
    ("\u{1B}[99~\u{1B}[5;7Ra", [.text("a")]),
  ])
  func bytesBecomeKeysHoweverTheyArrive(bytes: String, expected: [Key]) {
    var whole = KeyDecoder()
    #expect(whole.feed(Array(bytes.utf8)) == expected)
    var piecemeal = KeyDecoder()
    #expect(bytes.utf8.flatMap { piecemeal.feed([$0]) } == expected)
  }

  @Test func bytesThatAreNoTextAreDropped() {
    var decoder = KeyDecoder()
    #expect(decoder.feed([0xFF, 0x80, 0x61, 0xE4, 0xBD, 0x62]) == [.text("a"), .text("b")])
  }

  @Test func anEndlessEscapeSequenceDoesNotHoldUpTheKeyboard() {
    var decoder = KeyDecoder()
    let keys = decoder.feed(Array("\u{1B}[".utf8) + Array(repeating: UInt8(ascii: "1"), count: 100))
    #expect(keys.contains(.text("1")))
  }
}
