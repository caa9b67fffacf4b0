import SwiftletCommands

@main
enum SwiftletMain {
  static func main() async {
    await SwiftletCommand.main()
  }
}
