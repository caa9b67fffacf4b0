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
  /// Whole numbers of at most 64 bits become `int`, others `double`. Of a duplicate key the last value wins.
  public static func parse(_ text: [UInt8], maximumDepth: Int = 100) throws(JSONError) -> TemplateValue {
    throw JSONError(offset: 0, message: "the parser is not written yet")
  }

  /// Writes a value as JSON text. Throws for what JSON has no form for, such as an undefined value.
  public static func serialize(_ value: TemplateValue, style: Style = Style()) throws(JSONError) -> [UInt8] {
    throw JSONError(offset: 0, message: "the writer is not written yet")
  }
}

/// Why text is not JSON, or a value cannot become it.
public struct JSONError: Error, Equatable, Sendable {
  /// Byte offset in the text; zero when writing.
  public let offset: Int
  public let message: String

  package init(offset: Int, message: String) {
    self.offset = offset
    self.message = message
  }
}
