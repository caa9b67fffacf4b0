/** The form of the settings. */

import { element, iconButton } from './dom.js';

/**
 * @param {string} name
 * @param {string} label
 * @param {Record<string, string>} options By their value.
 * @param {string} [describedBy] The id of what explains it.
 */
function choice(name, label, options, describedBy = '') {
  const entries = Object.entries(options).map(([value, text]) => element('option', { value }, text));
  const hint = describedBy ? { 'aria-describedby': describedBy } : {};
  return element('label', { class: 'field inline' }, named(label), element('select', { name, ...hint }, ...entries));
}

/** @param {string} name @param {string} label @param {string} hint */
function check(name, label, hint) {
  const attributes = { type: 'checkbox', name, 'aria-describedby': `${name}-hint` };
  return element(
    'div',
    { class: 'field check' },
    element('label', { class: 'field-name' }, element('input', attributes), label),
    element('p', { class: 'hint', id: `${name}-hint` }, hint),
  );
}

/** @param {string} label */
const named = (label) => element('span', { class: 'field-name' }, label);

/** @param {string} legend @param {...(Node | null)} children */
const group = (legend, ...children) => element('fieldset', {}, element('legend', {}, legend), ...children);

/**
 * A number that may be left to its default.
 *
 * @param {import('./sampler-fields.js').SamplerField} field
 * @param {() => void} reset
 */
function number({ name, label, hint, usual }, reset) {
  const describedBy = `${name}-hint ${name}-problem`;
  const attributes = {
    id: `set-${name}`,
    name,
    inputmode: 'decimal',
    autocomplete: 'off',
    'aria-describedby': describedBy,
  };
  return element(
    'div',
    { class: 'field number', 'data-field': name },
    element('label', { class: 'field-name', for: `set-${name}` }, label),
    element('input', { type: 'text', ...attributes }),
    iconButton('redo', `Back to the default: ${label}`, reset, { class: 'icon-button reset' }),
    element(
      'p',
      { class: 'hint', id: `${name}-hint` },
      `${hint} Default: `,
      element('span', { class: 'usual' }, usual),
      '.',
    ),
    element('p', { class: 'problem', id: `${name}-problem`, role: 'alert' }),
  );
}

const keys = [
  ['Send', 'Enter'],
  ['New line', 'Shift', 'Enter'],
  ['Stop the reply', 'Esc'],
  ['Edit your last message, where none is written', '↑'],
  ['Go to the message', 'Alt', 'I'],
  ['New conversation', 'Alt', 'N'],
  ['Models', 'Alt', 'M'],
  ['Conversations', 'Alt', 'B'],
];

/**
 * @param {import('./sampler-fields.js').SamplerField[]} fields
 * @param {(name: string) => void} reset
 * @returns {HTMLFormElement}
 */
export function settingsForm(fields, reset) {
  const numbers = (/** @type {boolean} */ isFirst) =>
    fields.filter((field) => !!field.isFirst === isFirst).map((field) => number(field, () => reset(field.name)));
  const tokens = ['1024', '2048', '4096', '8192', '16384'].map((count) => [
    count,
    `${Number(count).toLocaleString('en')} tokens`,
  ]);
  return element(
    'form',
    { class: 'settings', id: 'settings-form' },
    group(
      'Replies',
      element(
        'label',
        { class: 'field' },
        named('System prompt of new conversations'),
        element('textarea', {
          name: 'systemPrompt',
          rows: 3,
          placeholder: 'How should the model answer? For example: Be brief and friendly.',
        }),
      ),
      ...numbers(true),
      element(
        'details',
        { class: 'more', id: 'more-settings' },
        element('summary', {}, 'More'),
        element(
          'div',
          { class: 'more-fields' },
          ...numbers(false),
          element(
            'div',
            { class: 'field', 'data-field': 'stop' },
            element('label', { class: 'field-name', for: 'set-stop' }, 'Stop at'),
            element('textarea', {
              id: 'set-stop',
              name: 'stop',
              rows: 2,
              'aria-describedby': 'stop-hint',
              spellcheck: 'false',
            }),
            element(
              'p',
              { class: 'hint', id: 'stop-hint' },
              'A reply ends before any of these texts, one a line; \\n stands for the end of a line. Default: none.',
            ),
          ),
          check(
            'speculation',
            'Speculation',
            'Verifies several words at once where the text repeats; the reply is the same. Default: on.',
          ),
        ),
      ),
    ),
    group(
      'Context',
      check(
        'makesRoom',
        'Make room by itself',
        'Once the context is full, the oldest messages are no longer sent. They stay here to read.',
      ),
    ),
    group(
      'Engine',
      choice('contextLength', 'Context', { 0: 'The model’s usual', ...Object.fromEntries(tokens) }),
      choice(
        'device',
        'Computes on',
        { auto: 'What is faster here', gpu: 'The graphics card', cpu: 'The processor' },
        'device-hint',
      ),
      element('p', { class: 'hint', id: 'device-hint', role: 'status' }),
      choice('threads', 'Threads', {}),
      element('p', { class: 'hint', id: 'engine-hint' }),
      element(
        'button',
        { type: 'button', class: 'button', id: 'apply-engine', hidden: true },
        'Reload the model with these',
      ),
    ),
    group(
      'This page',
      choice('theme', 'Appearance', { system: 'Like the system', light: 'Light', dark: 'Dark' }),
      choice('keepsPrefixes', 'Pick up old conversations at once', { 1: 'Yes, takes up to 1 GB', 0: 'No' }),
      element(
        'div',
        { class: 'field inline' },
        named('Kept on this device'),
        element('span', { id: 'storage-use' }, '…'),
      ),
      element('button', { type: 'button', class: 'button', id: 'persist' }, 'Ask the browser not to clear it'),
    ),
    group(
      'Keyboard',
      element(
        'dl',
        { class: 'shortcuts' },
        ...keys.map(([what, ...names]) =>
          element(
            'div',
            {},
            element('dt', {}, ...names.flatMap((key) => [element('kbd', {}, key), ' '])),
            element('dd', {}, what),
          ),
        ),
      ),
    ),
    element(
      'button',
      { type: 'button', class: 'text-button', id: 'reset-settings' },
      'Back to the recommended settings',
    ),
  );
}
