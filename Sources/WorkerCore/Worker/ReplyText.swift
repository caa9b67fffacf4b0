import InferenceCore

/// The text of a reply as its tokens come: whole characters, up to a stop string and without it.
///
/// Whatever is to be read out of a reply's bytes (reasoning, tool calls) is read here, between tokens and events.
struct ReplyText {
  private var detokenizer: Detokenizer
  private var stops: StopMatcher

  /// - Parameter stops: UTF-8 texts that end the reply.
  init(_ tokenizer: Tokenizer, stops: [[UInt8]]) {
    detokenizer = Detokenizer(tokenizer)
    self.stops = StopMatcher(stops)
  }

  /// Goes on after the model was loaded again.
  mutating func goOn(with tokenizer: Tokenizer) {
    detokenizer.goOn(with: tokenizer)
  }

  /// Takes the next token.
  ///
  /// - Returns: the bytes that can be shown by now, and whether a stop string has ended the reply.
  mutating func append(_ id: TokenID) -> (release: [UInt8], stopped: Bool) {
    stops.feed(detokenizer.append(id))
  }

  /// Ends the reply where no stop string did.
  ///
  /// - Returns: what was held back.
  mutating func finish() -> [UInt8] {
    // A last incomplete character may complete a stop string too.
    let (released, stopped) = stops.feed(detokenizer.finish())
    return stopped ? released : released + stops.finish()
  }
}
