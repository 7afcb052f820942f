// Says so when the session has ended, with a link that leads back to this page.
import { say } from './bar.js';

/** Says that the session has ended. */
export function saySignedOut() {
  const next = encodeURIComponent(location.pathname + location.search);
  say('You are signed out.', { href: `/login?next=${next}`, label: 'Sign in' });
}

/** Notices it when an island's call is refused for want of a session. */
export function watchSession() {
  const call = window.fetch;
  window.fetch = async (...request) => {
    const answer = await call(...request);
    if (answer.status === 401 && new URL(answer.url).pathname.includes('/live/')) saySignedOut();
    return answer;
  };
}
