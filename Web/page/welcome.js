import { byId, element } from './dom.js';

const suggestions = [
  'Write a short poem about rain in the mountains',
  'Explain why the sky is blue to a child',
  'Give me three ideas for a quiet weekend',
];

/**
 * What a new conversation shows once a model is ready.
 *
 * @param {(text: string) => void} fill
 */
export function buildWelcome(fill) {
  byId('welcome').append(
    element('h2', {}, 'What is on your mind?'),
    element('p', {}, 'The model lives in this tab. What you write stays here; what it writes can be wrong.'),
    element(
      'div',
      { class: 'suggestions' },
      ...suggestions.map((text) => element('button', { type: 'button', onclick: () => fill(text) }, text)),
    ),
  );
}
