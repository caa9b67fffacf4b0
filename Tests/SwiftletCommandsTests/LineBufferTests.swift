import SwiftletCommands
import Testing

@Suite struct LineBufferTests {
  @Test func editsInTheMiddleOfALine() {
    var line = LineBuffer()
    line.insert("hello wrld")
    line.move(by: -3)
    line.insert("o")
    #expect(line.text == "hello world")
    line.moveToStart()
    line.deleteForward()
    line.insert("J")
    line.moveToEnd()
    line.deleteBackward()
    #expect(line.text == "Jello worl")
  }

  @Test func aCharacterOfManyScalarsIsOneStep() {
    var line = LineBuffer()
    line.insert("a👩‍👩‍👧é")
    line.move(by: -1)
    line.deleteBackward()
    #expect(line.text == "aé")
  }

  @Test func aCombiningMarkJoinsTheCharacterBeforeIt() {
    var line = LineBuffer()
    line.insert("e")
    line.insert("\u{301}")
    #expect(line.characters.count == 1)
    #expect(line.cursor == 1)
  }

  @Test func killsAndYanks() {
    var line = LineBuffer()
    line.insert("one two  three")
    line.killWordLeft()
    #expect(line.text == "one two  ")
    line.killWordLeft()
    #expect(line.text == "one ")
    line.yank()
    #expect(line.text == "one two  ")
    line.killToStart()
    #expect(line.text.isEmpty)
  }

  @Test func movesByWords() {
    var line = LineBuffer()
    line.insert("ab  cd ef")
    line.moveWordLeft()
    #expect(line.cursor == 7)
    line.moveWordLeft()
    #expect(line.cursor == 4)
    line.moveWordRight()
    #expect(line.cursor == 6)
  }

  @Test func walksThroughHistoryAndBackToTheDraft() {
    var line = LineBuffer()
    for text in ["first", "second", "second", ""] { line.reset(remembering: text) }
    #expect(line.history == ["first", "second"])
    line.insert("draft")
    line.previousInHistory()
    #expect(line.text == "second")
    line.previousInHistory()
    line.previousInHistory()
    #expect(line.text == "first")
    line.nextInHistory()
    line.nextInHistory()
    #expect(line.text == "draft")
  }

  @Test(arguments: [("/re", "/regenerate"), ("/s", "/s"), ("/st", "/stats"), ("/se", "/set "), ("x", "x"), ("", "")])
  func completesWhatIsCertain(typed: String, completed: String) {
    var line = LineBuffer()
    line.insert(typed)
    line.complete(from: ["/regenerate", "/set ", "/save", "/stats"])
    #expect(line.text == completed)
  }
}
