/// A sequence of tokens that a model has read: its ids, its pages of the cache, and the state of layers that keep one.
///
/// An ``Executor`` makes it and appends to it.
public final class TokenSequence {
  /// Tokens there is room for.
  public let contextLength: Int
  /// The ids whose keys and values the cache holds.
  public private(set) var tokens: [TokenID] = []
  let pool: PagePool
  private var pages: [PagePool.Page] = []
  /// The addresses of the pages, for kernels of this process.
  let table: UnsafeMutablePointer<UnsafePointer<UInt16>?>
  private(set) var state: RecurrentState?
  /// Changes with every change of the tokens, so that a pass that began before one is noticed.
  private(set) var revision = 0

  init(_ h: Hyperparameters, pool: PagePool, contextLength: Int) {
    self.pool = pool
    self.contextLength = contextLength
    let most = (contextLength + PageLayout.positions - 1) / PageLayout.positions
    table = .allocate(capacity: most)
    table.initialize(repeating: nil, count: most)
    state = RecurrentState(h, in: pool.memory)
  }

  deinit {
    for page in pages { pool.giveBack(page) }
    table.deallocate()
    state?.giveBack()
  }

  /// The numbers of its pages.
  var pageNumbers: [Int] { pages }

  /// Whether ``rewind(to:)`` goes exactly as far as it is told: with attention alone.
  public var rewindsExactly: Bool { state == nil }

  /// How many tokens of `prompt`, from its first, the sequence already has.
  public func commonPrefix(with prompt: [TokenID]) -> Int {
    var length = 0
    while length < min(tokens.count, prompt.count), tokens[length] == prompt[length] { length += 1 }
    return length
  }

  /// Forgets all but the first `length` tokens, or more where a layer's state can only go back to a checkpoint.
  ///
  /// - Returns: how many tokens are left.
  @discardableResult
  public func rewind(to length: Int) -> Int {
    guard length < tokens.count else { return tokens.count }
    let left = state?.rewind(to: max(0, length)) ?? max(0, length)
    tokens.removeLast(tokens.count - left)
    revision += 1
    releasePages(beyond: left)
    return left
  }

  /// Becomes the first `length` tokens of another sequence, whose pages both then hold, or fewer where a layer's state is
  /// only known at a checkpoint.
  ///
  /// - Returns: how many tokens it has then.
  @discardableResult
  public func share(prefixOf other: TokenSequence, upTo length: Int) -> Int {
    precondition(pool === other.pool && self !== other, "Only sequences of one executor share pages.")
    var count = min(max(0, length), other.tokens.count, contextLength)
    if let theirs = other.state { count = state?.copy(theirs, upTo: count) ?? count }
    releasePages(beyond: 0)
    for (index, page) in other.pages.prefix(Self.pages(for: count)).enumerated() {
      pool.share(page)
      pages.append(page)
      table[index] = UnsafePointer(pool.memory.address(ofPage: page))
    }
    tokens = Array(other.tokens.prefix(count))
    revision += 1
    return count
  }

  /// Makes sure that the sequence alone holds the pages of the next `count` positions.
  ///
  /// - Throws: `outOfResources` when all pages are held; what was reserved stays so.
  func reserve(_ count: Int) throws(ModelError) {
    let first = tokens.count / PageLayout.positions
    for index in first..<Self.pages(for: tokens.count + count) where index >= pages.count || pool.isShared(pages[index])
    {
      guard let page = pool.take() else {
        throw ModelError(.outOfResources, "All \(pool.capacity) pages of the cache are held by other sequences.")
      }
      if index < pages.count {
        pool.memory.copyPage(pages[index], to: page)
        pool.giveBack(pages[index])
        pages[index] = page
      } else {
        pages.append(page)
      }
      table[index] = UnsafePointer(pool.memory.address(ofPage: page))
    }
  }

  /// Takes over tokens whose keys and values are in the pages, and whose state is written.
  func append(_ new: ArraySlice<TokenID>) {
    tokens.append(contentsOf: new)
    state?.advance(to: tokens.count)
    revision += 1
  }

  private func releasePages(beyond length: Int) {
    while pages.count > Self.pages(for: length) { pool.giveBack(pages.removeLast()) }
  }

  private static func pages(for length: Int) -> Int {
    (length + PageLayout.positions - 1) / PageLayout.positions
  }
}
