import InferenceCore

extension Wire {
  static func write(_ state: ModelState, to writer: inout WireWriter) {
    writer.optional(state.currentModel) { $0.string($1) }
    writer.bool(state.isLoading)
    writer.double(state.downloadProgress)
    writer.byte(state.loadingStep.rawValue)
    writer.optional(state.error) { write($1, to: &$0) }
    writer.list(state.availableModels) { write($1, to: &$0) }
  }

  static func readState(_ reader: inout WireReader) throws(WireError) -> ModelState {
    ModelState(
      currentModel: try reader.optional("the current model") { (r: inout WireReader) throws(WireError) in
        try r.string("the current model")
      },
      isLoading: try reader.bool("loading"), downloadProgress: try reader.double("the progress"),
      loadingStep: try readStep(&reader), error: try reader.optional("the error", readError),
      availableModels: try reader.list("models", minimumSize: 80, readModel))
  }

  static func write(_ progress: LoadProgress, to writer: inout WireWriter) {
    writer.double(progress.progress)
    writer.uint64(progress.bytes)
    writer.uint64(progress.totalBytes)
    writer.double(progress.timeElapsed)
    writer.optional(progress.remaining) { $0.double($1) }
    writer.byte(progress.step.rawValue)
    writer.string(progress.text)
  }

  static func readProgress(_ reader: inout WireReader) throws(WireError) -> LoadProgress {
    LoadProgress(
      progress: try reader.double("the progress"), bytes: try reader.uint64("bytes"),
      totalBytes: try reader.uint64("bytes in all"), timeElapsed: try reader.double("the time elapsed"),
      remaining: try reader.optional("the time left") { (r: inout WireReader) throws(WireError) in
        try r.double("the time left")
      },
      step: try readStep(&reader), text: try reader.string("the text"))
  }

  private static func readStep(_ reader: inout WireReader) throws(WireError) -> LoadingStep {
    let value = try reader.byte("the loading step")
    guard let step = LoadingStep(rawValue: value) else {
      throw reader.error(.badValue, expected: "0 to 4 for the loading step", found: "\(value)")
    }
    return step
  }

  static func write(_ error: WorkerError, to writer: inout WireWriter) {
    error.code.name.withUTF8Buffer { writer.blob([UInt8]($0)) }
    writer.string(error.message)
    // A hostile header needs more than JavaScript's numbers count.
    writer.uint64(min(error.need, largestSize))
    writer.uint64(min(error.limit, largestSize))
  }

  /// Reads an error; a code that this version does not know becomes `internalError`, so that old readers stay useful.
  static func readError(_ reader: inout WireReader) throws(WireError) -> WorkerError {
    let name = try reader.blob("an error code")
    let message = try reader.string("an error message")
    let need = try reader.uint64("what was needed")
    let limit = try reader.uint64("the limit")
    let code = name.withUnsafeBytes { WorkerError.Code(name: $0) } ?? .internalError
    return WorkerError(code, message, need: need, limit: limit)
  }

  static func write(_ info: ModelInfo, to writer: inout WireWriter) {
    writer.string(info.model)
    writer.string(info.name)
    writer.string(info.architecture)
    writer.uint64(info.parameters)
    writer.count(info.vocabularySize)
    writer.count(info.contextLength)
    writer.count(info.trainedContextLength)
    writer.bool(info.hasChatTemplate)
    writer.bool(info.generates)
    writer.byte(info.pooling?.rawValue ?? 0)
    writer.count(info.embeddingLength)
    writer.uint64(info.weightBytes)
    writer.uint64(info.workingBytes)
    writer.count(info.threads)
    writer.double(info.loadMilliseconds)
    writer.byte(info.device.rawValue)
    writer.string(info.deviceName)
    writer.string(info.deviceNote)
    writer.string(info.warning)
  }

  static func readInfo(_ reader: inout WireReader) throws(WireError) -> ModelInfo {
    ModelInfo(
      model: try reader.string("the model"), name: try reader.string("the name"),
      architecture: try reader.string("the architecture"), parameters: try reader.uint64("the parameters"),
      vocabularySize: try reader.count("the vocabulary's size"), contextLength: try reader.count("the context length"),
      trainedContextLength: try reader.count("the trained context length"),
      hasChatTemplate: try reader.bool("whether there is a chat template"),
      generates: try reader.bool("whether it writes"), pooling: try readPooling(&reader),
      embeddingLength: try reader.count("the vectors' length"),
      weightBytes: try reader.uint64("the weights' size"), workingBytes: try reader.uint64("working memory"),
      threads: try reader.count("the number of threads"), loadMilliseconds: try reader.double("load time"),
      device: try readDevice(&reader), deviceName: try reader.string("the device's name"),
      deviceNote: try reader.string("the device's note"), warning: try reader.string("the warning"))
  }

  /// 0 is none.
  static func readPooling(_ reader: inout WireReader) throws(WireError) -> Pooling? {
    let value = try reader.byte("the pooling")
    guard value > 0 else { return nil }
    guard let pooling = Pooling(rawValue: value) else {
      throw reader.error(.badValue, expected: "0 to 4 for the pooling", found: "\(value)")
    }
    return pooling
  }

  static func readDevice(_ reader: inout WireReader) throws(WireError) -> ComputeDevice {
    let value = try reader.byte("the device")
    guard let device = ComputeDevice(rawValue: value) else {
      throw reader.error(.badValue, expected: "0 or 1 for the device", found: "\(value)")
    }
    return device
  }

  static func write(_ model: CatalogModel, to writer: inout WireWriter) {
    writer.string(model.id)
    writer.string(model.name)
    writer.byte(model.tier.rawValue)
    writer.string(model.description)
    writer.uint64(model.parameters)
    writer.string(model.quantization)
    writer.string(model.file)
    writer.uint64(model.fileSize)
    writer.optional(model.sha256) { $0.string($1) }
    writer.count(model.contextLength)
    writer.count(model.defaultContextLength)
    writer.uint64(model.memoryBase)
    writer.uint64(model.memoryPerToken)
    writer.string(model.license)
    writer.list(model.sources) { writer, source in
      switch source {
      case .hub(let repository, let revision, let file):
        writer.byte(0)
        writer.string(repository)
        writer.string(revision)
        writer.string(file)
      case .pythonPackage(let name, let version, let member):
        writer.byte(1)
        writer.string(name)
        writer.string(version)
        writer.string(member)
      }
    }
    writer.float(model.temperature)
    writer.float(model.topP)
  }

  static func readModel(_ reader: inout WireReader) throws(WireError) -> CatalogModel {
    CatalogModel(
      id: try reader.string("a model's id"), name: try reader.string("a model's name"), tier: try readTier(&reader),
      description: try reader.string("a description"), parameters: try reader.uint64("the parameters"),
      quantization: try reader.string("the quantization"), file: try reader.string("the file"),
      fileSize: try reader.uint64("the file's size"),
      sha256: try reader.optional("the hash") { (r: inout WireReader) throws(WireError) in try r.string("the hash") },
      contextLength: try reader.count("the context length"),
      defaultContextLength: try reader.count("the default context length"),
      memoryBase: try reader.uint64("the memory need"), memoryPerToken: try reader.uint64("the memory per token"),
      license: try reader.string("the license"), sources: try reader.list("sources", minimumSize: 13, readSource),
      temperature: try reader.float("the temperature"), topP: try reader.float("top p"))
  }

  private static func readTier(_ reader: inout WireReader) throws(WireError) -> ModelTier {
    let value = try reader.byte("the tier")
    guard let tier = ModelTier(rawValue: value) else {
      throw reader.error(.badValue, expected: "0 to 3 for the tier", found: "\(value)")
    }
    return tier
  }

  private static func readSource(_ reader: inout WireReader) throws(WireError) -> ModelSource {
    let kind = try reader.byte("a kind of source")
    let first = try reader.string("a source")
    let second = try reader.string("a source's version")
    let third = try reader.string("a source's file")
    switch kind {
    case 0: return .hub(repository: first, revision: second, file: third)
    case 1: return .pythonPackage(name: first, version: second, member: third)
    default: throw reader.error(.badValue, expected: "0 or 1 for the kind of source", found: "\(kind)")
    }
  }
}
