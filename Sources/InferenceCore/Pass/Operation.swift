/// One step of a pass.
///
/// The rows of a pass are its tokens. `x` is the residual stream and `h` its normalized form, one vector for each row;
/// a branch is what a mixer or a feed-forward adds to `x`.
enum Operation {
  // Of each row alone. Those that follow each other need no barrier: whoever has a row takes it through all of them.

  /// x = s E[token], plus T[0] where there are types of tokens, plus P[position] where positions are learned.
  case embed
  /// x += branch, normalized first where a norm is given.
  case add(Branch, Norm?)
  /// x = norm(x)
  case normalizeSum(Norm)
  /// h = norm(x), or x itself.
  case normalize(Norm?)
  /// h = s norm(x), or x itself, of the rows whose logits or vectors are wanted, side by side.
  case normalizeWanted(Norm?)

  // Of all rows, in pieces.

  /// q, k, v = Wq h, Wk h, Wv h; queries and keys are turned by their position, keys and values join the cache. Where
  /// `turnHeads` follows, only values do.
  case projectHeads(Attention)
  /// The same of queries and keys that were normalized as whole vectors, for which all heads are needed.
  case turnHeads(Attention)
  /// Softmax(q kᵀ / √d) v, head by head: the parts that single spans of positions give where they are computed apart.
  case attend(Attention)
  /// The parts put together, where there are any.
  case combine(Attention)
  /// c, and what queries are made of where that is not h: products with h.
  case lower(LatentAttention)
  /// Both normalized; c and what is turned with it join the cache.
  case compress(LatentAttention)
  /// q = Wq of what queries are made of
  case projectQueries(LatentAttention)
  /// q becomes Wkᵀ q, head by head, and is turned.
  case absorb(LatentAttention)
  /// Softmax(q cᵀ / √d) c, and its parts put together: as `attend` and `combine`.
  case attendLatents(LatentAttention)
  case combineLatents(LatentAttention)
  /// mixed = Wv of that, head by head, and then rounded.
  case expandValues(LatentAttention)
  case round(LatentAttention)
  /// b, c, x = Win h
  case projectGates(ShortConvolution)
  /// c * conv(b * x), over the row and those before it.
  case convolve(ShortConvolution)
  /// branch = W mixed
  case mix(Linear)
  /// act(Wgate h) * Wup h, or act(Wup h)
  case expand(FeedForward)
  /// branch = Wdown expanded
  case contract(Linear)
  /// The router's logits of each expert: Wrouter h
  case route(Mixture)
  /// Each row's experts and their weights; rows that chose the same one get places side by side.
  case choose(Mixture)
  /// h of each choice, at its place.
  case gather(Mixture)
  /// expanded = act(Wgate h) * Wup h, of each choice by its expert's matrices.
  case expandExperts(Mixture)
  /// branch = Σ w Wdown expanded over a row's choices, and what the shared expert has left there.
  case contractExperts(Mixture)
  /// logits = Wout h, of the rows whose logits are wanted.
  case predict(Linear)

  /// What follows reads what those before wrote.
  case barrier

  enum Branch {
    case mixer
    case feedForward
  }

  /// Whether it works on each row alone.
  var isOfRows: Bool {
    switch self {
    case .embed, .add, .normalizeSum, .normalize, .normalizeWanted: true
    default: false
    }
  }
}
