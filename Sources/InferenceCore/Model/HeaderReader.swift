/// Reads an architecture's keys (`llama.block_count` and so on) with their bounds.
struct HeaderReader {
  let file: GGUFFile
  /// The architecture's name, which its keys begin with: UTF-8.
  let prefix: [UInt8]
  let traits: Architecture

  init(_ file: GGUFFile) throws(ModelError) {
    self.file = file
    guard let name = try gguf({ () throws(GGUFError) in try file.string("general.architecture") }) else {
      throw ModelError(.missing, "The file does not say its architecture: the key general.architecture is absent.")
    }
    prefix = Array(name)
    traits = try Architecture.named(name)
  }

  /// A count of at least 1; a default of 0 may stay 0.
  func count(_ suffix: StaticString, upTo limit: Int, default standard: Int? = nil) throws(ModelError) -> Int {
    let key = GGUFKey(prefix: prefix, suffix)
    guard let value = try gguf({ () throws(GGUFError) in try file.uint(key) }) else {
      if let standard { return standard }
      throw ModelError(.missing, "The key \(name(suffix)) is absent.")
    }
    guard value >= 1 || standard == 0, value <= UInt64(limit) else {
      throw invalid("\(name(suffix)) to be from 1 to \(limit), found \(value)")
    }
    return Int(value)
  }

  /// A count for each layer: an array of as many, or one number for all.
  func counts(
    _ suffix: StaticString, perLayer layers: Int, from lowest: Int, upTo limit: Int, default standard: Int
  ) throws(ModelError) -> [Int] {
    let key = GGUFKey(prefix: prefix, suffix)
    guard case .array = file.entry(key)?.value else {
      return Array(repeating: try count(suffix, upTo: limit, default: standard), count: layers)
    }
    let array = try gguf { () throws(GGUFError) in try file.array(key, of: .integers) }
    guard let array, array.count == layers else {
      throw invalid("\(name(suffix)) to have \(layers) numbers, one for each layer, found \(array?.count ?? 0)")
    }
    var counts: [Int] = []
    for index in 0..<layers {
      let value = array.int(at: index)
      guard value >= Int64(lowest), value <= Int64(limit) else {
        throw invalid("\(name(suffix)) to be from \(lowest) to \(limit), found \(value) for layer \(index)")
      }
      counts.append(Int(value))
    }
    return counts
  }

  /// A finite number.
  func number(_ suffix: StaticString, default standard: Double) throws(ModelError) -> Double {
    let key = GGUFKey(prefix: prefix, suffix)
    guard let value = try gguf({ () throws(GGUFError) in try file.float(key) }) else { return standard }
    guard value.isFinite, value > 0 else { throw invalid("\(name(suffix)) to be a number above zero") }
    return value
  }

  /// The factor of linear position scaling (Chen et al. 2023), the only kind given by keys that is built here.
  func rotaryScale() throws(ModelError) -> Double {
    let key = GGUFKey(prefix: prefix, ".rope.scaling.type")
    if let type = try gguf({ () throws(GGUFError) in try file.string(key) }) {
      let text = Array(type)
      if text == Array("none".utf8) { return 1 }
      guard text == Array("linear".utf8) else {
        let found = String(decoding: text.prefix(64), as: UTF8.self)
        throw ModelError(.unsupported, "The rotary scaling is \(found); known here are none, linear and factors.")
      }
    }
    return 1 / (try number(".rope.scaling.factor", default: try number(".rope.scale_linear", default: 1)))
  }

  func invalid(_ expectation: String) -> ModelError {
    ModelError(.invalid, "The header contradicts itself: expected \(expectation).")
  }

  private func name(_ suffix: StaticString) -> String {
    String(decoding: prefix, as: UTF8.self) + "\(suffix)"
  }
}

/// Runs a read of the header, giving its error as the model's.
func gguf<Value>(_ read: () throws(GGUFError) -> Value) throws(ModelError) -> Value {
  do throws(GGUFError) {
    return try read()
  } catch {
    throw ModelError(error)
  }
}
