// Small controls, each by an attribute in the markup:
//
// - `data-copy="id"` on a button copies the text of that element, `data-copy-text` a text;
// - `data-filter-list="id"` on a field shows only those `[data-filter-item]` in that element whose
//   text contains what is typed, and says in `[data-filter-count]` how many there are;
// - `data-check-url` on a field asks `/live/url` about the URL when the field is left, and shows
//   the answer in `#<id>-check`;
// - `data-dialog="id"` on a button opens that `<dialog>` as a modal one where the browser does not
//   know `commandfor`, and `data-dialog-close` inside closes it.

const COPIED_FOR = 2_000;

/** A browser gives no focus by markup where the address names a place of the page. */
function focusNotice() {
  if (location.hash) document.querySelector('.notice[autofocus]')?.focus({ preventScroll: true });
}

export function startControls() {
  focusNotice();
  document.addEventListener('click', onClick);
  document.addEventListener('input', ({ target }) => target.dataset?.filterList && filter(target));
  document.addEventListener('focusout', ({ target }) => target.dataset?.checkUrl !== undefined && checkUrl(target));
  for (const field of document.querySelectorAll('[data-filter-list]')) if (field.value) filter(field);
}

function onClick(event) {
  const pressed = event.target.closest?.('[data-copy], [data-copy-text], [data-dialog], [data-dialog-close], [commandfor]');
  if (!pressed) return;
  const { copy: of, copyText, dialog, dialogClose } = pressed.dataset;
  if (of !== undefined || copyText !== undefined) {
    copy(pressed, copyText ?? document.getElementById(of)?.textContent ?? '');
  } else if (dialog) {
    openDialog(dialog, pressed);
  } else if (dialogClose !== undefined) {
    pressed.closest('dialog')?.close();
  } else if (!('commandForElement' in HTMLButtonElement.prototype)) {
    const element = document.getElementById(pressed.getAttribute('commandfor'));
    const command = pressed.getAttribute('command');
    if (command === 'show-modal') openDialog(element?.id, pressed);
    else if (command === 'close' || command === 'request-close') element?.close();
  }
}

/** Opens a modal dialog, which keeps the focus inside, and gives it back. */
export function openDialog(id, opener) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement) || dialog.open) return;
  dialog.showModal();
  dialog.addEventListener('close', () => opener?.isConnected && opener.focus({ preventScroll: true }), { once: true });
}

async function copy(pressed, words) {
  const label = pressed.querySelector('[aria-live]') ?? pressed;
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    return;
  }
  const before = label.dataset.label ?? label.textContent;
  label.dataset.label = before;
  label.textContent = 'Copied';
  setTimeout(() => (label.textContent = before), COPIED_FOR);
}

function filter(field) {
  const list = document.getElementById(field.dataset.filterList);
  const wanted = field.value.trim().toLowerCase();
  let count = 0;
  for (const item of list?.querySelectorAll('[data-filter-item]') ?? []) {
    const words = item.dataset.filterItem || item.textContent;
    item.hidden = !words.toLowerCase().includes(wanted);
    count += item.hidden ? 0 : 1;
  }
  for (const group of list?.querySelectorAll('[data-filter-group]') ?? []) {
    group.hidden = !group.querySelector('[data-filter-item]:not([hidden])');
  }
  const said = document.querySelector(`[data-filter-count="${field.dataset.filterList}"]`);
  if (said) said.textContent = wanted ? `${count} found` : '';
}

/** The answer is HTML of this server, with the remedy. */
async function checkUrl(field) {
  const shown = document.getElementById(`${field.id}-check`);
  const url = field.value.trim();
  if (!shown || field.dataset.checkUrl === url) return;
  field.dataset.checkUrl = url;
  if (!url) return shown.replaceChildren();
  try {
    const answer = await fetch(`/live/url?url=${encodeURIComponent(url)}`, { headers: { accept: 'text/html' } });
    if (answer.ok && field.value.trim() === url) shown.innerHTML = await answer.text();
  } catch {
    // Saving tells it too.
    field.dataset.checkUrl = '';
  }
}
