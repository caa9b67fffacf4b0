/// GGUF files that are no language models by themselves: what tells them, what they are, and what to do instead.
///
/// The page has the same table (`Web/gguf-header.js`), for what a hub offers.
public struct ForeignFile: Sendable {
  private let key: GGUFKey
  private let value: StaticString
  private let text: String

  private static let projector =
    "It is a projector for pictures, which goes with a language model. Load that model's own file: it answers to text "
    + "without the projector."
  private static let table = [
    ForeignFile(key: "general.type", value: "mmproj", text: projector),
    ForeignFile(key: "general.architecture", value: "clip", text: projector),
    ForeignFile(
      key: "general.type", value: "adapter",
      text:
        "It is an adapter (LoRA), which changes a model and is none. Merge it into its model with llama-export-lora, "
        + "and load what that writes."),
    ForeignFile(
      key: "general.type", value: "imatrix",
      text: "It is an importance matrix, by which models are quantized. Load a model that was quantized with it."),
    ForeignFile(
      key: "general.architecture", value: "controlvector",
      text: "It is a control vector, which steers a model and is none. Load the model itself."),
  ]

  /// What the file is and what to do, for a person; nil for what may be a language model.
  ///
  /// - Parameter file: Of a header, as much as there is (``GGUFFile/parseBeginning(_:)``).
  public static func reason(_ file: GGUFFile) -> String? {
    table.first { foreign in
      guard let value = try? file.string(foreign.key) else { return false }
      return foreign.value.withUTF8Buffer { value.elementsEqual($0) }
    }?.text
  }
}
