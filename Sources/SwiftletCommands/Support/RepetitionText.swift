import InferenceCore
import WorkerCore

/// A text of about 400 tokens and the beginning of its repetition with one word changed, which a model goes on with: what
/// speculation is for.
enum RepetitionText {
  /// What follows with any model that repeats is the rest of the text, about 300 tokens.
  static func prompt() -> String {
    let repeated = text.replacing("Martha", with: "Helen")
    return text + "\n\n" + repeated[..<(repeated.range(of: " Nobody had asked")?.lowerBound ?? repeated.endIndex)]
  }

  /// What a decode takes when the text's own tokens stand in for the model's choices, since random weights repeat nothing.
  static func forced(
    _ file: GGUFFile, threads: Int, generateTokens: Int, speculates: Bool
  ) throws -> Timings {
    let tokenizer = try Tokenizer(file)
    let model = try LanguageModel(file: file)
    let prompt = tokenizer.encode(Array(prompt().utf8), addSpecial: true, parseSpecial: false)
    let whole = Array((text + "\n\n" + text.replacing("Martha", with: "Helen")).utf8)
    let reply = tokenizer.encode(whole, addSpecial: true, parseSpecial: false).dropFirst(prompt.count)
      .prefix(generateTokens)
    let limits = ExecutionLimits(
      contextLength: prompt.count + reply.count + 1, logitRows: Speculation.logitRows)
    let executor = try CPUExecutor(model: model, team: ThreadTeam(count: threads), limits: limits)
    let sequence = executor.makeSequence()
    let vocabulary = model.hyperparameters.vocabularySize
    let clock = ContinuousClock()
    func milliseconds(since start: ContinuousClock.Instant) -> Double { (clock.now - start) / .milliseconds(1) }

    var timings = Timings()
    let began = clock.now
    for first in stride(from: 0, to: prompt.count, by: limits.rows) {
      try executor.evaluate(prompt[first..<min(first + limits.rows, prompt.count)], in: sequence)
    }
    timings.promptCount = prompt.count
    timings.promptMilliseconds = milliseconds(since: began)

    var sampler = Sampler(SamplingOptions(temperature: 0), vocabularySize: vocabulary)
    var speculation = Speculation(prompt: prompt, contextLength: limits.contextLength)
    var costs = PassCosts()
    var last = prompt[prompt.count - 1]
    var rest = reply
    sequence.rewind(to: prompt.count - 1)
    let start = clock.now
    while !rest.isEmpty {
      let draft = speculates ? speculation.draft(limit: rest.count - 1, costs: costs, slice: .infinity) : []
      let passBegan = clock.now
      let logits = try executor.evaluate([last] + draft, in: sequence, logitRows: draft.count + 1)
      costs.passTook(milliseconds(since: passBegan), drafted: draft.count)
      let right = zip(draft, rest).prefix { $0 == $1 }.count
      for row in 0...right {
        _ = sampler.sample(
          UnsafeMutableBufferPointer(rebasing: logits[row * vocabulary..<(row + 1) * vocabulary]))
        last = rest.removeFirst()
        speculation.append(last)
      }
      sequence.rewind(to: sequence.tokens.count - draft.count + right)
      timings.draftCount += draft.count
      timings.draftAcceptedCount += right
    }
    timings.predictedCount = reply.count
    timings.predictedMilliseconds = milliseconds(since: start)
    return timings
  }

  private static let text = """
    The lighthouse at the end of the bay was built in 1871 by a crew of twenty masons who came over the hills with \
    their tools on their backs. Its walls are two meters thick at the base and taper to half a meter under the \
    lantern room. For the first thirty years the lamp burned oil that was carried up the stairs in tin cans, four \
    every evening in summer and nine in winter. The keeper, a quiet woman named Martha, wrote every delivery into a \
    book, together with the weather, the ships that passed, and the birds that struck the glass at night. Nobody had \
    asked her to count the birds. When a professor from the city came to visit, he found thirty volumes on a shelf \
    beside the stove and asked whether he might read them. He stayed for a week. In the evenings they played chess, \
    and Martha won most of the games. Later he wrote that the books were the longest record of migration on that \
    coast, and that they showed how the flocks had come a little earlier each spring. The museum printed a short \
    edition with drawings, and for a while people walked out along the sand to see the place where it had been \
    written. Then the road was built on the other side of the hills, the ships grew larger and kept farther out, and \
    the lamp was replaced by an electric one that needed nobody to carry anything. The stairs are still worn in the \
    middle of each step. On clear days the keeper's granddaughter opens the door for visitors, shows them the shelf \
    and the stove, and lets them turn the pages of the last volume, which ends in the middle of a line about geese. \
    If someone asks why the counting stopped there, she says that the wind had come up, that the geese were flying \
    low that night, and that her grandmother had gone outside to look at them.
    """
}
