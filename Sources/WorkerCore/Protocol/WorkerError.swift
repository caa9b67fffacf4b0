/// An error of the worker: a stable code for programs and a sentence for people.
public struct WorkerError: Error, Equatable, Sendable {
  /// What kind of thing went wrong. Codes never change their meaning or their name on the wire.
  public enum Code: UInt8, CaseIterable, Sendable {
    case invalidRequest, modelNotFound, noModel, downloadFailed, offline, hashMismatch, storageFailed
    case permissionDenied, notEnoughMemory, outOfMemory, invalidModel, unsupportedModel, contextOverflow
    case templateFailed, cancelled, badFrame, terminated, unsupportedPlatform, internalError
    case deviceLost, deviceUnavailable
  }

  public var code: Code { content.code }
  /// One paragraph: what was expected, what was found, where, and what to do about it.
  public var message: String { content.message }
  /// What was asked for, in bytes (`notEnoughMemory`) or tokens (`contextOverflow`); 0 elsewhere.
  public var need: UInt64 { content.need }
  /// What there is, in the unit of ``need``.
  public var limit: UInt64 { content.limit }

  /// All of it in one reference: a larger error would be moved word by word at every call that may throw.
  private let content: Content

  private final class Content: Sendable {
    let code: Code
    let message: String
    let need: UInt64
    let limit: UInt64

    init(_ code: Code, _ message: String, _ need: UInt64, _ limit: UInt64) {
      (self.code, self.message, self.need, self.limit) = (code, message, need, limit)
    }
  }

  @inline(never)
  public init(_ code: Code, _ message: String, need: UInt64 = 0, limit: UInt64 = 0) {
    content = Content(code, message, need, limit)
  }

  public static func == (a: WorkerError, b: WorkerError) -> Bool {
    a.code == b.code && sameBytes(a.message, b.message) && a.need == b.need && a.limit == b.limit
  }
}

extension WorkerError.Code {
  /// The code as programs see it: in JSON, in JavaScript's `error.code`, and in frames.
  public var name: StaticString {
    switch self {
    case .invalidRequest: "invalid-request"
    case .modelNotFound: "model-not-found"
    case .noModel: "no-model"
    case .downloadFailed: "download-failed"
    case .offline: "offline"
    case .hashMismatch: "hash-mismatch"
    case .storageFailed: "storage-failed"
    case .permissionDenied: "permission-denied"
    case .notEnoughMemory: "not-enough-memory"
    case .outOfMemory: "out-of-memory"
    case .invalidModel: "invalid-model"
    case .unsupportedModel: "unsupported-model"
    case .contextOverflow: "context-overflow"
    case .templateFailed: "template-failed"
    case .cancelled: "cancelled"
    case .badFrame: "bad-frame"
    case .terminated: "terminated"
    case .unsupportedPlatform: "unsupported-platform"
    case .internalError: "internal"
    case .deviceLost: "device-lost"
    case .deviceUnavailable: "device-unavailable"
    }
  }

  /// The code with this name (UTF-8), or nil.
  public init?(name: UnsafeRawBufferPointer) {
    for code in Self.allCases where sameBytes(code.name, name) {
      self = code
      return
    }
    return nil
  }
}

extension WorkerError: CustomStringConvertible {
  public var description: String { message }
}

/// Whether `text` consists of exactly `bytes`; `String ==` would need the Unicode tables.
func sameBytes(_ text: StaticString, _ bytes: UnsafeRawBufferPointer) -> Bool {
  text.withUTF8Buffer { $0.elementsEqual(bytes) }
}

/// Whether two strings have the same UTF-8 bytes.
func sameBytes(_ a: String, _ b: String) -> Bool {
  a.utf8.elementsEqual(b.utf8)
}
