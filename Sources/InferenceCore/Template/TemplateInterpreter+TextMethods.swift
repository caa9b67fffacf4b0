extension TemplateInterpreter {
  /// Calls a method of a string.
  func call(
    _ method: TemplateTextMethod, of text: [UInt8], _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    switch method {
    case .upper: return try produce(UTF8Text.uppercased(text))
    case .lower, .casefold: return try produce(UTF8Text.lowercased(text))
    case .capitalize: return try produce(UTF8Text.capitalized(text))
    case .title: return try produce(UTF8Text.titleCased(text))
    case .strip, .lstrip, .rstrip:
      let set = try string(try bind(arguments, method.name, "chars")[0], method.name)
      try charge((set?.count ?? 0) * text.count / 16)
      return try produce(UTF8Text.trim(text, set, leading: method != .rstrip, trailing: method != .lstrip))
    case .split, .rsplit: return try split(text, fromEnd: method == .rsplit, arguments)
    case .splitlines:
      let keeps = try bind(arguments, "splitlines", "keepends")[0].map(isTrue) ?? false
      return try produce(list: UTF8Text.lines(text, keepingEnds: keeps).map { .string($0) })
    case .partition, .rpartition: return try partition(text, fromEnd: method == .rpartition, arguments)
    case .join:
      let list = try bind(arguments, "join", "iterable", required: 1)[0] ?? .none
      var parts: [[UInt8]] = []
      for element in try elements(of: list) {
        guard case .string(let part) = element else { throw fail("'join' takes strings, found \(element.typeName)") }
        parts.append(part)
      }
      return try joined(parts, by: text)
    case .replace:
      let values = try bind(arguments, "replace", "old", "new", "count", required: 2)
      return try replaced(
        text, try string(values[0], "replace") ?? [], by: try string(values[1], "replace") ?? [],
        atMost: try whole(values[2], "replace"))
    case .removeprefix, .removesuffix:
      let affix = try string(try bind(arguments, method.name, "affix", required: 1)[0], method.name) ?? []
      if method == .removeprefix { return try produce(text.starts(with: affix) ? Array(text[affix.count...]) : text) }
      let ends = text.count >= affix.count && text[(text.count - affix.count)...].elementsEqual(affix)
      return try produce(ends ? Array(text[..<(text.count - affix.count)]) : text)
    case .startswith, .endswith: return .bool(try hasAffix(text, method, arguments))
    case .find, .rfind, .index, .rindex, .count: return .int(try search(text, method, arguments))
    case .ljust, .rjust, .zfill: return try padded(text, method, arguments)
    case .isalnum, .isalpha, .isdigit, .isspace, .islower, .isupper: return .bool(isAll(method, text))
    case .format: return try format(text, arguments)
    }
  }

  private func split(
    _ text: [UInt8], fromEnd: Bool, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    let values = try bind(arguments, fromEnd ? "rsplit" : "split", "sep", "maxsplit")
    let limit = try whole(values[1], "split") ?? -1
    let most = limit < 0 ? Int.max : Int(clamping: limit)
    try charge(bytes: text.count)
    guard let separator = try string(values[0], "split") else {
      let words = fromEnd ? UTF8Text.wordsFromEnd(text, maximumSplits: most) : UTF8Text.words(text, maximumSplits: most)
      return try produce(list: words.map { .string($0) })
    }
    guard !separator.isEmpty else { throw fail("'split' cannot split at an empty string") }
    if !fromEnd {
      return try produce(list: UTF8Text.split(text, by: separator, maximumSplits: most).map { .string($0) })
    }
    let parts = UTF8Text.split(text.reversed(), by: separator.reversed(), maximumSplits: most)
    return try produce(list: parts.reversed().map { .string($0.reversed()) })
  }

  private func partition(
    _ text: [UInt8], fromEnd: Bool, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    let separator = try string(try bind(arguments, "partition", "sep", required: 1)[0], "partition") ?? []
    guard !separator.isEmpty else { throw fail("'partition' cannot split at an empty string") }
    let finder = ByteFinder(separator)
    guard let found = fromEnd ? finder.findLast(in: text) : finder.find(in: text) else {
      return .tuple(fromEnd ? [.string([]), .string([]), .string(text)] : [.string(text), .string([]), .string([])])
    }
    return .tuple([
      .string(Array(text[..<found])), .string(separator), .string(Array(text[(found + separator.count)...])),
    ])
  }

  /// Texts joined by a separator.
  func joined(_ parts: [[UInt8]], by separator: [UInt8]) throws(TemplateError) -> TemplateValue {
    var result: [UInt8] = []
    for (index, part) in parts.enumerated() {
      try charge(bytes: part.count + separator.count)
      if index > 0 { result += separator }
      result += part
      if result.count > limits.outputBytes { throw exceed("a text grows longer than \(limits.outputBytes) bytes") }
    }
    return .string(result)
  }

  /// A text with the first occurrences of a part replaced.
  func replaced(
    _ text: [UInt8], _ old: [UInt8], by new: [UInt8], atMost limit: Int64?
  ) throws(TemplateError) -> TemplateValue {
    let most = limit.map { $0 < 0 ? Int.max : Int(clamping: $0) } ?? Int.max
    try charge(bytes: text.count)
    var parts: [[UInt8]]
    if old.isEmpty {
      // An empty part is found before every scalar and at the end.
      parts = [[]]
      for scalar in UTF8Text.scalars(text) {
        if parts.count <= most { parts.append(scalar) } else { parts[parts.count - 1] += scalar }
      }
      if parts.count <= most { parts.append([]) }
    } else {
      parts = UTF8Text.split(text, by: old, maximumSplits: most)
    }
    return try joined(parts, by: new)
  }

  private func hasAffix(
    _ text: [UInt8], _ method: TemplateTextMethod, _ arguments: TemplateArguments
  ) throws(TemplateError) -> Bool {
    let value = try bind(arguments, method.name, "affix", required: 1)[0] ?? .none
    var affixes = [value]
    if case .tuple(let several) = value { affixes = several }
    for value in affixes {
      let affix = try string(value, method.name) ?? []
      guard text.count >= affix.count else { continue }
      let part = method == .startswith ? text[..<affix.count] : text[(text.count - affix.count)...]
      if part.elementsEqual(affix) { return true }
    }
    return false
  }

  /// Positions are in scalars; -1, or an error for `index` and `rindex`, when the part is not found.
  private func search(
    _ text: [UInt8], _ method: TemplateTextMethod, _ arguments: TemplateArguments
  ) throws(TemplateError) -> Int64 {
    let values = try bind(arguments, method.name, "sub", "start", "end", required: 1)
    let part = try string(values[0], method.name) ?? []
    var text = text
    var skipped = 0
    if values[1] != nil || values[2] != nil {
      let scalars = UTF8Text.scalars(text)
      let indices = Self.indices(
        try whole(values[1], method.name), try whole(values[2], method.name), 1, count: scalars.count)
      skipped = indices.first ?? 0
      text = indices.flatMap { scalars[$0] }
    }
    let finder = ByteFinder(part)
    if method == .count {
      if part.isEmpty { return Int64(UTF8Text.count(text) + 1) }
      return Int64(UTF8Text.split(text, by: part).count - 1)
    }
    let isLast = method == .rfind || method == .rindex
    guard let found = isLast ? finder.findLast(in: text) : finder.find(in: text) else {
      if method == .find || method == .rfind { return -1 }
      throw fail("the text does not contain what '\(String(decoding: method.name.bytes, as: UTF8.self))' looks for")
    }
    return Int64(skipped + UTF8Text.count(Array(text[..<found])))
  }

  private func padded(
    _ text: [UInt8], _ method: TemplateTextMethod, _ arguments: TemplateArguments
  ) throws(TemplateError) -> TemplateValue {
    let values =
      method == .zfill
      ? try bind(arguments, "zfill", "width", required: 1)
      : try bind(arguments, method.name, "width", "fillchar", required: 1)
    let width = Int(clamping: try whole(values[0], method.name) ?? 0)
    let missing = max(width - UTF8Text.count(text), 0)
    try charge(bytes: missing)
    if method == .zfill {
      let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: missing)
      let hasSign = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+")
      return try produce(hasSign ? [text[0]] + zeros + text[1...] : zeros + text)
    }
    let fill = try string(values[1], method.name) ?? [0x20]
    guard UTF8Text.count(fill) == 1 else { throw fail("a text can be padded with one character only") }
    var padding: [UInt8] = []
    for _ in 0..<missing { padding += fill }
    return try produce(method == .ljust ? text + padding : padding + text)
  }

  /// Letters beyond ASCII are those that have a case, and the scripts of East Asia.
  private func isAll(_ method: TemplateTextMethod, _ text: [UInt8]) -> Bool {
    var index = 0
    var hasCased = false
    while index < text.count {
      let (scalar, length) = UTF8Text.scalar(text, at: index)
      index += length
      let isDigit = scalar >= 0x30 && scalar <= 0x39
      let isLetter =
        UTF8Text.isCased(scalar) || scalar >= 0x3041 && scalar <= 0x9FFF || scalar >= 0xAC00 && scalar <= 0xD7A3
      switch method {
      case .isdigit: if !isDigit { return false }
      case .isspace: if !UTF8Text.isSpace(scalar) { return false }
      case .isalpha: if !isLetter { return false }
      case .isalnum: if !isLetter && !isDigit { return false }
      case .islower:
        if UTF8Text.isUpper(scalar) { return false }
        if UTF8Text.isLower(scalar) { hasCased = true }
      default:
        if UTF8Text.isLower(scalar) { return false }
        if UTF8Text.isUpper(scalar) { hasCased = true }
      }
    }
    return method == .islower || method == .isupper ? hasCased : !text.isEmpty
  }

  /// Whether a text is in one case, for the tests `lower` and `upper`.
  func isCase(_ text: [UInt8], lower: Bool) -> Bool {
    isAll(lower ? .islower : .isupper, text)
  }
}
