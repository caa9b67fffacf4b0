import CKernels

extension CPUPass {
  // MARK: Attention

  /// Each piece is one head of queries, keys or values, so that it can be turned and stored at once.
  func projectHeads(_ attention: Attention, _ lane: inout Lane) {
    let shape = attention.shape
    let rotation = workspace.rotations[attention.rotaryTable]
    let (lastQuery, lastKey) = (shape.headCount, shape.headCount + shape.keyValueHeadCount)
    let (thread, turnsLater) = (lane.index, attention.norms == .vectors)
    lane.share(shape.headCount + 2 * shape.keyValueHeadCount) { piece in
      if piece < lastQuery {
        let head = project(attention.query, piece, shape.keyLength, workspace.queries, thread)
        guard !turnsLater else { return }
        for row in 0..<count {
          let turned = head + row * shape.queryWidth
          turn(turned, query(attention, head: piece), rotation, row)
          guard shape.temperature.scale != 0 else { continue }
          ck_scale(turned, shape.temperature.factor(at: position(ofRow: row)), Int32(shape.keyLength))
        }
      } else if piece < lastKey {
        let index = piece - lastQuery
        let head = project(attention.key, index, shape.keyLength, workspace.keys, thread)
        guard !turnsLater else { return }
        eachPosition { row, position, page in
          let turned = head + row * shape.keyWidth
          turn(turned, key(attention, head: index), rotation, row)
          let place = PageLayout.keys(attention, head: index)
          ck_store_key(turned, page + place, Int32(position), Int32(shape.keyLength))
        }
      } else {
        let place = PageLayout.values(attention, head: piece - lastKey)
        let head = project(attention.value, piece - lastKey, shape.valueLength, workspace.values, thread)
        eachPosition { row, position, page in
          ck_store_value(
            head + row * shape.valueWidth, page + place, Int32(position), Int32(shape.valueLength))
        }
      }
    }
  }

  /// A head of all rows; where that of the first is.
  private func project(
    _ linear: Linear, _ head: Int, _ length: Int, _ out: UnsafeMutablePointer<Float>, _ thread: Int
  ) -> UnsafeMutablePointer<Float> {
    multiply(linear, workspace.input, out, head * length..<(head + 1) * length, thread)
    return out + head * length
  }

  /// How a head of queries, or of keys, is normalized.
  private typealias HeadNorm = (kind: Architecture.QueryKeyNorms, factors: Vector, length: Int)

  private func query(_ attention: Attention, head: Int) -> HeadNorm {
    headNorm(attention, attention.queryNorm, head)
  }

  private func key(_ attention: Attention, head: Int) -> HeadNorm {
    headNorm(attention, attention.keyNorm, head)
  }

  private func headNorm(_ attention: Attention, _ factors: Vector, _ head: Int) -> HeadNorm {
    let length = attention.shape.keyLength
    let place = attention.norms == .separateHeads ? head * length : 0
    return (attention.norms, factors.map { $0 + place }, length)
  }

  private func turn(_ head: UnsafeMutablePointer<Float>, _ norm: HeadNorm, _ rotation: Rotation, _ row: Int) {
    func normalize() {
      if let factors = norm.factors { self.norm(head, factors, nil, norm.length, into: head) }
    }
    if norm.kind == .heads || norm.kind == .separateHeads { normalize() }
    rotation.rotate(head, row: row, layout: traits.rotaryLayout)
    if norm.kind == .turnedHeads { normalize() }
  }

  /// Each piece is some rows.
  func turnHeads(_ attention: Attention, _ lane: inout Lane) {
    let shape = attention.shape
    let rotation = workspace.rotations[attention.rotaryTable]
    eachRow(&lane) { part in
      for row in part {
        let (queries, keys) = (workspace.queries + row * shape.queryWidth, workspace.keys + row * shape.keyWidth)
        if let factors = attention.queryNorm { norm(queries, factors, nil, shape.queryWidth, into: queries) }
        if let factors = attention.keyNorm { norm(keys, factors, nil, shape.keyWidth, into: keys) }
        for head in 0..<shape.headCount {
          turn(queries + head * shape.keyLength, query(attention, head: head), rotation, row)
        }
        for head in 0..<shape.keyValueHeadCount {
          turn(keys + head * shape.keyLength, key(attention, head: head), rotation, row)
        }
      }
      eachPosition { row, position, page in
        guard part.contains(row) else { return }
        for head in 0..<shape.keyValueHeadCount {
          let place = PageLayout.keys(attention, head: head)
          let turned = workspace.keys + row * shape.keyWidth + head * shape.keyLength
          ck_store_key(turned, page + place, Int32(position), Int32(shape.keyLength))
        }
      }
    }
  }

  /// What attends to the cache, and where that goes.
  struct Heads {
    let shape: AttentionShape
    /// Where the keys and values are in a page.
    let place: Int
    let sinks: Vector
    /// [row][heads * value length]
    let out: UnsafeMutablePointer<Float>
    /// The same where it is quantized once it is there.
    let mixed: Activations?
  }

  func heads(of attention: Attention) -> Heads {
    let mixed = workspace.mixed.of(columns: attention.shape.attendedWidth)
    return Heads(
      shape: attention.shape, place: attention.place, sinks: attention.sinks, out: mixed.real(0), mixed: mixed)
  }

  func heads(of latent: LatentAttention) -> Heads {
    Heads(
      shape: latent.shape.attention, place: latent.place, sinks: nil, out: workspace.latents.attended, mixed: nil)
  }

  /// Calls `body` with each row, its position within its page, and the page.
  func eachPosition(_ body: (_ row: Int, _ position: Int, _ page: UnsafeMutablePointer<UInt16>) -> Void) {
    for index in 0..<spanCount {
      let span = rows.spans[index]
      for offset in 0..<span.count {
        let position = span.position + offset
        guard let page = span.pages[position / PageLayout.positions] else { continue }
        body(span.first + offset, position % PageLayout.positions, UnsafeMutablePointer(mutating: page))
      }
    }
  }

  /// Where a row is in its sequence.
  func position(ofRow row: Int) -> Int {
    for index in 0..<spanCount {
      let span = rows.spans[index]
      if row < span.first + span.count { return span.position + row - span.first }
    }
    return 0
  }

  /// Whether the parts of positions' spans are computed as pieces of their own: for a few tokens of one sequence.
  private func isSplit(_ shape: AttentionShape) -> Bool {
    let heads = shape.groups.size
    return spanCount == 1 && count * heads <= AttentionShape.headsTogether
      && shape.keyValueHeadCount * shape.groups.count * heads * count <= workspace.partialRows
  }

  /// Pieces are tiles of queries of one group of heads, or with few tokens spans of positions.
  func attend(_ attention: Heads, _ lane: inout Lane) {
    let shape = attention.shape
    let groups = shape.keyValueHeadCount * shape.groups.count
    let rowFloats = ck_partial_floats(Int32(shape.valueLength))
    if isSplit(shape) {
      // A token's keys are few where they have a window.
      var all = kernel(attention, group: 0, rows.spans[0], 0..<count)
      let first = Int(ck_first_span(&all))
      let spans = Int(ck_last_span(&all)) - first
      let stride = shape.groups.size * count * rowFloats
      let lanes = lane.count
      lane.share(groups * spans) { piece in
        let (group, span) = (piece / spans, piece % spans)
        var part = kernel(attention, group: group, rows.spans[0], 0..<count)
        // The threads take the spans in turn.
        part.next = keys(of: part, span: first + span + lanes)
        ck_attend(&part, Int32(first + span), workspace.partials + piece * stride)
      }
      return
    }
    // Enough pieces for all lanes come first.
    let fair = (count * groups + 2 * lane.count - 1) / (2 * lane.count)
    let tileLength = max(
      1, min(workspace.tileRows / shape.groups.size, max(fair, AttentionShape.headsTogether / shape.groups.size)))
    var tiles = 0
    for index in 0..<spanCount { tiles += (rows.spans[index].count + tileLength - 1) / tileLength }
    let partials = workspace.partials + lane.index * workspace.partialStride * workspace.tileRows
    lane.share(tiles * groups) { piece in
      let (span, tokens) = tile(piece / groups, of: tileLength)
      var part = kernel(attention, group: piece % groups, span, tokens)
      let stride = Int(part.heads * part.tokens) * rowFloats
      let positions = ck_first_span(&part)..<ck_last_span(&part)
      for (slot, position) in positions.enumerated() {
        part.next = keys(of: part, span: Int(position) + 1)
        ck_attend(&part, position, partials + slot * stride)
      }
      ck_combine(&part, partials, stride)
    }
  }

  /// Some tokens of a span. Those that come later see more: they are taken first, so that the last pieces are short.
  private func tile(_ index: Int, of length: Int) -> (PassRows.Span, Range<Int>) {
    var left = index
    for at in 0..<spanCount {
      let span = rows.spans[at]
      let tiles = (span.count + length - 1) / length
      if left < tiles {
        let first = (tiles - 1 - left) * length
        return (span, first..<min(first + length, span.count))
      }
      left -= tiles
    }
    return (rows.spans[0], 0..<0)
  }

  func combine(_ attention: Heads, _ lane: inout Lane) {
    let shape = attention.shape
    guard isSplit(shape) else {
      if let mixed = attention.mixed { eachRow(&lane) { for row in $0 { mixed.quantize(row) } } }
      return
    }
    let groups = shape.keyValueHeadCount * shape.groups.count
    lane.share(1) { _ in
      let stride = shape.groups.size * count * ck_partial_floats(Int32(shape.valueLength))
      for group in 0..<groups {
        var part = kernel(attention, group: group, rows.spans[0], 0..<count)
        let spans = Int(ck_last_span(&part) - ck_first_span(&part))
        ck_combine(&part, workspace.partials + group * spans * stride, stride)
      }
      if let mixed = attention.mixed { for row in 0..<count { mixed.quantize(row) } }
    }
  }

  /// Where the keys of a span of positions are; nil for one that the queries do not see.
  private func keys(of attention: ck_attention, span: Int) -> UnsafePointer<UInt16>? {
    var attention = attention
    guard span < Int(ck_last_span(&attention)), let page = attention.pages[span] else { return nil }
    return page + attention.keys
  }

  /// The attention of a group of heads, of some tokens of a span.
  private func kernel(
    _ attention: Heads, group: Int, _ span: PassRows.Span, _ tokens: Range<Int>
  ) -> ck_attention {
    let shape = attention.shape
    let groups = shape.groups
    let keyValueHead = group / groups.count
    let firstOfGroup = group % groups.count * groups.size
    let sharing = shape.headCount / shape.keyValueHeadCount
    let head = keyValueHead * sharing + firstOfGroup
    let row = span.first + tokens.lowerBound
    let keys = PageLayout.keys(shape, at: attention.place, head: keyValueHead)
    return ck_attention(
      query: workspace.queries + row * shape.queryWidth + head * shape.keyLength,
      out: attention.out + row * shape.attendedWidth + head * shape.valueLength,
      query_stride: shape.queryWidth, out_stride: shape.attendedWidth, pages: span.pages,
      keys: keys,
      values: keys + PageLayout.positions * shape.keyLength, sinks: attention.sinks.map { $0 + head }, next: nil,
      dimension: Int32(shape.keyLength), value_dimension: Int32(shape.valueLength),
      heads: Int32(min(groups.size, sharing - firstOfGroup)), tokens: Int32(tokens.count),
      position: Int32(span.position + tokens.lowerBound), window: Int32(shape.window),
      length: shape.isBidirectional ? Int32(span.position + span.count) : 0, scale: shape.scale,
      soft_cap: shape.softCap, slope: shape.slope(ofHead: head))
  }

  // MARK: Convolution

  /// Pieces are channels of one sequence, for all of its rows: each needs those before it.
  func convolve(_ convolution: ShortConvolution, _ lane: inout Lane) {
    let shape = convolution.shape
    let mixed = workspace.mixed.of(columns: shape.channels)
    let parts = (shape.channels + mixed.unit - 1) / mixed.unit
    lane.share(spanCount * parts) { piece in
      let span = rows.spans[piece / parts]
      let first = piece % parts * mixed.unit
      let channels = first..<min(first + mixed.unit, shape.channels)
      guard let state = span.state, let next = span.nextState else { return }
      ck_short_convolution(
        workspace.gates + span.first * 3 * shape.channels, convolution.kernel, Int32(shape.length),
        state + convolution.place, next + convolution.place, Int32(shape.channels), Int32(channels.lowerBound),
        Int32(channels.upperBound), Int32(span.count), mixed.real(span.first))
      for row in span.first..<span.first + span.count { mixed.quantize(row, columns: channels) }
    }
  }
}
