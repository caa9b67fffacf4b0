/// Reading and writing JSON text as template values.
public enum JSON {
  /// How JSON text is laid out; the defaults are those of Python's `json.dumps(value, ensure_ascii=False)`.
  public struct Style: Sendable {
    /// What a level of nesting is indented by; nil for everything on one line.
    public var indentation: [UInt8]?
    /// Between members; nil for `", "` on one line and `","` when indented.
    public var itemSeparator: [UInt8]?
    /// Between a key and its value; nil for `": "`.
    public var keySeparator: [UInt8]?
    /// Whether everything outside ASCII is written as `\u` escapes.
    public var escapesNonASCII = false
    /// Whether members are in the order of their keys' scalars, not in their own.
    public var sortsKeys = false

    public init() {}

    /// No blanks at all.
    public static var compact: Style {
      var style = Style()
      style.itemSeparator = [UInt8(ascii: ",")]
      style.keySeparator = [UInt8(ascii: ":")]
      return style
    }
  }

  /// Parses one JSON value (RFC 8259); blanks may surround it, nothing else.
  ///
  /// Whole numbers of at most 64 bits become `int`, all others `double`. Of a duplicate key the last value wins. A
  /// `\u` escape of half a surrogate pair becomes U+FFFD.
  public static func parse(_ text: [UInt8], maximumDepth: Int = 64) throws(JSONError) -> TemplateValue {
    var parser = JSONParser(text: text, maximumDepth: maximumDepth)
    return try parser.document()
  }

  /// Writes a value as JSON text; tuples as arrays, keys as Python writes them.
  ///
  /// Throws for what has no JSON form, such as an undefined value, and beyond `maximumBytes`.
  public static func serialize(
    _ value: TemplateValue, style: Style = Style(), maximumBytes: Int = .max
  ) throws(JSONError) -> [UInt8] {
    var writer = JSONWriter(style: style, maximumBytes: maximumBytes)
    try writer.write(value, depth: 0)
    return writer.output
  }
}

/// Why text is not JSON, or a value cannot become it.
public struct JSONError: Error, Sendable {
  /// Byte offset in the text; zero when writing.
  public var offset: Int { content.offset }
  public var message: String { content.message }

  /// All of it in one reference: a larger error would be moved word by word at every call that may throw.
  private let content: Content

  private final class Content: Sendable {
    let offset: Int
    let message: String

    init(_ offset: Int, _ message: String) { (self.offset, self.message) = (offset, message) }
  }

  @inline(never)
  package init(offset: Int, message: String) {
    content = Content(offset, message)
  }
}

extension JSONError: CustomStringConvertible {
  public var description: String { message }
}
