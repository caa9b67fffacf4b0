/// What the names of GGUF files say: quantization, and place among the parts of a split model.
package enum ModelFileName {
  /// A part's place, counted from 1: `name-00002-of-00003.gguf`.
  package struct Part: Equatable {
    /// The path without `-00002-of-00003.gguf`.
    package var stem: String
    package var index: Int
    package var count: Int

    /// The paths of all parts, in order.
    package var siblings: [String] {
      (1...count).map { "\(stem)-\(Self.padded($0))-of-\(Self.padded(count)).gguf" }
    }

    private static func padded(_ number: Int) -> String {
      String(repeating: "0", count: max(0, 5 - String(number).count)) + String(number)
    }
  }

  /// The part that a path names, or nil when it is a whole model.
  package static func part(_ path: String) -> Part? {
    guard let match = path.wholeMatch(of: /(.+)-(\d{5})-of-(\d{5})\.gguf/.ignoresCase()),
      let index = Int(match.2), let count = Int(match.3), index >= 1, index <= count
    else { return nil }
    return Part(stem: String(match.1), index: index, count: count)
  }

  /// The models among a repository's files: each a list of parts in order, sorted by name.
  ///
  /// Split models of which a part is missing are left out, and so are projectors (`mmproj`) and importance matrices, which
  /// are no language models.
  package static func models(in paths: [String]) -> [[String]] {
    let files = paths.filter { path in
      let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
      let isOther = name.contains(/mm-?proj/) || name.contains(/(^|[-_.])imatrix\.gguf$/) && quantization(name) == nil
      return name.hasSuffix(".gguf") && !isOther
    }
    let known = Set(files)
    var models: [[String]] = []
    for file in files.sorted() {
      guard let part = part(file) else {
        models.append([file])
        continue
      }
      if part.index == 1, part.siblings.allSatisfy(known.contains) { models.append(part.siblings) }
    }
    return models
  }

  /// The model that a quantization means: nil picks Q4_K_M, then Q8_0, then the first.
  ///
  /// - Parameter wanted: `Q4_K_M`, in any case, or the name of a file.
  package static func choose(_ wanted: String?, among models: [[String]]) -> [String]? {
    guard let wanted else {
      return choose("Q4_K_M", among: models) ?? choose("Q8_0", among: models) ?? models.first
    }
    if let exact = models.first(where: { $0.contains(wanted) }) { return exact }
    // Of several (a plain one and one with an addition to its name), the shortest name is the plain one.
    return models.filter { carries(wanted, $0[0]) }.min { ($0[0].utf8.count, $0[0]) < ($1[0].utf8.count, $1[0]) }
  }

  /// Whether a path has the quantization as a whole word: `Q4_0` is in `a-Q4_0.gguf`, not in `a-Q4_0_4_4.gguf`.
  package static func carries(_ quantization: String, _ path: String) -> Bool {
    let text = Array(path.lowercased().utf8)
    let word = Array(quantization.lowercased().utf8)
    guard !word.isEmpty, word.count <= text.count else { return false }
    func isWordByte(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
    }
    for start in 0...(text.count - word.count) where text[start..<start + word.count].elementsEqual(word) {
      let end = start + word.count
      let startsWord = start == 0 || !isWordByte(text[start - 1])
      // An underscore goes on with the quantization's name, as in Q4_K_M for Q4_K.
      let endsWord = end == text.count || !isWordByte(text[end]) && text[end] != UInt8(ascii: "_")
      if startsWord, endsWord { return true }
    }
    return false
  }

  /// The quantization that a name carries, in upper case: `Q4_K_M`, `IQ4_XS`, `BF16`; nil when it carries none.
  package static func quantization(_ path: String) -> String? {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let pattern = /(?:^|[^a-z0-9])((?:ud-)?(?:[it]?q\d(?:_[a-z0-9]+)*|b?f16|f32|(?:mx|nv)fp4(?:_moe)?))(?=[^a-z0-9_]|$)/
      .ignoresCase()
    return name.matches(of: pattern).last.map { $0.1.uppercased() }
  }
}
