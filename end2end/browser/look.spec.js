// The look of the pages: each fits its window and is accessible. Screenshots in light
// and dark, wide and narrow, go to artefacts/.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { AxeBuilder } from '@axe-core/playwright';

import { Dashboard } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';
import { expect, signIn, test } from '../support/browser.js';

const ARTEFACTS = fileURLToPath(new URL('../artefacts', import.meta.url));
const SIZES = { wide: { width: 1280, height: 900 }, narrow: { width: 375, height: 812 } };

/** Fills every page of an account; returns the addresses of the pages. */
async function fillPages(signet, receiver) {
  const person = await Dashboard.signUp(signet);
  const producer = new Producer(signet.origin, await person.addApiKey('Task workers'));
  const paused = await person.addWebhook('https://hooks.example.com/signet', ['balance.low']);
  await person.submit(`${paused.path}/pause`);
  await person.submit('/settings/account/threshold', { threshold: '50' });
  await producer.request('PUT', '/v1/accounts/default/balance', '{"balance":72.25}');

  const fail = (taskId) => producer.send({ event: 'task.failed', taskId, errorId: 12, errorCode: 'ERROR_TOO_BIG' });
  const addDisabled = async (taskId) => {
    const added = await person.addWebhook(receiver.url, ['task.failed']);
    receiver.secret = added.secret;
    await fail(taskId);
    await receiver.arrivals.take(2);
    await person.openUntil(added.path, /This webhook is disabled/);
    return added;
  };
  receiver.answer = ({ body }) => (body.event === 'task.failed' ? { status: 500, body: 'Error: connect ECONNREFUSED' } : { status: 200 });
  const broken = await addDisabled('task_9');
  const { path: webhook, secret } = await person.addWebhook(receiver.url, ['task.completed', 'balance.low']);
  await fail('task_10');

  const repaired = await addDisabled('task_11');
  await person.submit(`${repaired.path}/enable`);
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString().slice(0, '2026-03-28T12:00'.length);
  const search = `since=${encodeURIComponent(anHourAgo)}&event=task.failed&event=balance.low`;

  receiver.secret = secret;
  for (let number = 1; number <= 12; number += 1) {
    await producer.complete(`task_${number}`, '{"token":"0.mF7gg2kQ","userAgent":"Mozilla/5.0 (X11; Linux x86_64)"}');
  }
  const [, last] = [await receiver.arrivals.take(11), await receiver.arrivals.next()];
  const delivery = `${webhook}/deliveries/${last.headers['webhook-id']}`;
  await person.openUntil(delivery, /200 OK/);
  return {
    ...(await person.sections()),
    'webhook-new': '/settings/webhooks/new',
    webhook,
    'webhook-month': `${webhook}?range=30d`,
    'webhooks-disabled': '/settings/webhooks?status=disabled',
    'webhooks-none': '/settings/webhooks?q=nowhere',
    'webhook-disabled': broken.path,
    'webhook-test': `${webhook}/test`,
    'webhook-settings': `${webhook}/settings`,
    'webhook-coming-back': `${broken.path}/coming-back`,
    'webhook-edit': `${webhook}/edit`,
    'webhook-delete': `${webhook}/delete`,
    'webhook-recover': `${repaired.path}/recover?${search}`,
    'webhook-recover-none': `${webhook}/recover?${search}`,
    'webhook-recover-wrong': `${webhook}/recover?since=2999-01-01T00%3A00`,
    'webhook-recover-disabled': `${broken.path}/recover?${search}`,
    deliveries: `${webhook}/deliveries`,
    'deliveries-none': `${webhook}/deliveries?state=failed`,
    delivery,
    styleguide: '/styleguide',
    'not-found': '/settings/no-such-page',
  };
}

/** Elements beyond the right edge of the window, except inside an element that scrolls. */
function overflowing() {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) =>
    element && (['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  return [...document.body.querySelectorAll('*')]
    .filter((element) => element.getBoundingClientRect().right > width + 1 && !scrolls(element.parentElement))
    .map((element) => element.outerHTML.slice(0, 120));
}

/**
 * Asserts that a page fits its window and is accessible, and takes a picture of it. Of a page
 * that repeats itself, it is enough to look at `parts`.
 */
async function look(page, { name, address, file, parts = [] }) {
  await page.goto(address, { waitUntil: 'load' });
  expect(await page.evaluate(overflowing), `${name} fits its window`).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(page.viewportSize().width);
  const axe = new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']);
  for (const part of parts) axe.include(part);
  const { violations, passes } = await axe.analyze();
  expect(passes.map(({ id }) => id)).toContain('color-contrast');
  const faults = violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.failureSummary} ${node.html}`));
  expect(faults, `${name} is accessible`).toEqual([]);
  const fullPage = parts.length === 0;
  await page.screenshot({ path: path.join(ARTEFACTS, `${name}-${file}.png`), fullPage, animations: 'disabled' });
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ['light', 'dark']) {
    test.describe(`${size} and ${colorScheme}`, () => {
      test.use({ viewport, colorScheme });
      const file = `${size}-${colorScheme}`;

      test('every page fits its window and is accessible', async ({ page, signet, receiver, messages }) => {
        // The time for one page, many times.
        test.setTimeout(900_000);
        const lookAt = (name, address) => look(page, { name, address: new URL(address, signet.origin).href, file });
        await lookAt('setup', signet.setupLink);
        const pages = await fillPages(signet, receiver);
        await lookAt('login', '/login');
        await signIn(page, signet);
        for (const [name, address] of Object.entries(pages)) {
          await lookAt(name, address);
          if (name === 'not-found') messages.length = 0; // The browser reports the 404, which is expected.
        }
      });

      test('the reference of the API fits its window and is accessible', async ({ page, signet }) => {
        const parts = ['header', '.reference-nav', '#createEndpoint', '#listDeliveries', 'section[id^="webhook-"]', '.reference-main > dl'];
        await look(page, { name: 'reference', address: `${signet.origin}/docs/api`, file, parts });
        await page.getByRole('group').filter({ hasText: 'Webhooks' }).locator('summary').click();
        await page.getByRole('link', { name: 'Create a webhook' }).click();
        await expect(page.getByRole('heading', { name: 'Create a webhook' })).toBeInViewport();
        await page.locator('#createEndpoint').getByRole('link', { name: 'too_many_endpoints' }).click();
        await expect(page.locator('#problem-too_many_endpoints')).toBeInViewport();
      });
    });
  }
}

test('a theme is chosen on any page, and stays', async ({ page, signet }) => {
  await Dashboard.signUp(signet);
  await signIn(page, signet);
  const html = page.locator('html');
  await page.goto(`${signet.origin}/settings/account`);
  await page.getByRole('button', { name: 'Dark' }).click();
  await expect(html).toHaveAttribute('data-theme', 'dark');
  expect(new URL(page.url()).pathname).toBe('/settings/account');
  await page.goto(`${signet.origin}/settings/webhooks`);
  await expect(html).toHaveAttribute('data-theme', 'dark');
  await expect(page.getByRole('button', { name: 'Dark' })).toHaveAttribute('aria-pressed', 'true');
  await page.getByRole('button', { name: 'Auto' }).focus();
  await page.keyboard.press('Enter');
  await expect(html).toHaveAttribute('data-theme', 'auto');
});

test('a dialog keeps the focus and gives it back, and a menu closes by Escape', async ({ page, signet }) => {
  await Dashboard.signUp(signet);
  await page.goto(`${signet.origin}/styleguide`);
  const opens = page.getByRole('button', { name: 'Delete webhook' });
  await opens.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Delete this webhook?' });
  await expect(dialog.getByRole('button', { name: 'Cancel' })).toBeFocused();
  for (const name of ['Delete', 'Cancel']) {
    await page.keyboard.press('Tab');
    // The browser's own bar is a stop between the last control and the first.
    if (await page.evaluate(() => document.activeElement === document.body)) await page.keyboard.press('Tab');
    await expect(dialog.getByRole('button', { name })).toBeFocused();
  }
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(opens).toBeFocused();
  const menu = page.getByRole('button', { name: 'Actions for orders.example' });
  await menu.click();
  await expect(page.getByRole('link', { name: 'Edit' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('link', { name: 'Edit' })).toBeHidden();
});

test('a picture for the README', async ({ page, signet, receiver }) => {
  await page.setViewportSize({ width: 1280, height: 1000 });
  const person = await Dashboard.signUp(signet);
  const producer = new Producer(signet.origin, await person.addApiKey('Task workers'));
  const { path: webhook, secret } = await person.addWebhook(receiver.url.replace('127.0.0.1', 'localhost'), ['task.completed', 'task.failed']);
  receiver.secret = secret;
  await producer.send({ event: 'task.failed', taskId: 'task_1', errorId: 10, errorCode: 'ERROR_CAPTCHA_UNSOLVABLE' });
  await producer.complete('task_2', '{"token":"0.mF7gg2kQ"}');
  await receiver.arrivals.take(2);
  await signIn(page, signet);
  await page.goto(`${signet.origin}${webhook}/test`);
  receiver.answer = () => ({ status: 200, body: 'Thank you.' });
  await page.getByRole('button', { name: 'Send test event' }).click();
  await expect(page.locator('#test-result')).toContainText('Thank you.');
  await page.evaluate(() => document.activeElement.blur());
  await page.locator('.dev-banner').evaluate((banner) => banner.remove());
  await page.screenshot({ path: path.join(ARTEFACTS, 'readme.png'), fullPage: true, animations: 'disabled' });
});
