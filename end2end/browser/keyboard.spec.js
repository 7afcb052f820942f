import { test } from '../support/browser.js';
import { wholeFlow } from './flow.js';
import { Keyboard } from './hands.js';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test('the whole flow works by keyboard alone', async ({ page, signet, receiver }) => {
  // Every control is reached by many presses of a key.
  test.setTimeout(600_000);
  await wholeFlow({ page, hands: new Keyboard(page), signet, receiver, scripts: true });
});
