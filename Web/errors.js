/**
 * The errors of the engine and of what surrounds it in the browser.
 *
 * @typedef {{ code: string, message: string, need?: number, limit?: number }} ErrorRecord
 */

/** Any error of Swiftlet. `code` is stable, `message` is for people. */
export class SwiftletError extends Error {
  /** @param {ErrorRecord} record @param {ErrorOptions} [options] */
  constructor(record, options) {
    super(record.message, options);
    this.name = new.target.name;
    this.code = record.code;
    this.need = record.need ?? 0;
    this.limit = record.limit ?? 0;
  }
}

/** The browser lacks something the engine needs. */
export class UnsupportedBrowserError extends SwiftletError {}

/** A model's bytes could not be fetched, kept, or did not have the expected hash. */
export class DownloadError extends SwiftletError {}

/** The file is no model that this engine can run, or nobody knows a model of that name. */
export class ModelError extends SwiftletError {}

/** The model does not fit in memory: `need` and `limit` are bytes. */
export class MemoryError extends SwiftletError {}

/** The conversation is longer than the context: `need` and `limit` are tokens. */
export class ContextOverflowError extends SwiftletError {}

/** The request itself cannot be carried out. */
export class RequestError extends SwiftletError {}

/** The load was cancelled. */
export class CancelledError extends SwiftletError {}

/** The graphics card does not compute, or not any longer. */
export class DeviceError extends SwiftletError {}

/** The engine stopped: it was terminated, or failed in a way it cannot go on from. */
export class EngineError extends SwiftletError {}

/**
 * Refuses an argument, as every check of one does.
 *
 * @param {string} place What it is: `options.topP`, `messages[2].role`.
 * @param {string} expected
 * @param {unknown} found
 * @returns {never}
 * @throws {RequestError}
 */
export function refuse(place, expected, found) {
  const shown =
    typeof found === 'string'
      ? `“${found.slice(0, 80)}”`
      : Array.isArray(found)
        ? 'a list'
        : found && /^(object|function)$/.test(typeof found)
          ? `a${typeof found === 'object' ? 'n object' : ' function'}`
          : String(found);
  throw new RequestError({ code: 'invalid-request', message: `${place}: expected ${expected}, found ${shown}.` });
}

/** @type {Record<string, typeof SwiftletError>} */
const classes = {
  'unsupported-platform': UnsupportedBrowserError,
  'download-failed': DownloadError,
  offline: DownloadError,
  'hash-mismatch': DownloadError,
  'storage-failed': DownloadError,
  'permission-denied': DownloadError,
  'model-not-found': ModelError,
  'invalid-model': ModelError,
  'unsupported-model': ModelError,
  'not-enough-memory': MemoryError,
  'out-of-memory': MemoryError,
  'context-overflow': ContextOverflowError,
  'invalid-request': RequestError,
  'no-model': RequestError,
  'template-failed': RequestError,
  'bad-frame': RequestError,
  cancelled: CancelledError,
  'device-lost': DeviceError,
  'device-unavailable': DeviceError,
  terminated: EngineError,
  internal: EngineError,
};

/**
 * The error that a record of the wire format or of a worker's message stands for.
 *
 * @param {ErrorRecord} record
 * @returns {SwiftletError}
 */
export function errorFrom(record) {
  const Class = classes[record.code] ?? EngineError;
  return new Class(record);
}

/**
 * What can be posted between threads of any thrown value.
 *
 * @param {unknown} thrown
 * @param {string} [code] For errors that carry none of ours.
 * @returns {ErrorRecord}
 */
export function recordOf(thrown, code = 'internal') {
  if (thrown instanceof SwiftletError) {
    return { code: thrown.code, message: thrown.message, need: thrown.need, limit: thrown.limit };
  }
  return { code, message: thrown instanceof Error ? thrown.message : String(thrown), need: 0, limit: 0 };
}
