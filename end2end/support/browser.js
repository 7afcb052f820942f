// The fixtures of the browser tests: a server, a receiver, and a page that must
// leave its console empty.
import { test as base, expect } from '@playwright/test';

import { makeCertificates } from './certificates.js';
import { EMAIL, PASSWORD } from './dashboard.js';
import { Receiver } from './receiver.js';
import { Signet } from './signet.js';

export { expect };

export const test = base.extend({
  certificates: [async ({}, use) => use(await makeCertificates()), { scope: 'worker' }],

  signet: async ({ certificates }, use) => {
    const signet = await Signet.start({
      authority: certificates.authority,
      options: ['--retry-delays', '50ms', '--retry-jitter', '0', '--release-rate', '1000'],
    });
    await use(signet);
    await signet.discard();
  },

  receiver: async ({ certificates }, use) => {
    const receiver = await Receiver.express(certificates);
    await use(receiver);
    receiver.close();
  },

  /**
   * The console's messages, without those of forms that were refused on purpose, and of the focus
   * that a browser never gives to a field in a frame of another origin.
   */
  messages: [
    async ({ page }, use) => {
      const messages = [];
      page.on('console', (message) => {
        const refused = /status of (401|409|422)/.test(message.text()) && message.location().url === page.url();
        const unfocused = /^(Blocked autofocusing|Autofocus processing was blocked)/.test(message.text());
        // A button of a dialog names a popover as well, for browsers without commands.
        const fallback = message.text().startsWith('popovertarget is ignored on elements with commandfor');
        if (!refused && !unfocused && !fallback) messages.push(`${message.type()}: ${message.text()} (${message.location().url})`);
      });
      page.on('pageerror', (error) => messages.push(`error: ${error.stack}`));
      await use(messages);
      expect(messages, 'the console stays empty').toEqual([]);
    },
    { auto: true },
  ],
});

/** Signs the owner in through the form. */
export async function signIn(page, signet) {
  await page.goto(`${signet.origin}/login`);
  await page.getByLabel('E-mail').fill(EMAIL);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.waitForURL('**/settings/webhooks');
}
