import ArgumentParser
import InferenceCore
import WorkerCore

/// What a model's chat template gets beside the messages.
package struct TemplateArguments: ParsableArguments {
  @Option(help: "JSON file with the list of tools.")
  var tools: String?

  @Option(help: "JSON file with the list of documents, for templates that know such.")
  var documents: String?

  @Option(
    help: ArgumentHelp(
      "Further variables of the template, as a JSON object: {\"enable_thinking\": false}.", valueName: "json"))
  var variables: String?

  package init() {}

  /// Whether anything is given.
  var isEmpty: Bool { tools == nil && documents == nil && variables == nil }

  /// The tools; none when there are none.
  func toolList() throws -> TemplateValue {
    try tools.map { try Self.list($0, of: "tools") } ?? .none
  }

  /// The variables by name, documents among them.
  func mapping() throws -> TemplateMapping {
    var result = TemplateMapping()
    if let variables {
      let value = try Self.parse(Array(variables.utf8), "--variables")
      guard case .mapping(let mapping) = value else {
        throw CommandError("--variables: expected a JSON object, found another kind of value.")
      }
      result = mapping
    }
    if let documents { result["documents"] = try Self.list(documents, of: "documents") }
    return result
  }

  /// A conversation with these beside it.
  func chat(_ messages: [ChatMessage]) throws -> ChatInput {
    var input = ChatInput(messages: messages)
    if tools != nil { input.toolsJSON = try Self.json(toolList()) }
    if variables != nil || documents != nil { input.variablesJSON = try Self.json(.mapping(mapping())) }
    return input
  }

  private static func json(_ value: TemplateValue) throws -> String {
    String(decoding: try JSON.serialize(value, style: JSON.Style(), maximumBytes: .max), as: UTF8.self)
  }

  /// Reads a JSON list.
  static func list(_ path: String, of what: String) throws -> TemplateValue {
    let value = try parse(try TextFile.read(path), path)
    guard case .list = value else {
      throw CommandError("\(path): expected a JSON list of \(what), found another kind of value.")
    }
    return value
  }

  private static func parse(_ bytes: [UInt8], _ name: String) throws -> TemplateValue {
    do throws(JSONError) {
      return try JSON.parse(bytes)
    } catch {
      throw CommandError("\(name): at byte \(error.offset): \(error.message)")
    }
  }
}
