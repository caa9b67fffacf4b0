import InferenceCore

/// Models whose bytes pass by on their way to a graphics card.
extension Worker {
  /// Whether the bytes of this fetch are to be handed on as they come (``modelPassed(_:_:fileSize:isFresh:)``), and not kept
  /// in memory.
  public func streamsModel(_ fetch: FetchID) -> Bool {
    load?.fetch == fetch && load?.bytes == nil && load?.card != nil
  }

  /// Takes the next bytes of the file.
  ///
  /// - Parameters:
  ///   - fileSize: bytes of the whole file.
  ///   - isFresh: Whether they come from where the model is published. What was kept may be damaged: then its hash is to
  ///     tell before anything is said of it.
  public func modelPassed(
    _ fetch: FetchID, _ bytes: UnsafeRawBufferPointer, fileSize: UInt64, isFresh: Bool
  ) -> HeaderVerdict {
    guard streamsModel(fetch), let card = load?.card else { return .refused }
    let stream = load?.stream ?? ModelStream()
    load?.stream = stream
    guard stream.opened == nil, stream.problem == nil else {
      stream.take(bytes)
      return .fits
    }
    guard stream.append(bytes, fileSize: fileSize), let current = load else { return .fits }
    do throws(WorkerError) {
      let file: GGUFFile
      do throws(GGUFError) {
        file = try GGUFFile.parseHeader(stream.prefix, fileSize: Int64(clamping: fileSize))
      } catch {
        let isWhole = UInt64(stream.prefix.count) >= fileSize || stream.isTooLong
        if case .needsMoreBytes = error.kind, !isWhole { return .fits }
        throw WorkerError(error)
      }
      guard file.partCount == 1 else {
        deviceIsUnfit(.unsupportedModel, "A model in several files goes to no graphics card.")
        return load == nil ? .refused : .moved
      }
      do throws(ModelError) {
        let weights = WeightStream(isDigested: host.prefixStorage != nil)
        let model = try LanguageModel(file: file, stream: weights)
        let length = contextLength(for: current, trained: model.hyperparameters.contextLength)
        do throws(ModelError) {
          let executor = try GPUExecutor(
            model: model, device: card.device.another(), limits: limits(for: current, contextLength: length),
            tokens: try? file.array("tokenizer.ggml.tokens", of: .strings)?.count, now: host.now)
          stream.open(ModelStream.Opened(file: file, executor: executor, weights: weights))
        } catch {
          // A damaged header says nothing about the card.
          if !isFresh, current.command.device == .gpu { throw error }
          deviceIsUnfit(WorkerError(error).code, "The graphics card does not hold this model: \(error.message)")
          return load == nil ? .refused : .moved
        }
      } catch {
        throw WorkerError(error)
      }
      return .fits
    } catch {
      guard isFresh else {
        stream.problem = error
        return .fits
      }
      failLoad(error)
      return .refused
    }
  }

  /// The bytes that passed by were the wrong ones; those of another attempt follow.
  public func modelDropped(_ fetch: FetchID) {
    if load?.fetch == fetch, load?.bytes == nil { load?.stream = nil }
  }

  /// All bytes have passed by, and were the right ones.
  func streamArrived(_ stream: ModelStream) {
    if let problem = stream.problem { return failLoad(problem) }
    guard let executor = stream.opened?.executor else {
      return failLoad(
        WorkerError(.invalidModel, "The file ends within its header, after \(stream.prefix.count) bytes."))
    }
    do throws(ModelError) { try executor.streamHasEnded() } catch { failLoad(WorkerError(error)) }
  }
}
