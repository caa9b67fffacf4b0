import WorkerCore

/// What a line typed in a chat asks for.
package enum ChatInputCommand: Equatable {
  case message(String)
  case help, clear, regenerate, stats, quit
  /// Shows all settings.
  case showSettings
  case set(ChatSetting)
  /// Saves the conversation; nil for a name made from the date.
  case save(String?)
  case unknown(String)
  /// A known command with arguments that it does not take; the text says what it does take.
  case invalid(String)

  /// What Tab completes.
  static let names = ["/help", "/clear", "/regenerate", "/set ", "/save", "/stats", "/quit"]

  /// Reads a line. One that begins with `/` and a letter is a command.
  package init(_ line: String) {
    let trimmed = line.trimmed
    guard trimmed.first == "/", let second = trimmed.dropFirst().first, second.isLetter || second == "?" else {
      self = .message(line)
      return
    }
    let words = trimmed.split(whereSeparator: \.isWhitespace).map(String.init)
    let arguments = Array(words.dropFirst())
    switch words[0] {
    case "/help", "/?": self = .help
    case "/clear": self = .clear
    case "/regenerate": self = .regenerate
    case "/stats": self = .stats
    case "/quit", "/exit", "/bye": self = .quit
    case "/save": self = .save(words.count > 1 ? String(trimmed.dropFirst("/save".count)).trimmed : nil)
    case "/set": self = Self.set(arguments, trimmed)
    default: self = .unknown(words[0])
    }
  }

  private static func set(_ arguments: [String], _ line: String) -> ChatInputCommand {
    guard let name = arguments.first else { return .showSettings }
    let value = line.dropFirst("/set".count).trimmed.dropFirst(name.count).trimmed
    switch ChatSetting.parse(name, value) {
    case .success(let setting): return .set(setting)
    case .failure(let error): return .invalid(error.message)
    }
  }
}

/// One setting of a chat and its new value; nil goes back to the model's recommendation.
package enum ChatSetting: Equatable {
  case temperature(Float?)
  case topK(Int?)
  case topP(Float?)
  case minP(Float?)
  case repeatPenalty(Float?)
  case maxTokens(Int?)
  case seed(UInt64?)
  case system(String?)

  package struct ParseError: Error, Equatable {
    package let message: String
  }

  package static let names = [
    "temperature", "top-k", "top-p", "min-p", "repeat-penalty", "max-tokens", "seed", "system",
  ]

  package static func parse(_ name: String, _ value: String) -> Result<ChatSetting, ParseError> {
    let isDefault = value == "default" || value.isEmpty
    func number<Number: LosslessStringConvertible>(
      _ make: (Number?) -> ChatSetting, _ expected: String, isValid: (Number) -> Bool
    ) -> Result<ChatSetting, ParseError> {
      if isDefault { return .success(make(nil)) }
      guard let number = Number(value), isValid(number) else {
        return .failure(ParseError(message: "\(name): expected \(expected) or “default”, found “\(value)”."))
      }
      return .success(make(number))
    }
    switch name {
    case "temperature": return number(Self.temperature, "a number not below 0") { $0 >= 0 && $0.isFinite }
    case "top-k", "top_k": return number(Self.topK, "a whole number, 0 for all") { $0 >= 0 }
    case "top-p", "top_p": return number(Self.topP, "a number from 0 to 1") { (0...1).contains($0) }
    case "min-p", "min_p": return number(Self.minP, "a number from 0 to 1") { (0...1).contains($0) }
    case "repeat-penalty", "repeat_penalty":
      return number(Self.repeatPenalty, "a number above 0") { $0 > 0 && $0.isFinite }
    case "max-tokens", "max_tokens": return number(Self.maxTokens, "a whole number above 0") { $0 > 0 }
    case "seed": return number(Self.seed, "a whole number not below 0") { _ in true }
    case "system": return .success(.system(isDefault ? nil : value))
    default:
      return .failure(ParseError(message: "There is no setting “\(name)”; there are \(names.joined(separator: ", "))."))
    }
  }

  /// Puts the value where generation takes it from. The system prompt is the conversation's own.
  package func apply(to options: inout GenerationOptions) {
    switch self {
    case .temperature(let value): options.temperature = value
    case .topK(let value): options.topK = value
    case .topP(let value): options.topP = value
    case .minP(let value): options.minP = value
    case .repeatPenalty(let value): options.repeatPenalty = value
    case .maxTokens(let value): options.maxTokens = value
    case .seed(let value): options.seed = value
    case .system: break
    }
  }
}

extension StringProtocol {
  /// Without white space around it.
  var trimmed: String {
    var text = Substring(self)
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
