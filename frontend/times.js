// Times: they age, are shown in the zone of the browser, and in full if the reader wants.

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

let skew = 0;
let zone;

/** "3 min ago", in the same words as the server's (app/src/words.rs). */
export function distance(seconds) {
  const future = seconds < 0;
  const span = Math.abs(Math.trunc(seconds));
  if (span === 0 || (!future && span < 5)) return 'just now';
  let words;
  if (span < MINUTE) words = `${span} s`;
  else if (span < HOUR) words = `${Math.trunc(span / MINUTE)} min`;
  else if (span < DAY) words = `${Math.trunc(span / HOUR)} h`;
  else if (span < 2 * DAY) words = '1 day';
  else if (span < YEAR) words = `${Math.trunc(span / DAY)} days`;
  else if (span < 2 * YEAR) words = '1 year';
  else words = `${Math.trunc(span / YEAR)} years`;
  return future ? `in ${words}` : `${words} ago`;
}

/** Lets the times in a part of the page age. */
export function age(part = document) {
  const now = Date.now() + skew;
  for (const shown of part.querySelectorAll('[data-ago]')) {
    const at = Date.parse(shown.closest('time')?.dateTime);
    if (Number.isNaN(at)) continue;
    const words = distance((now - at) / 1_000);
    if (shown.textContent !== words) shown.textContent = words;
  }
  if (zone) localise(part);
}

/** Shows full times in the zone of the browser, with UTC beside them. */
function localise(part) {
  const parts = { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' };
  const own = new Intl.DateTimeFormat('en-GB', { ...parts, hourCycle: 'h23', timeZone: zone, timeZoneName: 'short' });
  for (const shown of part.querySelectorAll('[data-full]')) {
    const time = shown.closest('time');
    const at = new Date(time?.dateTime);
    if (Number.isNaN(at.getTime()) || shown.dataset.full) continue;
    const utc = shown.textContent;
    shown.dataset.full = zone;
    shown.textContent = `${own.format(at).replace('Sept', 'Sep')} · ${utc.replace(/^.*, /, '')}`;
    if (time.title) time.title = shown.textContent;
  }
}

/** Tells the server, for the next page, in which zone the browser is. */
function tellZone() {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!name || !/^[\w/+-]+$/.test(name)) return;
  remember('signet-zone', name);
  // This page was made before the server knew.
  if (document.body.dataset.zone === '' && name !== 'UTC') zone = name;
}

/** Keeps a choice in a cookie; as the server names them (server/src/middleware/plain_http.rs). */
function remember(name, value) {
  const isFramed = window.top !== window;
  const isSafe = location.protocol === 'https:' || isFramed;
  if (!isSafe && !/^(.*\.)?localhost$|^127\.|^\[::1\]$/.test(location.hostname)) return;
  const site = isFramed ? 'SameSite=None; Partitioned' : 'SameSite=Lax';
  const attributes = `Max-Age=31536000; Path=/; ${isSafe ? 'Secure; ' : ''}${site}`;
  document.cookie = `${isSafe ? '__Host-' : 'loopback-'}${name}=${value}; ${attributes}`;
}

export function startTimes() {
  const now = Date.parse(document.body.dataset.now);
  if (!Number.isNaN(now)) skew = now - Date.now();
  tellZone();
  age();
  setInterval(() => document.hidden || age(), 1_000);
  const exact = document.querySelector('[data-exact-times]');
  exact?.addEventListener('click', (event) => {
    event.preventDefault();
    const root = document.documentElement;
    const on = root.dataset.times !== 'exact';
    if (on) root.dataset.times = 'exact';
    else delete root.dataset.times;
    exact.setAttribute('aria-pressed', on);
    remember('signet-times', on ? 'exact' : 'ago');
  });
}
