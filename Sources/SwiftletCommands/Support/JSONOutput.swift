import Foundation

/// Prints results that programs read: one JSON object on standard output, keys in alphabetical order.
enum JSONOutput {
  static func print(_ value: some Encodable, pretty: Bool = true) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    Terminal.write(Array(try encoder.encode(value)) + [0x0A])
  }
}
