/// Why a chat template could not be read or rendered, and where in its source.
public struct TemplateError: Error, CustomStringConvertible, Sendable {
  public enum Kind: Sendable {
    /// The source is not a template this interpreter understands.
    case syntax
    /// An operation failed while rendering, such as adding text to none.
    case evaluation
    /// The template itself called `raise_exception`.
    case raised
    /// A bound of ``TemplateLimits`` was reached.
    case limit
  }

  public var kind: Kind { content.kind }
  /// Line in the source, from 1.
  public var line: Int { Int(content.position.line) }
  /// Column in Unicode scalars, from 1.
  public var column: Int { Int(content.position.column) }
  public var message: String { content.message }

  /// All of it in one reference: a larger error would be moved word by word at every call that may throw.
  private let content: Content

  private final class Content: Sendable {
    let kind: Kind
    let position: SourcePosition
    let message: String

    init(_ kind: Kind, _ position: SourcePosition, _ message: String) {
      (self.kind, self.position, self.message) = (kind, position, message)
    }
  }

  @inline(never)
  package init(_ kind: Kind, at position: SourcePosition, _ message: String) {
    content = Content(kind, position, message)
  }

  /// The whole error in one line.
  public var description: String {
    "template line \(line), column \(column): \(message)"
  }
}

/// A place in a template's source, both numbers from 1.
package struct SourcePosition: Equatable, Sendable {
  package var line: Int32
  package var column: Int32

  package init(line: Int32, column: Int32) {
    self.line = line
    self.column = column
  }
}

/// Bounds on what rendering a template may cost; reaching one ends it with an error.
///
/// Nesting of the source is bounded by the parser, and the depth of values by `valueDepth`.
public struct TemplateLimits: Sendable {
  /// Expressions and statements evaluated, and elements visited by filters.
  public var steps = 5_000_000
  /// Bytes of the output, and of any one string on the way to it.
  public var outputBytes = 16 << 20
  /// Bytes of all strings and lists produced on the way, whether kept or not.
  public var producedBytes = 256 << 20
  /// Statements and expressions being evaluated inside one another; bounds the use of the stack.
  public var evaluationDepth = 120
  /// Macro calls inside macro calls.
  public var callDepth = 24
  /// Lists and mappings inside one another.
  public var valueDepth = 100

  public init() {}
}
