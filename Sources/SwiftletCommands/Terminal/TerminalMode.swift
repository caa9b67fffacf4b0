import Foundation
import Synchronization

/// Puts the terminal into the mode that a task needs, and always back into the one it was found in: at exit, and before
/// the process dies of a signal.
enum TerminalMode {
  /// What keys do.
  enum Mode {
    /// Every key arrives by itself, Ctrl-C too; nothing is echoed.
    case editing
    /// As `editing`, but Ctrl-C sends SIGINT: the mode while a reply runs, so that typing ahead does not garble it.
    case quiet
    /// As the program found it.
    case original
  }

  private static let saved = Mutex<termios?>(nil)

  /// Changes the mode; does nothing when standard input is not a terminal. Keys typed ahead are kept.
  static func set(_ mode: Mode) {
    saved.withLock { saved in
      if saved == nil {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
        saved = settings
        atexit { TerminalMode.set(.original) }
      }
      guard var settings = saved else { return }
      switch mode {
      case .original: break
      case .editing:
        settings.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INPCK | ISTRIP | IXON)
        settings.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG)
      case .quiet:
        settings.c_lflag &= ~tcflag_t(ECHO | ICANON)
      }
      tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    }
  }
}
