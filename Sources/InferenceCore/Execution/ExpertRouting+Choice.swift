import CKernels

/// An expert that a row goes through.
struct ExpertChoice {
  var expert: Int32
  var weight: Float
}

extension ExpertRouting {
  /// Chooses the best experts of a row, of equal ones those with lower numbers, and weighs them.
  ///
  /// - Parameters:
  ///   - scores: The router's logits, which are used up.
  ///   - bias: What is added where the best are chosen; see ``Mixture/choiceBias``.
  func choose(
    _ chosen: UnsafeMutableBufferPointer<ExpertChoice>, by scores: UnsafeMutableBufferPointer<Float>, bias: Vector
  ) {
    let (least, taken) = (-Float.greatestFiniteMagnitude, -Float.infinity)
    // What is no number comes last, so that a row has as many different experts as there is room for.
    for expert in scores.indices {
      scores[expert] = scores[expert] > least ? min(scores[expert], -least) : least
    }
    switch self.scores {
    case .softmax: soften(scores)
    case .sigmoid: for expert in scores.indices { scores[expert] = 1 / (1 + ck_expf(-scores[expert])) }
    case .softmaxOfChosen: break
    }
    func rank(_ expert: Int) -> Float {
      guard scores[expert] > taken else { return taken }
      let rank = scores[expert] + (bias?[expert] ?? 0)
      return rank > least ? rank : least
    }
    for _ in groups.used..<groups.count { leaveOutWorstGroup(scores, rank) }
    for slot in chosen.indices {
      var (best, highest) = (0, taken)
      for expert in scores.indices where rank(expert) > highest { (best, highest) = (expert, rank(expert)) }
      chosen[slot] = ExpertChoice(expert: Int32(best), weight: scores[best])
      scores[best] = taken
    }
    weigh(chosen)
  }

  private func weigh(_ chosen: UnsafeMutableBufferPointer<ExpertChoice>) {
    var (most, sum) = (-Float.infinity, Float(0))
    for choice in chosen { most = max(most, choice.weight) }
    for slot in chosen.indices {
      if scores == .softmaxOfChosen { chosen[slot].weight = ck_expf(chosen[slot].weight - most) }
      sum += chosen[slot].weight
    }
    let whole = isNormalized || scores == .softmaxOfChosen ? max(sum, .leastNormalMagnitude) : 1
    guard whole != 1 || scale != 1 else { return }
    for slot in chosen.indices { chosen[slot].weight = chosen[slot].weight / whole * scale }
  }

  private func soften(_ x: UnsafeMutableBufferPointer<Float>) {
    var (most, sum) = (-Float.infinity, Float(0))
    for index in x.indices { most = max(most, x[index]) }
    for index in x.indices {
      x[index] = ck_expf(x[index] - most)
      sum += x[index]
    }
    for index in x.indices { x[index] /= sum }
  }

  /// A group is as good as its two best experts together (DeepSeek-AI 2024).
  private func leaveOutWorstGroup(_ scores: UnsafeMutableBufferPointer<Float>, _ rank: (Int) -> Float) {
    let size = scores.count / groups.count
    var (worst, lowest) = (0, Float.infinity)
    for group in 0..<groups.count where scores[group * size] > -.infinity {
      var (first, second) = (-Float.infinity, -Float.infinity)
      for expert in group * size..<(group + 1) * size {
        let rank = rank(expert)
        if rank > first { (first, second) = (rank, first) } else if rank > second { second = rank }
      }
      if first + second <= lowest { (worst, lowest) = (group, first + second) }
    }
    for expert in worst * size..<(worst + 1) * size { scores[expert] = -.infinity }
  }
}
