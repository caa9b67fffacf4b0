import SwiftletCommands
import Testing
import WorkerCore

@Suite struct DisplayTests {
  private func progress(_ fraction: Double, step: LoadingStep = .downloading) -> LoadProgress {
    LoadProgress(
      progress: fraction, bytes: UInt64(fraction * 98_400_000), totalBytes: 98_400_000, timeElapsed: 10, remaining: 17,
      step: step, text: "Downloading Quick: 44.3 MB of 98.4 MB")
  }

  @Test func theBarShowsAmountsRateAndTimeLeft() {
    let bar = ProgressBar.bar(progress(0.45), rate: 3_200_000, width: 120, usesColor: false)
    #expect(bar.hasPrefix(" 45% ━"))
    #expect(bar.contains("44.3 MB of 98.4 MB, 3.2 MB/s, 17 s left"))
    #expect(bar.contains("Downloading Quick"))
    #expect(!bar.contains("\u{1B}"))
  }

  @Test(arguments: [12, 20, 40, 79, 80, 200])
  func theBarFitsTheTerminal(width: Int) {
    let bar = ProgressBar.bar(progress(1), rate: 3_200_000, width: width, usesColor: false)
    #expect(TextWidth.columns(bar) < width)
  }

  @Test func colorIsLeftOutUnlessAskedFor() {
    #expect(ProgressBar.bar(progress(0.5), rate: nil, width: 80, usesColor: true).contains("\u{1B}[36m"))
    #expect(ProgressBar.plainLine(progress(0.5)) == " 50% Downloading Quick: 44.3 MB of 98.4 MB")
  }

  @Test(arguments: [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (98_362_432, "98.4 MB"), (999_960, "1.0 MB")])
  func bytesAreShownInDecimalUnits(count: Int, expected: String) {
    #expect(Format.bytes(count) == expected)
  }

  @Test(arguments: [(0.2, "1 s"), (59.0, "59 s"), (61.0, "1 min 1 s"), (3660.0, "1 h 1 min"), (-1.0, "0 s")])
  func durationsAreShownInTwoUnits(seconds: Double, expected: String) {
    #expect(Format.duration(seconds) == expected)
  }

  @Test func tablesAlignWideCharacters() {
    let table = Format.table([["你好", "1"], ["abc", "22"]], rightAligned: [1])
    #expect(table == "你好   1\nabc   22\n")
  }

  @Test(arguments: [
    ("abc", 3), ("é", 1), ("e\u{301}", 1), ("你好", 4), ("🙂", 2), ("👩‍👩‍👧", 2), ("\u{200B}", 0), ("ｗ", 2),
  ])
  func charactersTakeTheirColumns(text: String, columns: Int) {
    #expect(TextWidth.columns(text) == columns)
  }

  @Test func aModelCannotDriveTheTerminal() {
    #expect(TerminalText.harmless("a\u{1B}]0;title\u{7}b\u{9B}2J\tc\n") == "a]0;titleb2J\tc\n")
    #expect(TerminalText.harmless("plain 你好\n") == "plain 你好\n")
  }
}
