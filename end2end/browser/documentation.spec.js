// The documentation under /docs: each page fits its window, is accessible, and works without a
// script and without a session.
import fs from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { AxeBuilder } from '@axe-core/playwright';

import { expect, signIn, test } from '../support/browser.js';
import { Dashboard } from '../support/dashboard.js';

const ARTEFACTS = fileURLToPath(new URL('../artefacts', import.meta.url));
/** One page of each kind: short, with code, with wide tables, long, in a folder. */
const PAGES = ['', 'start.html', 'receive.html', 'receive/java.html', 'send.html', 'api.html', 'operations.html', 'neighbours.html', 'decisions/0017-cost-of-a-claim.html'];
const SIZES = { wide: { width: 1280, height: 900 }, narrow: { width: 320, height: 700 } };

test.use({ javaScriptEnabled: false });

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark']) {
    test.describe(`${size} and ${colorScheme}`, () => {
      // axe itself is a script.
      test.use({ viewport, colorScheme, javaScriptEnabled: true });

      test('pages of the documentation fit their window and are accessible', async ({ page, signet }) => {
        for (const name of PAGES) {
          await page.goto(`${signet.origin}/docs/${name}`);
          expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(viewport.width);
          const { violations, passes } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
          expect(passes.map(({ id }) => id)).toContain('color-contrast');
          expect(violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`)), name).toEqual([]);
          if (name === 'send.html') await page.screenshot({ path: path.join(ARTEFACTS, `documentation-${size}-${colorScheme}.png`) });
        }
      });
    });
  }
}

test('all pages are reached from the contents, and each link leads to a page and a heading', async ({ page, signet }) => {
  test.setTimeout(300_000);
  const known = new Map();
  const queue = ['/docs/'];
  const read = async (address) => {
    const answer = await page.request.get(signet.origin + address);
    expect(answer.status(), address).toBe(200);
    return answer.text();
  };
  for (let address = queue.shift(); address !== undefined; address = queue.shift()) {
    if (known.has(address)) continue;
    const html = await read(address);
    known.set(address, html);
    for (const [, href] of html.matchAll(/href="([^"]+)"/g)) {
      const url = new URL(href, signet.origin + address);
      if (url.origin !== signet.origin || !url.pathname.startsWith('/docs/') || !/\/$|\.html$/.test(url.pathname)) continue;
      queue.push(url.pathname);
    }
  }
  expect(known.size).toBeGreaterThan(80);
  for (const [address, html] of known) {
    for (const [, href] of html.matchAll(/href="([^"]+#[^"]+)"/g)) {
      const url = new URL(href, signet.origin + address);
      const target = known.get(url.pathname);
      if (target) expect(target, `${address}: ${href}`).toContain(`id="${decodeURIComponent(url.hash.slice(1))}"`);
    }
  }
});

test('the documentation is found from the sign-in page and from the foot of each page', async ({ page, signet }) => {
  await Dashboard.signUp(signet);
  await page.goto(`${signet.origin}/login`);
  await page.getByRole('link', { name: 'Documentation' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Signet' })).toBeVisible();
  await page.getByRole('navigation', { name: 'Contents' }).getByRole('link', { name: 'Start here' }).click();
  await expect(page).toHaveTitle('Start here · Signet');
  await page.getByRole('navigation', { name: 'Before and next' }).getByRole('link', { name: 'Receive' }).click();
  await expect(page).toHaveURL(/receive\.html$/);
  await page.getByRole('link', { name: 'API reference' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'The API' })).toBeVisible();
  await signIn(page, signet);
  await expect(page.getByRole('contentinfo').getByRole('link', { name: 'Documentation' })).toBeVisible();
});

test('an address without a page shows the contents', async ({ page, signet, messages }) => {
  const answer = await page.goto(`${signet.origin}/docs/receive/cobol.html`);
  expect(answer.status()).toBe(404);
  messages.length = 0; // The browser reports the 404, which is expected.
  await page.getByRole('link', { name: 'Python' }).click();
  await expect(page).toHaveTitle('Python · Signet');
});

test('the pages of a language show the code of the dashboard', async ({ page, signet }) => {
  const template = await fs.readFile(new URL('../../app/src/receiver_code/receiver.py', import.meta.url), 'utf8');
  await page.goto(`${signet.origin}/docs/receive/python.html`);
  expect((await page.locator('pre code').first().textContent()).trim()).toBe(template.replace('{{secret}}', 'whsec_…').trim());
});
