import { test } from '../support/browser.js';
import { wholeFlow } from './flow.js';
import { Mouse } from './hands.js';

test.use({ permissions: ['clipboard-read', 'clipboard-write'] });

test('the whole flow works by mouse', async ({ page, signet, receiver }) => {
  await wholeFlow({ page, hands: new Mouse(page), signet, receiver, scripts: true });
});
