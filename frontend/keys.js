// Shortcuts of single keys. They are off where somebody types, and can be switched off for good
// (WCAG 2.1.4), by the form of `/settings/go`.

import { say } from './bar.js';

/** The pause within which the second key of a pair follows. */
const PAIR = 1_500;

const PLACES = {
  w: ['/settings/webhooks', 'Webhooks'],
  d: ['/settings/deliveries', 'Deliveries'],
  e: ['/settings/events', 'Events'],
  t: ['/settings/event-types', 'Event types'],
  k: ['/settings/api-keys', 'API keys'],
  p: ['/settings/people', 'People'],
  a: ['/settings/account', 'Account'],
  y: ['/settings/you', 'Your sign-in'],
};

const KEYS = [
  ['Ctrl K or ⌘ K', 'Go to an id, a URL, a page or something to do'],
  ['?', 'Show this list'],
  ['/', 'Go to the search of the page'],
  ['j', 'Next row'],
  ['k', 'Previous row'],
  ['Enter', 'Open the row'],
  ['r', 'Resend the chosen row, or the delivery that is shown'],
];

const text = { waits: 'This delivery cannot be sent again now.' };

let pair = 0;
let help;

export function startKeys() {
  if (document.body.dataset.shortcuts !== 'on') return;
  document.addEventListener('keydown', onKey);
  document.addEventListener('click', (event) => {
    if (!event.target.closest?.('[data-keys]') || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    showHelp();
  });
}

function onKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector('dialog[open]:modal')) return;
  const { key } = event;
  if (pair > Date.now() && PLACES[key]) {
    pair = 0;
    event.preventDefault();
    const place = placeLink(PLACES[key][0]);
    if (place) location.assign(place.href);
    return;
  }
  pair = 0;
  // A key that is held down sends once.
  if (key === 'r' && event.repeat) return;
  const act = { '?': showHelp, '/': toSearch, j: () => step(1), k: () => step(-1), r: resend, g: startPair }[key];
  if (act?.() !== false && act) event.preventDefault();
}

function isTyping(target) {
  return target.closest?.('input:not([type=checkbox], [type=radio], [type=submit], [type=button]), textarea, select, [contenteditable]');
}

function startPair() {
  pair = Date.now() + PAIR;
}

function placeLink(path) {
  return document.querySelector(`nav a[href="${path}"]`);
}

function rows() {
  return [...document.querySelectorAll('[data-row]')].filter((row) => row.getClientRects().length > 0);
}

/** The row with the focus, or the one that was stepped to last. */
function here() {
  return document.activeElement?.closest('[data-row]') ?? document.querySelector('[data-row][data-here]');
}

function step(by) {
  const all = rows();
  if (all.length === 0) return false;
  const at = all.indexOf(here());
  const next = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
  for (const row of all) delete row.dataset.here;
  next.dataset.here = '';
  const target = next.querySelector('[data-key="open"]') ?? next.querySelector('a, button') ?? next;
  if (target === next) next.tabIndex = -1;
  target.focus();
  return true;
}

/** Sends the delivery of the chosen row again; without one, or from beside the list, the one that is shown. */
function resend() {
  const button = document.querySelector('[data-key="resend"]');
  const row = here();
  if (row && !document.activeElement?.closest('#delivery')) return resendRow(row);
  if (!button) return false;
  button.click();
  return true;
}

/** The list is shown again, as it is now. */
function resendRow(row) {
  if (row.dataset.resend === undefined) {
    say(text.waits);
    return true;
  }
  const form = document.createElement('form');
  form.method = 'post';
  form.action = row.dataset.resend;
  const back = document.createElement('input');
  back.type = 'hidden';
  back.name = 'back';
  back.value = location.pathname + location.search;
  form.append(back);
  document.body.append(form);
  form.submit();
  return true;
}

function toSearch() {
  const field = document.querySelector('[data-key="search"]');
  if (!field) return false;
  field.focus();
  return true;
}

function showHelp() {
  if (!help) {
    help = document.createElement('dialog');
    help.className = 'dialog keys';
    help.setAttribute('aria-labelledby', 'keys-title');
    const places = Object.entries(PLACES).filter(([, [path]]) => placeLink(path));
    const all = [...KEYS, ...places.map(([key, [, name]]) => [`g then ${key}`, `Go to ${name}`])];
    const title = document.createElement('h2');
    title.id = 'keys-title';
    title.textContent = 'Keyboard shortcuts';
    const list = document.createElement('dl');
    list.className = 'keys-list';
    for (const [key, meaning] of all) {
      const line = document.createElement('div');
      const term = document.createElement('dt');
      const kbd = document.createElement('kbd');
      kbd.textContent = key;
      term.append(kbd);
      const sense = document.createElement('dd');
      sense.textContent = meaning;
      line.append(term, sense);
      list.append(line);
    }
    const actions = document.createElement('form');
    actions.method = 'dialog';
    actions.className = 'form-actions';
    const off = document.createElement('a');
    off.href = '/settings/go#keys';
    off.textContent = 'Switch them off';
    const close = document.createElement('button');
    close.className = 'button';
    close.autofocus = true;
    close.textContent = 'Close';
    actions.append(off, close);
    help.append(title, list, actions);
    document.body.append(help);
  }
  const before = document.activeElement;
  help.showModal();
  help.addEventListener('close', () => before?.isConnected && before.focus({ preventScroll: true }), { once: true });
}
