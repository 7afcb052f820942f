// Keeps the live parts of a page fresh, by one stream (app/src/live.rs). Nothing moves: an
// element that has changed is replaced in its place, and new rows wait behind a button.
import { button, say } from './bar.js';
import { saySignedOut } from './session.js';
import { age } from './times.js';

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;
/** Beyond so many new rows the page is loaded anew. */
const MOST_ROWS = 200;

const text = {
  lost: 'The connection was lost. Trying again…',
  full: 'Too many pages of this account are live at the same time. Trying again…',
  gone: 'This page is not what it was. Reload it.',
  back: 'This page is live again.',
  paused: 'Live updates are paused.',
  pause: 'Pause updates',
  resume: 'Resume updates',
  fresh: (count) => `${count} new`,
};

let source;
let timer;
let address;
let seen;
let wait = FIRST_WAIT;
let failed = false;
let paused = false;
let over = false;
let pauseButton;
let newButton;
/** New rows, by their ids, in the order in which they came. */
const waiting = new Map();

export function startLive() {
  const marked = document.querySelector('[data-live-src]');
  if (!marked || !window.EventSource) return;
  address = new URL(marked.dataset.liveSrc, location.href);
  newButton = button('', showRows);
  newButton.hidden = true;
  pauseButton = button(text.pause, () => (paused ? resume() : pause()));
  document.addEventListener('visibilitychange', () => (document.hidden ? close() : open()));
  window.addEventListener('pagehide', close);
  window.addEventListener('pageshow', (event) => event.persisted && open());
  open();
}

/** Opens the stream where it ended. A page that nobody sees has none: browsers allow few. */
function open() {
  if (source || over || paused || document.hidden) return;
  clearTimeout(timer);
  if (seen) address.searchParams.set('seen', seen);
  source = new EventSource(address);
  source.addEventListener('open', () => {
    wait = FIRST_WAIT;
    if (failed) say(text.back);
    failed = false;
  });
  source.addEventListener('error', () => tryAgain(text.lost));
  source.addEventListener('fragment', (event) => {
    apply(JSON.parse(event.data));
    seen = event.lastEventId || seen;
  });
  source.addEventListener('final', () => end());
  source.addEventListener('gone', () => end(() => say(text.gone)));
  source.addEventListener('signed-out', () => end(saySignedOut));
  source.addEventListener('full', () => {
    wait = LONGEST_WAIT;
    tryAgain(text.full);
  });
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = undefined;
}

function tryAgain(reason) {
  close();
  if (!failed) say(reason);
  failed = true;
  timer = setTimeout(open, wait * (0.75 + Math.random() / 2));
  wait = Math.min(wait * 2, LONGEST_WAIT);
}

function end(last) {
  over = true;
  close();
  // A button that has the focus is not taken away.
  if (document.activeElement === pauseButton) pauseButton.setAttribute('aria-disabled', 'true');
  else pauseButton.hidden = true;
  last?.();
}

function pause() {
  if (over) return;
  paused = true;
  close();
  pauseButton.textContent = text.resume;
  say(text.paused);
}

function resume() {
  paused = false;
  pauseButton.textContent = text.pause;
  say('');
  open();
}

/** A part as it is now. */
function apply({ id, html, in: list }) {
  const old = document.getElementById(id);
  if (old) {
    replace(old, html);
  } else if (list && document.getElementById(list)) {
    // Beyond that many, the button loads the page anew.
    waiting.set(id, waiting.size > MOST_ROWS ? undefined : { html, list });
    newButton.textContent = text.fresh(waiting.size);
    if (newButton.hidden) say(text.fresh(waiting.size));
    newButton.hidden = false;
  }
}

function element(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content.firstElementChild;
}

const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex]';

/** Replaces an element; the focus, and what is unfolded, stay as they are. */
function replace(old, html) {
  // Somebody answers a question that was asked inside it.
  if (old.querySelector('dialog[open], [popover]:popover-open')) return;
  const fresh = element(html);
  if (!fresh) return;
  const focused = old.contains(document.activeElement) && document.activeElement;
  const place = focused ? [old, ...old.querySelectorAll(FOCUSABLE)].indexOf(focused) : -1;
  const folds = [...old.querySelectorAll('details')];
  fresh.querySelectorAll('details').forEach((fold, index) => {
    if (folds[index]) fold.open = folds[index].open;
  });
  old.replaceWith(fresh);
  age(fresh);
  if (!focused) return;
  const candidates = [fresh, ...fresh.querySelectorAll(FOCUSABLE)];
  const same = candidates.find((it) => (focused.id ? it.id === focused.id : it.href && it.href === focused.href));
  const next = same ?? candidates[place];
  if (next) {
    next.focus({ preventScroll: true });
  } else {
    fresh.tabIndex = -1;
    fresh.focus({ preventScroll: true });
  }
}

/** Puts the new rows on top, and the focus on the newest. */
function showRows() {
  if (waiting.size > MOST_ROWS) return location.reload();
  let newest;
  for (const { html, list } of waiting.values()) {
    newest = element(html);
    document.getElementById(list)?.prepend(newest);
    for (const empty of document.querySelectorAll(`[data-empty-of="${list}"]`)) empty.hidden = true;
    age(newest);
  }
  waiting.clear();
  newButton.hidden = true;
  say('');
  newest?.querySelector('a, button')?.focus();
}
