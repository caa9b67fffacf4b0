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
  var isRecalling: Bool { !scheduler.running.isEmpty && prefix?.isRecalling == true }

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

  /// A request of this conversation begins, with `cached` tokens of its prompt in the sequence.
  func usePrefix(of conversation: String, by sequence: TokenSequence, prompt: [TokenID], cached: Int) {
    if let prefix, !sameBytes(prefix.conversation, conversation) || prefix.sequence !== sequence { dropPrefix() }
    // Of several sequences none stays with a conversation, and a recurrent state is not in the blocks.
    guard host.prefixStorage != nil, !conversation.utf8.isEmpty, scheduler.capacity == 1, sequence.hasBlocks
    else { return }
    var current = prefix ?? Prefix(conversation: conversation, sequence: sequence)
    let length = sequence.blockLength
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
    guard let model, let storage = host.prefixStorage, var current = prefix,
      let prompt = scheduler.running.first?.promptTokens
    else {
      return endRecall()
    }
    if case .opening = current.file { return }
    guard case .open(let id, var size, let limit) = current.file, size > 0 else { return endRecall() }
    guard model.fingerprint.isComplete else { return model.fingerprint.advance(model.bytes.parts) }
    let sequence = current.sequence
    let before = sequence.tokens.count
    let start = host.now()
    var goesOn = false
    repeat {
      goesOn = recallBlock(of: prompt, model.fingerprint.digest, from: storage, size: &size, &current)
    } while goesOn && host.now() - start < Prefix.sliceTime
    current.file = .open(id, size: size, limit: limit)
    prefix = current
    let count = sequence.tokens.count - before
    let isSlow = model.promptTokenTime > 0 && host.now() - start > Double(count) * model.promptTokenTime
    if let id = scheduler.running.first?.id, count > 0 {
      scheduler.running[0].recalled(count, cached: sequence.tokens.count)
      host.emit(.prompt(id, PromptProgress(done: sequence.tokens.count, total: prompt.count)))
    }
    if !goesOn || (count > 0 && isSlow) { endRecall() }
  }

  /// One block; false when there are no more to read.
  private func recallBlock(
    of prompt: [TokenID], _ model: UInt64, from storage: PrefixStorage, size: inout UInt64, _ current: inout Prefix
  ) -> Bool {
    let sequence = current.sequence
    let index = current.digests.count
    let end = (index + 1) * sequence.blockLength
    let stride = Prefix.blockHeader + sequence.blockSize
    let offset = UInt64(index) * UInt64(stride)
    guard end < prompt.count, size >= offset + UInt64(stride) else { return false }
    let digest = current.nextDigest(prompt, model: model)
    // Of what the cache has, only the name is looked at.
    let isCached = end <= sequence.tokens.count
    var bytes = [UInt8](repeating: 0, count: isCached ? Prefix.blockHeader : stride)
    let isRight = bytes.withUnsafeMutableBytes { bytes in
      guard storage.read(offset, bytes), bytes.word(0) == digest else { return false }
      if isCached { return true }
      let block = UnsafeRawBufferPointer(rebasing: bytes[Prefix.blockHeader...])
      guard bytes.word(8) == XXH64.digest(block, seed: digest) else { return false }
      sequence.rewind(to: end - sequence.blockLength)
      return (try? sequence.appendBlock(block, tokens: prompt[end - sequence.blockLength..<end])) != nil
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
  ///
  /// - Returns: whether there is nothing to do until a device has brought the next one.
  func stepKeep() -> Bool {
    guard hasPrefixToKeep, let model, let storage = host.prefixStorage, var current = prefix else { return false }
    guard case .open(let id, var size, let limit) = current.file else {
      if current.sequence.tokens.count < current.sequence.blockLength { prefix?.isKept = true } else { openPrefix() }
      return false
    }
    guard model.fingerprint.isComplete else {
      model.fingerprint.advance(model.bytes.parts)
      return false
    }
    let start = host.now()
    var kept = Kept.block
    repeat {
      kept = keepBlock(of: model, in: storage, size: &size, limit: limit, &current)
    } while kept == .block && host.now() - start < Prefix.sliceTime
    current.file = .open(id, size: size, limit: limit)
    current.isKept = kept == .all
    prefix = current
    guard kept == .all else { return kept == .nothingYet }
    let end = UInt64(current.digests.count) * UInt64(Prefix.blockHeader + current.sequence.blockSize)
    if size > end { storage.truncate(end) }
    closePrefix()
    return false
  }

  /// What an attempt to keep a block came to.
  private enum Kept {
    case block
    /// A device is still to bring it.
    case nothingYet
    /// The file has all that it can have.
    case all
  }

  private func keepBlock(
    of model: LoadedModel, in storage: PrefixStorage, size: inout UInt64, limit: UInt64, _ current: inout Prefix
  ) -> Kept {
    let sequence = current.sequence
    let index = current.digests.count
    let stride = Prefix.blockHeader + sequence.blockSize
    let offset = UInt64(index) * UInt64(stride)
    let end = offset + UInt64(stride)
    guard (index + 1) * sequence.blockLength <= sequence.tokens.count, end <= limit else { return .all }
    let digest = current.nextDigest(sequence.tokens, model: model.fingerprint.digest)
    var header = [UInt8](repeating: 0, count: Prefix.blockHeader)
    let isThere = header.withUnsafeMutableBytes { size >= end && storage.read(offset, $0) && $0.word(0) == digest }
    if !isThere {
      guard let block = model.executor.block(index, of: sequence) else { return .nothingYet }
      header.withUnsafeMutableBytes { header in
        header.setWord(0, digest)
        header.setWord(8, block.withUnsafeBytes { XXH64.digest($0, seed: digest) })
      }
      // What cannot be written to its end is cut off.
      size = max(size, end)
      let start = offset + UInt64(Prefix.blockHeader)
      guard header.withUnsafeBytes({ storage.write(offset, $0) }), block.withUnsafeBytes({ storage.write(start, $0) })
      else { return .all }
    }
    current.digests.append(digest)
    return .block
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
