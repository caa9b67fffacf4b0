import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { RequestError } from '../../Web/errors.js';
import { decodeEvent, encodeCommand, WireError } from '../../Web/wire.js';

const frames = JSON.parse(readFileSync(new URL('../Fixtures/wire-frames.json', import.meta.url), 'utf8'));
const firstEvent = 128;

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const commands = frames.filter((frame) => bytesOf(frame.hex)[5] < firstEvent);
const events = frames.filter((frame) => bytesOf(frame.hex)[5] >= firstEvent);

/** The fixture's form of a conversation as callers of the codec write it. */
function chat({ messages, addGenerationPrompt, toolsJSON, variablesJSON }) {
  return {
    messages: messages.map(({ role, content, extraJSON }) => ({
      role,
      content,
      ...(extraJSON && JSON.parse(extraJSON)),
    })),
    addGenerationPrompt,
    tools: toolsJSON ? JSON.parse(toolsJSON) : undefined,
    variables: variablesJSON ? JSON.parse(variablesJSON) : undefined,
  };
}

/** @returns {any} */
function commandOf({ kind, input, options, ...rest }) {
  if (kind === 'applyTemplate') return { type: kind, id: rest.id, chat: chat(rest) };
  if (kind !== 'generate') return { type: kind, ...rest };
  const given = Object.entries(options).filter(([, value]) => value !== null);
  return {
    type: kind,
    ...rest,
    input: input.type === 'chat' ? { chat: chat(input) } : { [input.type]: input[input.type] },
    options: Object.fromEntries(given.map(([key, value]) => [key, key === 'seed' ? BigInt(value) : value])),
  };
}

/** A decoded event in the fixture's form: plain JSON. */
function plain({ type, ...rest }) {
  const body = rest.state ?? rest.progress ?? (type === 'loaded' ? { ...rest.info } : rest);
  const json = JSON.parse(
    JSON.stringify({ kind: type, ...('id' in rest ? { id: rest.id } : {}), ...body }, (key, value) => {
      if (typeof value === 'bigint') return value.toString();
      return ArrayBuffer.isView(value) ? [...value] : value;
    }),
  );
  return json;
}

describe('commands become the golden frames', () => {
  assert.ok(commands.length > 8);
  for (const { name, hex, json } of commands) {
    it(name, () => assert.equal(hexOf(encodeCommand(commandOf(json))), hex));
  }
});

describe('golden frames become events', () => {
  assert.ok(events.length > 12);
  for (const { name, hex, json } of events) {
    it(name, () => assert.deepEqual(plain(decodeEvent(bytesOf(hex))), json));
  }
});

describe('hostile frames', () => {
  it('are refused at every length', () => {
    for (const { hex } of events) {
      const bytes = bytesOf(hex);
      for (let length = 0; length < bytes.length; length += 1) {
        assert.throws(() => decodeEvent(bytes.slice(0, length)));
      }
      assert.throws(() => decodeEvent(Uint8Array.from([...bytes, 0])), WireError);
    }
  });

  it('with a changed byte decode or fail as a WireError, and reserve no memory', () => {
    for (const { hex } of events) {
      const bytes = bytesOf(hex);
      for (let index = 0; index < bytes.length; index += 1) {
        for (const value of [0xff, 0x7f, bytes[index] ^ 1]) {
          const changed = bytes.slice();
          changed[index] = value;
          try {
            decodeEvent(changed);
          } catch (error) {
            assert.ok(error instanceof WireError, `${error}`);
          }
        }
      }
    }
  });
});

describe('arguments', () => {
  const text = { text: 'a' };
  const generate = (input, options) => encodeCommand({ type: 'generate', id: 1, input, options });
  const messages = (...list) => ({ chat: { messages: list } });
  const user = { role: 'user', content: 'a' };
  const circle = {};
  circle.circle = circle;

  for (const [place, expected, found, call] of [
    ['options.maxTokens', 'a whole number', '-1', () => generate(text, { maxTokens: -1 })],
    ['options.maxTokens', 'a whole number', '1.5', () => generate(text, { maxTokens: 1.5 })],
    ['options.maxTokens', 'a whole number', '“64”', () => generate(text, { maxTokens: '64' })],
    ['options.topK', 'a whole number', 'NaN', () => generate(text, { topK: Number.NaN })],
    ['options.temperature', 'a number from 0 to 100', 'NaN', () => generate(text, { temperature: Number.NaN })],
    ['options.temperature', 'a number from 0 to 100', '-1', () => generate(text, { temperature: -1 })],
    ['options.temperature', 'a number from 0 to 100', '“hot”', () => generate(text, { temperature: 'hot' })],
    ['options.topP', 'a number from 0 to 1', '2', () => generate(text, { topP: 2 })],
    ['options.repeatLastN', 'a whole number from -1', '-2', () => generate(text, { repeatLastN: -2 })],
    ['options.seed', 'a whole number', '0.5', () => generate(text, { seed: 0.5 })],
    ['options.seed', 'a whole number', '“7”', () => generate(text, { seed: '7' })],
    ['options.logitBias', 'a list', 'an object', () => generate(text, { logitBias: { 17: -100 } })],
    ['options.logitBias[0]', 'a number', 'undefined', () => generate(text, { logitBias: [{ token: 1 }] })],
    [
      'options.logitBias[1]',
      'a token and its bias',
      'null',
      () => generate(text, { logitBias: [{ token: 1, bias: 2 }, null] }),
    ],
    ['options.stop', 'a list', '7', () => generate(text, { stop: 7 })],
    ['options.stop[1]', 'text', '7', () => generate(text, { stop: ['a', 7] })],
    ['options.stopTokens[0]', 'a whole number', '“</s>”', () => generate(text, { stopTokens: ['</s>'] })],
    ['options.overflow', 'fail or dropOldestMessages', '“explode”', () => generate(text, { overflow: 'explode' })],
    ['options.speculation', 'true or false', '1', () => generate(text, { speculation: 1 })],
    ['tokens', 'a list', '“a”', () => generate({ tokens: 'a' })],
    ['tokens[1]', 'a whole number', '-1', () => generate({ tokens: [1, -1] })],
    ['messages', 'a list', 'undefined', () => generate({ chat: {} })],
    ['messages', 'a list', 'an object', () => generate({ chat: { messages: { messages: [] } } })],
    ['messages', 'a list', 'null', () => generate({ chat: { messages: null } })],
    ['messages[1]', 'a message', '“a”', () => generate(messages(user, 'a'))],
    ['messages[1].role', 'text', 'undefined', () => generate(messages(user, { content: 'a' }))],
    ['messages[0].content', 'what JSON can hold', '', () => generate(messages({ role: 'user', content: circle }))],
    ['tools', 'a list', 'an object', () => generate({ chat: { messages: [user], tools: {} } })],
    ['tools', 'what JSON can hold', 'a list', () => generate({ chat: { messages: [user], tools: [1n] } })],
    ['variables', 'an object', 'a list', () => generate({ chat: { messages: [user], variables: [] } })],
    ['text', 'text', '7', () => encodeCommand({ type: 'tokenize', id: 1, text: 7 })],
    ['tokens', 'a list', 'undefined', () => encodeCommand({ type: 'detokenize', id: 1 })],
    [
      'contextLength',
      'a whole number',
      '-5',
      () => encodeCommand({ type: 'load', id: 1, model: 'quick', contextLength: -5 }),
    ],
    ['messages', 'a list', 'undefined', () => encodeCommand({ type: 'applyTemplate', id: 1 })],
  ]) {
    it(`${place} that is ${found || 'endless'} is refused, with what was expected`, () => {
      assert.throws(call, (error) => {
        assert.ok(error instanceof RequestError, `${error.stack}`);
        assert.equal(error.code, 'invalid-request');
        assert.ok(error.message.startsWith(`${place}: expected ${expected}`), error.message);
        assert.ok(error.message.includes(`found ${found}`), error.message);
        return true;
      });
    });
  }

  it('may be what APIs use to say “nothing”, or one string to stop at', () => {
    const nothing = hexOf(generate(text, {}));
    assert.equal(hexOf(generate(text, { maxTokens: null, stop: null, seed: undefined, logitBias: null })), nothing);
    assert.equal(hexOf(generate(text, { stop: 'END' })), hexOf(generate(text, { stop: ['END'] })));
    assert.equal(hexOf(generate({ tokens: Int32Array.of(1, 2) })), hexOf(generate({ tokens: [1, 2] })));
  });

  it('of no command are a mistake of ours', () => assert.throws(() => encodeCommand({ type: 'dance' }), TypeError));

  it('keep what a chat message has besides text for the template', () => {
    const frame = encodeCommand({
      type: 'applyTemplate',
      id: 1,
      chat: { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
    });
    assert.ok(new TextDecoder().decode(frame).includes('{"content":[{"type":"text"}]}'));
  });
});
