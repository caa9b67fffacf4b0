import InferenceCore

/// Reading back and keeping the keys and values of conversations.
extension Worker {
  // MARK: Reports of the shell

  /// The file of an `openPrefix` is open.
  ///
  /// - Parameters:
  ///   - size: bytes that it has; 0 for a new one.
  ///   - limit: bytes that it may have.
  public func prefixOpened(_ id: PrefixFileID, size: UInt64, limit: UInt64) {
    guard case .opening(id) = prefix?.file else { return }
    prefix?.file = .open(id, size: size, limit: limit)
  }

  /// The file of an `openPrefix` cannot be had, or nothing is to be kept.
  public func prefixUnavailable(_ id: PrefixFileID) {
    guard case .opening(id) = prefix?.file else { return }
    prefix?.file = .unavailable
  }

  // MARK: What a request means for the file

  /// Whether the running request waits for keys and values that are kept.
  var isRecalling: Bool { generation != nil && prefix?.isRecalling == true }

  /// Whether the shell is opening the file.
  var waitsForPrefix: Bool {
    if case .opening = prefix?.file { true } else { false }
  }

  /// Whether ``stepKeep()`` has something to do.
  var hasPrefixToKeep: Bool {
    switch prefix?.file {
    case .closed, .open: prefix?.isKept == false
    case .opening, .unavailable, nil: false
    }
  }

  /// A request of this conversation begins, with `cached` tokens of its prompt in the cache.
  func usePrefix(of conversation: String, prompt: [TokenID], cached: Int) {
    if let prefix, !sameBytes(prefix.conversation, conversation) { dropPrefix() }
    guard host.prefixStorage != nil, !conversation.utf8.isEmpty else { return }
    var current = prefix ?? Prefix(conversation: conversation)
    let length = InferenceContext.blockLength
    current.digests.removeLast(max(0, current.digests.count - cached / length))
    current.isKept = false
    if case .unavailable = current.file { current.file = .closed }
    // At least one token goes through the model.
    current.isRecalling = (prompt.count - 1) / length > cached / length
    prefix = current
    if current.isRecalling, case .closed = current.file { openPrefix() }
  }

  /// Deletes what is kept of a conversation, or of all when it is empty.
  func forget(_ conversation: String) {
    if let prefix, conversation.utf8.isEmpty || sameBytes(prefix.conversation, conversation) { dropPrefix() }
    if host.prefixStorage != nil { host.emit(.deletePrefix(conversation: conversation)) }
  }

  /// Lets go of the file, and of what was still to be written.
  func dropPrefix() {
    closePrefix()
    prefix = nil
  }

  private func openPrefix() {
    guard let conversation = prefix?.conversation else { return }
    let id = nextPrefixFile
    nextPrefixFile &+= 1
    prefix?.file = .opening(id)
    prefix?.digests = []
    host.emit(.openPrefix(id, conversation: conversation))
  }

  private func closePrefix() {
    switch prefix?.file {
    case .opening(let id), .open(let id, _, _): host.emit(.closePrefix(id))
    case .closed, .unavailable, nil: break
    }
    prefix?.file = .closed
  }

  // MARK: Reading back

  /// Reads blocks back into the cache as long as they are for the prompt's tokens.
  func stepRecall() {
    guard let model, let storage = host.prefixStorage, var current = prefix, let prompt = generation?.promptTokens
    else {
      return endRecall()
    }
    if case .opening = current.file { return }
    guard case .open(let id, var size, let limit) = current.file, size > 0 else { return endRecall() }
    guard model.fingerprint.isComplete else { return model.fingerprint.advance(model.bytes.parts) }
    let before = model.context.tokens.count
    let start = host.now()
    var goesOn = false
    repeat {
      goesOn = recallBlock(of: prompt, on: model, from: storage, size: &size, &current)
    } while goesOn && host.now() - start < Prefix.sliceTime
    current.file = .open(id, size: size, limit: limit)
    prefix = current
    let count = model.context.tokens.count - before
    let isSlow = model.promptTokenTime > 0 && host.now() - start > Double(count) * model.promptTokenTime
    generation?.recalled(count, cached: model.context.tokens.count)
    if let generation, count > 0 {
      let progress = PromptProgress(done: model.context.tokens.count, total: generation.promptTokens.count)
      host.emit(.prompt(generation.id, progress))
    }
    if !goesOn || (count > 0 && isSlow) { endRecall() }
  }

  /// One block; false when there are no more to read.
  private func recallBlock(
    of prompt: [TokenID], on model: LoadedModel, from storage: PrefixStorage, size: inout UInt64,
    _ current: inout Prefix
  ) -> Bool {
    let context = model.context
    let index = current.digests.count
    let end = (index + 1) * InferenceContext.blockLength
    let stride = Prefix.blockHeader + context.blockSize
    let offset = UInt64(index) * UInt64(stride)
    guard end < prompt.count, size >= offset + UInt64(stride) else { return false }
    let digest = current.nextDigest(prompt, model: model.fingerprint.digest)
    // Of what the cache has, only the name is looked at.
    let isCached = end <= context.tokens.count
    var bytes = [UInt8](repeating: 0, count: isCached ? Prefix.blockHeader : stride)
    let isRight = bytes.withUnsafeMutableBytes { bytes in
      guard storage.read(offset, bytes), bytes.word(0) == digest else { return false }
      if isCached { return true }
      let block = UnsafeRawBufferPointer(rebasing: bytes[Prefix.blockHeader...])
      guard bytes.word(8) == XXH64.digest(block, seed: digest) else { return false }
      context.truncate(to: end - InferenceContext.blockLength)
      context.appendBlock(block, tokens: prompt[end - InferenceContext.blockLength..<end])
      return true
    }
    guard isRight else {
      // Another model's, another conversation's, or broken: of no use to anyone.
      storage.truncate(offset)
      size = offset
      return false
    }
    current.digests.append(digest)
    return true
  }

  /// The request goes on with what was read back.
  private func endRecall() {
    prefix?.isRecalling = false
  }

  // MARK: Keeping

  /// Writes blocks that the file does not have yet.
  func stepKeep() {
    guard hasPrefixToKeep, let model, let storage = host.prefixStorage, var current = prefix else { return }
    guard case .open(let id, var size, let limit) = current.file else {
      if model.context.tokens.count < InferenceContext.blockLength { prefix?.isKept = true } else { openPrefix() }
      return
    }
    guard model.fingerprint.isComplete else { return model.fingerprint.advance(model.bytes.parts) }
    let start = host.now()
    var goesOn = false
    repeat {
      goesOn = keepBlock(of: model, in: storage, size: &size, limit: limit, &current)
    } while goesOn && host.now() - start < Prefix.sliceTime
    current.file = .open(id, size: size, limit: limit)
    current.isKept = !goesOn
    prefix = current
    guard !goesOn else { return }
    let kept = UInt64(current.digests.count) * UInt64(Prefix.blockHeader + model.context.blockSize)
    if size > kept { storage.truncate(kept) }
    closePrefix()
  }

  /// One block; false when the file has all that it can have.
  private func keepBlock(
    of model: LoadedModel, in storage: PrefixStorage, size: inout UInt64, limit: UInt64, _ current: inout Prefix
  ) -> Bool {
    let context = model.context
    let index = current.digests.count
    let stride = Prefix.blockHeader + context.blockSize
    let offset = UInt64(index) * UInt64(stride)
    let end = offset + UInt64(stride)
    guard (index + 1) * InferenceContext.blockLength <= context.tokens.count, end <= limit else { return false }
    let digest = current.nextDigest(context.tokens, model: model.fingerprint.digest)
    var bytes = [UInt8](repeating: 0, count: stride)
    let isThere = bytes.withUnsafeMutableBytes { bytes in
      let header = UnsafeMutableRawBufferPointer(rebasing: bytes[..<Prefix.blockHeader])
      if size >= end, storage.read(offset, header), header.word(0) == digest { return true }
      let block = UnsafeMutableRawBufferPointer(rebasing: bytes[Prefix.blockHeader...])
      context.copyBlock(index, into: block)
      header.setWord(0, digest)
      header.setWord(8, XXH64.digest(UnsafeRawBufferPointer(block), seed: digest))
      return storage.write(offset, UnsafeRawBufferPointer(bytes))
    }
    size = max(size, end)
    if isThere { current.digests.append(digest) }
    return isThere
  }
}

extension UnsafeMutableRawBufferPointer {
  /// The little-endian word at a byte offset.
  fileprivate func word(_ offset: Int) -> UInt64 {
    UInt64(littleEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  fileprivate func setWord(_ offset: Int, _ value: UInt64) {
    storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
  }
}
