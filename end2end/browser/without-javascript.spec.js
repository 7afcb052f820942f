import { test } from '../support/browser.js';
import { wholeFlow } from './flow.js';
import { Mouse } from './hands.js';

test.use({ javaScriptEnabled: false });

test('the whole flow works without JavaScript', async ({ page, signet, receiver }) => {
  await wholeFlow({ page, hands: new Mouse(page), signet, receiver, scripts: false });
});
