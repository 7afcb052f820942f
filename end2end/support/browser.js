// What every browser test begins with: a server, a receiver, and a page that
// must not say anything on its console.
import { test as base, expect } from '@playwright/test';

import { makeCertificates } from './certificates.js';
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

  /** What the console said, other than that a form was refused on purpose. */
  said: [
    async ({ page }, use) => {
      const said = [];
      page.on('console', (message) => {
        const refused = message.text().includes('status of 422') && message.location().url === page.url();
        if (!refused) said.push(`${message.type()}: ${message.text()} (${message.location().url})`);
      });
      page.on('pageerror', (error) => said.push(`error: ${error.stack}`));
      await use(said);
      expect(said, 'the console stays empty').toEqual([]);
    },
    { auto: true },
  ],
});
