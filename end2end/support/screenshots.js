// `npm run screenshots`: a picture of every page, in both themes and three widths, in
// `artefacts/screens`.
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from '@playwright/test';

import { launchOptions } from './chromium.js';
import { EMAIL, PASSWORD } from './dashboard.js';
import { makeScene } from './scene.js';

const FOLDER = fileURLToPath(new URL('../artefacts/screens', import.meta.url));
const WIDTHS = [1920, 1280, 375];

/** The name of a file for an address: ids are left out, so that it is the same in each run. */
function nameOf(address) {
  const plain = address.replace(/^\/settings\//, '').replace(/\b(ep|msg|evt|usr|whk)_[0-9a-z]+/g, '$1');
  return plain.replace(/[^\w]+/g, '-').replace(/^-|-$/g, '') || 'home';
}

const scene = await makeScene();
const { origin } = scene.signet;
await fs.rm(FOLDER, { recursive: true, force: true });
await fs.mkdir(FOLDER, { recursive: true });
const browser = await chromium.launch(launchOptions);
try {
  const extra = [scene.webhook, scene.disabled, scene.delivery];
  const addresses = [...new Set(['/settings/webhooks', ...extra, ...(await scene.person.pages())])];
  const byName = new Map(addresses.map((address) => [nameOf(address), address]));
  byName.set('webhook-disabled', scene.disabled);
  byName.set('not-found', '/settings/no-such-page');
  for (const colorScheme of ['light', 'dark']) {
    for (const width of WIDTHS) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, locale: 'en-GB' });
      const page = await context.newPage();
      const picture = (name) =>
        page.screenshot({ path: path.join(FOLDER, `${name}-${width}-${colorScheme}.png`), fullPage: true, animations: 'disabled' });
      await page.goto(`${origin}/login`);
      await picture('login');
      await page.getByLabel('E-mail').fill(EMAIL);
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL('**/settings/webhooks');
      for (const [name, address] of byName) {
        await page.goto(new URL(address, origin).href, { waitUntil: 'load' });
        await picture(name);
      }
      await context.close();
      console.log(`${width} ${colorScheme}: ${byName.size + 1} pictures`);
    }
  }
} finally {
  await browser.close();
  await scene.end();
}
