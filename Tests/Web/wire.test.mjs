import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
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
      return value instanceof Uint8Array ? [...value] : value;
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
  it('must be ones that a frame can carry', () => {
    const generate = (options) => encodeCommand({ type: 'generate', id: 1, input: { text: 'a' }, options });
    assert.throws(() => generate({ maxTokens: -1 }), TypeError);
    assert.throws(() => generate({ maxTokens: 1.5 }), TypeError);
    assert.throws(() => generate({ overflow: 'explode' }), TypeError);
    assert.throws(() => encodeCommand({ type: 'dance' }), TypeError);
  });

  it('keep what a chat message has besides text for the template', () => {
    const frame = encodeCommand({
      type: 'applyTemplate',
      id: 1,
      chat: { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
    });
    assert.ok(new TextDecoder().decode(frame).includes('{"content":[{"type":"text"}]}'));
  });
});
