import { test } from '../support/browser.js';
import { wholeFlow } from './flow.js';
import { Keyboard } from './hands.js';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test('the whole flow works by keyboard alone', async ({ page, signet, receiver }) => {
  await wholeFlow({ page, hands: new Keyboard(page), signet, receiver, scripts: true });
});
