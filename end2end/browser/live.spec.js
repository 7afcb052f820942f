// Pages that stay fresh without moving, and what they say when they cannot.
import { expect, signIn, test } from '../support/browser.js';
import { Dashboard } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';

/** A person with a webhook, and its page of deliveries, open in the browser. */
async function openLog(page, signet, receiver) {
  const person = await Dashboard.signUp(signet);
  const producer = new Producer(signet.origin, await person.addApiKey());
  const webhook = await person.addWebhook(receiver.url, ['task.completed']);
  receiver.secret = webhook.secret;
  receiver.answer = () => ({ status: 200 });
  await producer.complete('task_1', '{}');
  await receiver.arrivals.next();
  await person.openUntil(`${webhook.path}/deliveries`, /Delivered/);
  await signIn(page, signet);
  await page.goto(`${signet.origin}${webhook.path}/deliveries`);
  return { person, producer, webhook };
}

const rows = (page) => page.locator('[data-live-rows] [data-row]');
const fresh = (page, count) => page.getByRole('button', { name: `${count} new`, exact: true });

test('new rows wait behind a button; focus and scroll stay', async ({ page, signet, receiver }) => {
  const { producer } = await openLog(page, signet, receiver);
  const open = rows(page).first().locator('[data-key="open"]');
  await open.focus();
  const before = await page.evaluate(() => window.scrollY);
  const first = await rows(page).first().getAttribute('id');
  for (const task of ['task_2', 'task_3', 'task_4']) await producer.complete(task, '{}');
  await expect(fresh(page, 3)).toBeVisible();
  await expect(rows(page)).toHaveCount(1);
  await expect(open).toBeFocused();
  expect(await page.evaluate(() => window.scrollY)).toBe(before);
  await fresh(page, 3).click();
  await expect(rows(page)).toHaveCount(4);
  expect(await rows(page).last().getAttribute('id')).toBe(first);
  await expect(fresh(page, 3)).toBeHidden();
});

test('updates are paused and taken up again without a gap', async ({ page, signet, receiver }) => {
  const { producer, person, webhook } = await openLog(page, signet, receiver);
  await page.getByRole('button', { name: 'Pause updates', exact: true }).click();
  await producer.complete('task_2', '{}');
  await receiver.arrivals.next();
  await person.openUntil(`${webhook.path}/deliveries`, /(Delivered[^]*){2}/);
  await expect(fresh(page, 1)).toBeHidden();
  await page.getByRole('button', { name: 'Resume updates', exact: true }).click();
  await expect(fresh(page, 1)).toBeVisible();
});

test('a delivery is live until it is final', async ({ page, signet, receiver }) => {
  const { producer } = await openLog(page, signet, receiver);
  let answer;
  receiver.answer = () => new Promise((resolve) => (answer = resolve));
  await producer.complete('task_2', '{}');
  await fresh(page, 1).click();
  await rows(page).first().locator('[data-key="open"]').click();
  await page.getByRole('link', { name: 'Open delivery' }).click();
  await expect(page.locator('.page-head')).toContainText('Sending');
  await expect(async () => expect(answer).toBeTruthy()).toPass();
  answer({ status: 200, body: 'at last' });
  await expect(page.locator('.page-head')).toContainText('Delivered');
  await expect(page.locator('main')).toContainText('at last');
});

test('a session that has ended is said, with a way back', async ({ page, signet, receiver, messages }) => {
  await openLog(page, signet, receiver);
  const other = await page.context().newPage();
  await other.goto(`${signet.origin}/settings/webhooks`);
  await other.getByRole('button', { name: 'Sign out' }).click();
  await page.bringToFront();
  const line = page.locator('.live-bar').getByRole('status');
  await expect(line).toContainText('You are signed out.');
  const address = page.url();
  await line.getByRole('link', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(/\/login\?next=/);
  expect(decodeURIComponent(page.url())).toContain(new URL(address).pathname);
  messages.length = 0;
});

test('a stream that is lost is tried again, and said', async ({ page, signet, receiver, messages }) => {
  const { producer } = await openLog(page, signet, receiver);
  await signet.stop();
  const line = page.locator('.live-bar').getByRole('status');
  await expect(line).toContainText('The connection was lost.');
  signet.listen = new URL(signet.origin).host;
  await signet.run();
  await producer.complete('task_2', '{}');
  await expect(fresh(page, 1)).toBeVisible({ timeout: 60_000 });
  // The browser reports the streams that it could not open.
  messages.length = 0;
});

test('nothing is sent when nothing has changed', async ({ page, signet, receiver }) => {
  const { person } = await openLog(page, signet, receiver);
  const src = await page.locator('[data-live-src]').first().getAttribute('data-live-src');
  const stop = new AbortController();
  const answer = await fetch(new URL(src, signet.origin), { headers: { cookie: person.cookie }, signal: stop.signal });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const reader = answer.body.getReader();
  const first = reader.read().then(({ value }) => new TextDecoder().decode(value));
  // Another webhook is no part of this page.
  await person.addWebhook('https://hooks.example.com/other', ['task.completed']);
  const early = await Promise.race([first, page.waitForTimeout(3_000).then(() => '')]);
  expect(early.includes('fragment')).toBe(false);
  stop.abort();
  await first.catch(() => undefined);
});
