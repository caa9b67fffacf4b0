/// A vocabulary index.
public typealias TokenID = Int32
