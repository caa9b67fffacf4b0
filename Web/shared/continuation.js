import { EngineError } from '../errors.js';

/**
 * What a reply has said when the tab that computed it went away, for another one to go on with.
 *
 * @typedef {object} Said
 * @property {string} model
 * @property {number[]} promptTokens
 * @property {number} cachedCount
 * @property {number[]} tokens
 * @property {string} text
 * @property {number} firstTokenMilliseconds
 * @property {number} predictedMilliseconds
 */

/** Text is held back while it may become a stop string or the end of a character: of the last tokens at most so many. */
const mostHeld = 64;
/** What ends a chat with a model that has no template of its own: it writes the markers of ChatML as text. */
const markers = ['<|im_end|>', '<|im_start|>'];

/**
 * The request that goes on with a reply after its last token.
 *
 * @param {{ input: any, options: any, said: Said }} request
 * @param {{ currentModel: string | null, info: import('../wire.js').ModelInfo | null }} loaded
 * @param {(tokens: number[]) => Promise<string>} detokenize
 * @returns {Promise<{ input: { tokens: number[] }, options: any, kept: number, joined: (send: (event: any) => void) =>
 *   (event: any) => void }>} `kept` of the reply's tokens still count; `joined` makes the events those of one reply.
 * @throws {EngineError} When its model is not loaded any more.
 */
export async function continuationOf({ input, options, said }, { currentModel, info }, detokenize) {
  if (said.model !== currentModel) {
    throw new EngineError({
      code: 'terminated',
      message: 'The tab that wrote this reply was closed, and its model is not loaded now.',
    });
  }
  const { kept, shown } = await lastWhole(said, detokenize);
  const { maxTokens, seed } = options;
  const stop = [options.stop ?? []].flat();
  return {
    input: { tokens: [...said.promptTokens, ...said.tokens.slice(0, kept)] },
    options: {
      ...options,
      ...(maxTokens !== undefined && { maxTokens: maxTokens - kept }),
      // The same draws over again would repeat what they chose.
      ...(seed !== undefined && { seed: BigInt.asUintN(64, BigInt(seed) + BigInt(kept)) }),
      stop: Array.isArray(input) && !info?.hasChatTemplate ? [...stop, ...markers] : stop,
    },
    kept,
    joined: (send) => joined(send, said, kept, shown),
  };
}

/**
 * The last token up to which all text was given out.
 *
 * @param {Said} said
 * @param {(tokens: number[]) => Promise<string>} detokenize
 */
async function lastWhole({ tokens, text }, detokenize) {
  for (let kept = tokens.length; kept >= 0 && kept > tokens.length - mostHeld; kept -= 1) {
    const whole = kept ? await detokenize(tokens.slice(0, kept)) : '';
    if (text.startsWith(whole)) return { kept, shown: text.slice(whole.length) };
  }
  // Tokens that leave no trace in the text: there is nothing to compare.
  return { kept: tokens.length, shown: '' };
}

/**
 * The events of a reply's rest as those of the whole: without text that was given out before, with the figures of both.
 *
 * @param {(event: any) => void} send
 * @param {Said} said
 * @param {number} kept Of its tokens.
 * @param {string} shown Text after those tokens, which comes once more.
 * @returns {(event: any) => void}
 */
function joined(send, said, kept, shown) {
  return (event) => {
    if (event.type === 'text') {
      const { text } = event;
      let length = 0;
      while (length < shown.length && length < text.length && shown[length] === text[length]) length += 1;
      // Where it differs, as a random choice may, nothing more is left out.
      shown = length === text.length ? shown.slice(length) : '';
      send({ ...event, text: text.slice(length) });
    } else if (event.type === 'finished' && event.timings) {
      const { timings } = event;
      const firstTokenMilliseconds = said.firstTokenMilliseconds;
      const whole = {
        ...timings,
        promptCount: said.promptTokens.length - said.cachedCount,
        cachedCount: said.cachedCount,
        promptMilliseconds: firstTokenMilliseconds,
        firstTokenMilliseconds,
        predictedCount: kept + timings.predictedCount,
        predictedMilliseconds: said.predictedMilliseconds + timings.predictedMilliseconds,
      };
      send({ ...event, timings: whole });
    } else if (event.type !== 'started') {
      send(event);
    }
  };
}
