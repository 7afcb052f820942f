// A small bar above the foot of the window: what is said of the page's freshness, and buttons.
// It lies over the page, so that nothing moves when it comes.

let bar;
let line;

/** The bar, made when it is first needed. */
function made() {
  if (bar) return bar;
  bar = document.createElement('div');
  bar.className = 'live-bar';
  line = document.createElement('p');
  line.setAttribute('role', 'status');
  bar.append(line);
  (document.querySelector('main') ?? document.body).append(bar);
  return bar;
}

/** Says a sentence, with a link behind it if there is one. */
export function say(sentence, link) {
  made();
  if (link) {
    const anchor = document.createElement('a');
    anchor.href = link.href;
    anchor.textContent = link.label;
    line.replaceChildren(`${sentence} `, anchor);
  } else if (line.textContent !== sentence) {
    line.replaceChildren(sentence);
  }
}

/** A button in the bar. */
export function button(label, act) {
  const control = document.createElement('button');
  control.type = 'button';
  control.className = 'button';
  control.textContent = label;
  control.addEventListener('click', act);
  made().append(control);
  return control;
}
