import CKernels

extension Sampler {
  /// Applies top-k, typical, top-p and min-p, leaving ``candidates`` likeliest first.
  ///
  /// Returns false when no filter is on: then every token is a candidate and none is listed.
  mutating func filter(_ logits: UnsafeMutableBufferPointer<Float>) -> Bool {
    // The first filter that is on goes over the vocabulary, the others over what it has left.
    if options.topK > 0, options.topK < logits.count {
      candidates.selectTop(options.topK, of: logits)
      if options.filtersTypical { filterTypical() }
      if options.filtersTopP { filterTopP() }
    } else if options.filtersTypical {
      selectTypical(of: logits)
      if options.filtersTopP { filterTopP() }
    } else if options.filtersTopP {
      selectTopP(of: logits)
    } else if options.filtersMinP {
      selectMinP(of: logits)
      return true
    } else {
      return false
    }
    if options.filtersMinP { filterMinP() }
    return true
  }

  /// Fills ``weights`` with exp((logit - largest) · factor) for the whole vocabulary and returns their sum.
  mutating func weigh(_ logits: UnsafeMutableBufferPointer<Float>, largest: Float, factor: Float) -> Double {
    if weights.count != logits.count { weights = [Float](repeating: 0, count: logits.count) }
    return weights.withUnsafeMutableBufferPointer {
      ck_softmax_weights(logits.baseAddress, largest, factor, Int32(logits.count), $0.baseAddress)
    }
  }

  /// Gives the candidates, which are sorted, weights of exp((logit - largest) · factor) and returns their sum.
  mutating func weighCandidates(factor: Float) -> Double {
    var sum = 0.0
    guard let largest = candidates.first?.logit else { return 0 }
    for index in candidates.indices {
      let weight = ck_expf((candidates[index].logit - largest) * factor)
      // Infinity less infinity.
      candidates[index].weight = weight.isNaN ? 0 : weight
      sum += Double(candidates[index].weight)
    }
    return sum
  }

  /// Top-p over the whole vocabulary.
  private mutating func selectTopP(of logits: UnsafeMutableBufferPointer<Float>) {
    let largest = logits[Int(ck_argmax(logits.baseAddress, Int32(logits.count)))]
    let total = weigh(logits, largest: largest, factor: 1)
    let target = Double(options.topP) * total
    select(by: logits) { $0 >= target }
  }

  /// Typical over the whole vocabulary.
  private mutating func selectTypical(of logits: UnsafeMutableBufferPointer<Float>) {
    let largest = logits[Int(ck_argmax(logits.baseAddress, Int32(logits.count)))]
    let total = weigh(logits, largest: largest, factor: 1)
    guard total > 0 else {
      // An infinite logit or none that is possible.
      candidates.selectTop(1, of: logits)
      return
    }
    if nearness.count != logits.count { nearness = [Float](repeating: 0, count: logits.count) }
    // -log p = offset - logit
    let offset = Double(ck_logf(Float(total))) + Double(largest)
    var entropy = 0.0
    for id in logits.indices where weights[id] > 0 {
      entropy += Double(weights[id]) / total * (offset - Double(logits[id]))
    }
    for id in logits.indices { nearness[id] = -Float(abs(offset - Double(logits[id]) - entropy)) }
    let target = Double(options.typicalP) * total
    // Lent, since a closure may not use a part of what it changes.
    var scores = [Float]()
    swap(&scores, &nearness)
    scores.withUnsafeMutableBufferPointer { scores in select(by: scores) { $0 > target } }
    swap(&scores, &nearness)
    for index in candidates.indices { candidates[index].logit = logits[Int(candidates[index].id)] }
    candidates.sortByLikelihood()
  }

  /// Makes the candidates those with the largest `scores` whose ``weights`` together are `enough`, sorting only as
  /// many as are needed.
  private mutating func select(by scores: UnsafeMutableBufferPointer<Float>, until enough: (Double) -> Bool) {
    var tried = 256
    while true {
      candidates.selectTop(min(tried, scores.count), of: scores)
      var reached = 0.0
      for index in candidates.indices {
        reached += Double(weights[Int(candidates[index].id)])
        if enough(reached) {
          candidates.keepFirst(index + 1)
          return
        }
      }
      if candidates.count < tried { return }
      tried *= 8
    }
  }

  mutating func filterTopP() {
    let total = weighCandidates(factor: 1)
    var reached = 0.0
    for index in candidates.indices {
      reached += Double(candidates[index].weight)
      if reached >= Double(options.topP) * total {
        candidates.keepFirst(index + 1)
        return
      }
    }
  }

  /// Keeps the candidates with the information nearest to the entropy, at least one.
  mutating func filterTypical() {
    let total = weighCandidates(factor: 1)
    guard total > 0, let largest = candidates.first?.logit else { return }
    // -log p = log total - (logit - largest)
    let offset = Double(ck_logf(Float(total)))
    var entropy = 0.0
    for candidate in candidates where candidate.weight > 0 {
      entropy += Double(candidate.weight) / total * (offset - Double(candidate.logit - largest))
    }
    for index in candidates.indices {
      // From here on the weight is the distance from the entropy.
      candidates[index].weight = Float(abs(offset - Double(candidates[index].logit - largest) - entropy))
    }
    candidates.sort { $0.weight < $1.weight || ($0.weight == $1.weight && $0.precedes($1)) }
    var reached = 0.0
    for index in candidates.indices {
      reached += Double(ck_expf(candidates[index].logit - largest))
      if reached > Double(options.typicalP) * total {
        candidates.keepFirst(index + 1)
        break
      }
    }
    candidates.sortByLikelihood()
  }

  /// Min-p over the whole vocabulary.
  private mutating func selectMinP(of logits: UnsafeMutableBufferPointer<Float>) {
    let largest = ck_argmax(logits.baseAddress, Int32(logits.count))
    let least = logits[Int(largest)] + ck_logf(options.minP)
    candidates.removeAll(keepingCapacity: true)
    for id in logits.indices where logits[id] >= least && logits[id] > -.infinity {
      candidates.append(Candidate(id: TokenID(id), logit: logits[id]))
    }
    candidates.sortByLikelihood()
    // A value above 1 leaves no token: the likeliest is always kept.
    if candidates.isEmpty, logits[Int(largest)] > -.infinity {
      candidates.append(Candidate(id: largest, logit: logits[Int(largest)]))
    }
  }

  mutating func filterMinP() {
    guard let largest = candidates.first?.logit else { return }
    let least = largest + ck_logf(options.minP)
    // The likeliest is always kept.
    if let end = candidates.indices.dropFirst().first(where: { candidates[$0].logit < least }) {
      candidates.keepFirst(end)
    }
  }
}
