// The command palette: Ctrl-K or ⌘-K opens it over any page. The hits are those of the page
// `/settings/go`, which is the palette without JavaScript.
import { say } from './bar.js';
import { saySignedOut } from './session.js';

const PATH = '/settings/go';
/** The pause in typing after which it is looked. */
const PAUSE = 120;

const text = {
  title: 'Go to',
  hint: 'An id, a URL, a page, or something to do',
  lost: 'The search did not work. Try again.',
};

let dialog;
let field;
let hits;
let timer;
let asked = 0;

export function startPalette() {
  if (!document.querySelector(`a[href="${PATH}"]`)) return;
  document.addEventListener('keydown', (event) => {
    if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      dialog?.open ? dialog.close() : open();
    }
  });
  document.addEventListener('click', (event) => {
    const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
    if (plain && event.target.closest?.('[data-palette]')) {
      event.preventDefault();
      open();
    }
  });
}

function make() {
  dialog = document.createElement('dialog');
  dialog.className = 'dialog palette';
  dialog.setAttribute('aria-label', text.title);
  field = document.createElement('input');
  field.className = 'input';
  field.type = 'search';
  field.autocomplete = 'off';
  field.placeholder = text.hint;
  field.setAttribute('aria-label', text.hint);
  hits = document.createElement('div');
  hits.className = 'palette-hits';
  hits.setAttribute('aria-live', 'polite');
  dialog.append(field, hits);
  document.body.append(dialog);
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE);
  });
  dialog.addEventListener('keydown', move);
  // A click beside the dialog closes it.
  dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
}

function open() {
  if (!dialog) make();
  const before = document.activeElement;
  dialog.showModal();
  dialog.addEventListener('close', () => before?.isConnected && before.focus({ preventScroll: true }), { once: true });
  field.select();
  look();
}

async function look() {
  asked += 1;
  const mine = asked;
  try {
    const answer = await fetch(`${PATH}?q=${encodeURIComponent(field.value)}`);
    if (mine !== asked) return;
    if (answer.redirected) {
      dialog.close();
      return saySignedOut();
    }
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    hits.replaceChildren(...(page.getElementById('go-results')?.childNodes ?? []));
  } catch {
    say(text.lost);
  }
}

/** The arrows go through the hits; what is typed goes into the field. */
function move(event) {
  const links = [...hits.querySelectorAll('a')];
  const here = links.indexOf(document.activeElement);
  const last = links.length - 1;
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: last }[event.key];
  const isField = document.activeElement === field;
  if (event.key === 'Enter' && isField && links.length > 0) {
    event.preventDefault();
    links[0].click();
  } else if (to !== undefined && !(isField && ['Home', 'End'].includes(event.key))) {
    event.preventDefault();
    if (to < 0) field.focus();
    else links[Math.min(to, last)]?.focus();
  } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !isField) {
    field.focus();
  }
}
