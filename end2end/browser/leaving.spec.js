// After signing out nothing of the account is left in the browser: not behind Back, and not in
// its cache.
import { Dashboard } from '../support/dashboard.js';
import { expect, signIn, test } from '../support/browser.js';

test('Back after signing out shows no page of the account', async ({ page, signet }) => {
  const person = await Dashboard.signUp(signet);
  const { path } = await person.addWebhook('https://hooks.example.com/signet', ['task.completed']);
  await signIn(page, signet);
  await page.goto(new URL(path, signet.origin).href);
  await expect(page.getByText('hooks.example.com').first()).toBeVisible();
  await page.goto(`${signet.origin}/settings/webhooks`);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(/\/login/);
  for (let steps = 0; steps < 3; steps += 1) {
    await page.goBack();
    await expect(page.getByText('hooks.example.com')).toHaveCount(0);
  }
});

test('a page with a secret is kept in no cache', async ({ page, signet }) => {
  const person = await Dashboard.signUp(signet);
  const { path, secret } = await person.addWebhook('https://hooks.example.com/signet', ['task.completed']);
  await signIn(page, signet);
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  const fromCache = [];
  session.on('Network.requestServedFromCache', ({ requestId }) => fromCache.push(requestId));
  const answers = new Map();
  session.on('Network.responseReceived', ({ requestId, response }) => answers.set(requestId, response.url));
  for (let visits = 0; visits < 2; visits += 1) {
    await page.goto(new URL(`${path}/edit`, signet.origin).href);
    const response = await page.goto(new URL(path, signet.origin).href);
    expect(response.headers()['cache-control']).toBe('no-store');
  }
  const pages = fromCache.map((id) => answers.get(id)).filter((url) => url && new URL(url).pathname.startsWith('/settings'));
  expect(pages).toEqual([]);
  expect(secret).toMatch(/^whsec_/);
  const stored = await page.evaluate(async () => {
    const names = 'caches' in window ? await caches.keys() : [];
    return JSON.stringify({ names, local: { ...localStorage }, session: { ...sessionStorage } });
  });
  expect(stored).toBe('{"names":[],"local":{},"session":{}}');
});
