export interface ErrorRecord {
  code: string;
  message: string;
  need?: number;
  limit?: number;
}

/** Any error of Swiftlet. `code` is stable, `message` is for people. */
export class SwiftletError extends Error {
  constructor(record: ErrorRecord, options?: ErrorOptions);
  readonly code: string;
  /** What was asked for, in bytes (`MemoryError`) or tokens (`ContextOverflowError`); 0 elsewhere. */
  readonly need: number;
  /** What there is, in the same unit. */
  readonly limit: number;
}

/** `unsupported-platform`: the browser lacks something the engine needs. */
export class UnsupportedBrowserError extends SwiftletError {}
/** `download-failed`, `offline`, `hash-mismatch`, `storage-failed`, `permission-denied`. */
export class DownloadError extends SwiftletError {}
/** `model-not-found`, `invalid-model`, `unsupported-model`. */
export class ModelError extends SwiftletError {}
/** `not-enough-memory` (known before anything was loaded), `out-of-memory`. */
export class MemoryError extends SwiftletError {}
/** `context-overflow`: the conversation is longer than the context. */
export class ContextOverflowError extends SwiftletError {}
/** `invalid-request`, `no-model`, `template-failed`, `bad-frame`. */
export class RequestError extends SwiftletError {}
/** `cancelled`: someone stopped the load. */
export class CancelledError extends SwiftletError {}
/**
 * `device-lost`: the graphics card has stopped computing. The model can be loaded again, with the processor too.
 * `device-unavailable`: there is no graphics card, or it cannot compute this model; the processor can.
 */
export class DeviceError extends SwiftletError {}
/** `terminated`, `internal`. */
export class EngineError extends SwiftletError {}

/** Throws a `RequestError` that says what an argument was expected to be. */
export function refuse(place: string, expected: string, found: unknown): never;
export function errorFrom(record: ErrorRecord): SwiftletError;
export function recordOf(thrown: unknown, code?: string): Required<ErrorRecord>;
