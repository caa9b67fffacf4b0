import { byId, element } from './dom.js';

/** Where it is kept that the reader has seen the notice. */
const seenKey = 'swiftlet-plain-http';

/** What a browser withholds without a secure context, as far as this one does. @returns {string[]} */
function missing() {
  const { crossOriginIsolated, navigator } = globalThis;
  return [
    !crossOriginIsolated &&
      'The engine has one thread, so replies come several times slower, and models of more than 4 GB do not load.',
    !navigator.storage?.getDirectory &&
      'Models are not kept on this device: one is fetched again at each visit. Your conversations are kept.',
    !('gpu' in navigator) && 'Only the processor computes, not the graphics card.',
    !('serviceWorker' in navigator) && 'The page does not open offline.',
    !('locks' in navigator) && 'Tabs do not see each other’s replies under way.',
  ].filter((line) => line !== false);
}

/** @returns {(Node | string)[][]} Ways to have it all, the easiest first. */
function remedies() {
  const { hostname, origin, port } = location;
  const code = (/** @type {string} */ text) => element('code', {}, text);
  const number = port || '80';
  const here = `http://localhost:${number}`;
  return [
    ['Are you at the machine that serves the page? Open ', code(here), ' there.'],
    [
      'From another machine, where you may log in: ',
      code(`ssh -L ${number === '80' ? '8080' : number}:localhost:${number} ${hostname}`),
      ', then open ',
      code(number === '80' ? 'http://localhost:8080' : here),
      ' here.',
    ],
    [
      'For everybody: put a server with a certificate before it (',
      code(`caddy reverse-proxy --from NAME --to localhost:${number}`),
      ' is one) and open ',
      code('https://NAME'),
      '.',
    ],
    [
      'For this browser alone, if it is Chrome or Edge and the network is yours: enter ',
      code(origin),
      ' at ',
      code('chrome://flags/#unsafely-treat-insecure-origin-as-secure'),
      '.',
    ],
  ];
}

/** Says what this page lacks because it came over plain HTTP from another machine, and how to have it. */
export function showPlainHTTP() {
  if (isSeen()) return;
  const lines = missing();
  if (!lines.length) return;
  const items = (/** @type {(Node | string)[][]} */ list) => list.map((children) => element('li', {}, ...children));
  const notice = element(
    'section',
    { class: 'notice', id: 'plain-http', 'aria-labelledby': 'plain-http-title' },
    element('h2', { id: 'plain-http-title' }, 'This page came over plain HTTP'),
    element('p', {}, 'The chat works, but browsers keep some things for pages over HTTPS or of the machine itself.'),
    element(
      'details',
      {},
      element('summary', {}, 'What is missing, and what to do'),
      element('ul', {}, ...items(lines.map((line) => [line]))),
      element('p', {}, 'Any one of these brings it all:'),
      element('ul', {}, ...items(remedies())),
    ),
    element(
      'div',
      { class: 'notice-actions' },
      element('button', { type: 'button', class: 'button', onclick: dismiss }, 'Go on without'),
    ),
  );
  document.head.append(element('link', { rel: 'stylesheet', href: 'styles/plain-http.css' }));
  byId('storage-trouble').before(notice);

  function dismiss() {
    notice.remove();
    byId('message-input').focus();
    try {
      localStorage.setItem(seenKey, 'seen');
    } catch {
      // Then it is told again.
    }
  }
}

/**
 * Puts text on the clipboard by way of a selection: the clipboard's own interface is missing here.
 *
 * @param {string} text
 */
export function copySelected(text) {
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const field = element('textarea', { class: 'visually-hidden' });
  field.value = text;
  (document.querySelector('dialog[open]') ?? document.body).append(field);
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  focused?.focus({ preventScroll: true });
  if (!isCopied) throw new Error('The browser did not copy the text.');
}

function isSeen() {
  try {
    return localStorage.getItem(seenKey) !== null;
  } catch {
    return false;
  }
}
