/// Looks for the places that keep a text from having control tokens, wherever it is put, one slice of work at a time: no
/// token may cover one of them.
///
/// They lie inside of each token that is spelled out, of those that are begun at the text's end, blanks aside, and before
/// what is the end or the middle of one at its beginning.
public struct SpelledTokens {
  /// The places so far, ascending.
  public private(set) var places: [Int] = []

  private let tokenizer: Tokenizer
  private let text: [UInt8]
  let joins: Bool
  /// The text without the blanks around it.
  let words: Range<Int>
  /// Bytes that were looked at.
  var next = 0

  /// - Parameter joins: whether parts may be taken out of the text later, so that what is left meets. Every character that
  ///   could begin a token then has a place behind it.
  public init(in text: [UInt8], joins: Bool, tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    self.text = text
    self.joins = joins
    let begin = text.count - UTF8Text.trim(text, trailing: false).count
    words = begin..<max(begin, UTF8Text.trim(text, leading: false).count)
  }

  /// Goes on with the text.
  ///
  /// - Parameter steps: about how much to do, less what was done; an ordinary text has one for eight bytes, and no text
  ///   more than nine for each.
  /// - Returns: whether ``places`` are the whole text's.
  public mutating func advance(steps: inout Int) -> Bool {
    let (tokenizer, text) = (tokenizer, text)
    guard tokenizer.look(for: &self, in: text, steps: &steps) else { return false }
    if tokenizer.continues(text[words]) {
      let index = places.firstIndex { $0 >= words.lowerBound } ?? places.count
      if index == places.count || places[index] > words.lowerBound { places.insert(words.lowerBound, at: index) }
    }
    return true
  }

  mutating func add(_ place: Int) {
    places.append(place)
  }
}
