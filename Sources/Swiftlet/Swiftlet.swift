// The commands' and events' types are part of this library's interface: one import is enough.
@_exported import WorkerCore

@_exported import typealias InferenceCore.TokenID
