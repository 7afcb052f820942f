// The security of every page, and the islands of the built module.
import fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Dashboard } from '../support/dashboard.js';
import { expect, signIn, test } from '../support/browser.js';

const ISLANDS = fileURLToPath(new URL('../../app/src/islands', import.meta.url));

/** The names of all islands in the source. */
async function islandsInSource() {
  const files = (await fs.readdir(ISLANDS)).filter((name) => name.endsWith('.rs'));
  const sources = await Promise.all(files.map((name) => fs.readFile(`${ISLANDS}/${name}`, 'utf8')));
  return sources.flatMap((source) => [...source.matchAll(/#\[island[^\]]*\]\s*pub fn (\w+)/g)].map(([, name]) => name));
}

test('every island is in the module that the browser loads', async ({ page, signet }) => {
  const person = await Dashboard.signUp(signet);
  const { path } = await person.addWebhook('https://hooks.example.com/signet', ['task.completed']);
  const html = await person.open(`${path}/settings`);
  const module = /rel="modulepreload" href="([^"]+)"/.exec(html)[1];
  const script = await (await page.request.get(new URL(module, signet.origin).href)).text();
  const islands = await islandsInSource();
  expect(islands).toContain('StoredSecret');
  for (const name of islands) expect(script).toMatch(new RegExp(`\\b${name}_\\d+\\b`));
});

test('every page has a policy with a fresh nonce, and no inline handlers', async ({ signet, page }) => {
  const person = await Dashboard.signUp(signet);
  await person.addWebhook('https://hooks.example.com/signet', ['task.completed']);
  const nonces = new Set();
  await signIn(page, signet);
  const addresses = await person.pages();
  for (const address of addresses) {
    const response = await page.goto(new URL(address, signet.origin).href);
    const headers = response.headers();
    const policy = headers['content-security-policy'];
    const nonce = /script-src[^;]*'nonce-([^']+)'/.exec(policy)?.[1];
    expect(nonce, `a nonce in ${policy}`).toBeTruthy();
    expect(policy).not.toContain("'unsafe-inline'");
    expect(policy).not.toContain("'unsafe-eval'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBeTruthy();
    nonces.add(nonce);
    const handlers = await page.evaluate(() =>
      [...document.querySelectorAll('*')].filter((it) => it.getAttributeNames().some((name) => /^on/.test(name))).length,
    );
    expect(handlers).toBe(0);
  }
  expect(nonces.size, 'no nonce is used twice').toBe(addresses.length);
});

// Over https the name is `__Host-signet`; over plain http at a loopback address not all browsers
// take that.
test('the session cookie is for this host alone and hidden from scripts', async ({ signet, page, context }) => {
  await Dashboard.signUp(signet);
  await signIn(page, signet);
  const session = (await context.cookies()).find(({ name }) => name === 'loopback-signet');
  expect(session).toMatchObject({ domain: '127.0.0.1', path: '/', httpOnly: true, sameSite: 'Lax' });
  expect(await page.evaluate(() => document.cookie)).not.toContain('signet=');
});

test('a form from another site is refused and has no effect', async ({ signet }) => {
  const person = await Dashboard.signUp(signet);
  const { path } = await person.addWebhook('https://hooks.example.com/signet', ['task.completed']);
  for (const headers of [
    { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { origin: 'null' },
  ]) {
    for (const address of [`${path}/delete`, `${path}/recover`, '/live/secret', '/logout']) {
      const response = await fetch(new URL(address, signet.origin), {
        method: 'POST',
        redirect: 'manual',
        headers: { ...headers, cookie: person.cookie, 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect(response.status, `${address} from ${JSON.stringify(headers)}`).toBe(403);
    }
  }
  expect(await person.open('/settings/webhooks')).toContain('hooks.example.com');
});

test('without a session every page leads to the sign-in and shows no data of the account', async ({ signet }) => {
  const person = await Dashboard.signUp(signet);
  await person.addWebhook('https://hooks.example.com/signet', ['task.completed']);
  for (const address of await person.pages()) {
    const response = await fetch(new URL(address, signet.origin), { redirect: 'manual' });
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(`/login?next=${address.replaceAll(/[?=&:]/g, encodeURIComponent)}`);
    expect(await response.text()).not.toContain('hooks.example.com');
  }
});

test('a webhook of another account can be neither seen nor changed', async ({ signet }) => {
  const ada = await Dashboard.signUp(signet);
  const { path } = await ada.addWebhook('https://hooks.example.com/signet', ['task.completed']);
  const link = await signet.command('account', 'add', 'other', '--public-url', signet.origin);
  const eve = await Dashboard.signUp({ origin: signet.origin, setupLink: link }, 'eve@example.com');
  for (const address of [path, `${path}/edit`, `${path}/delete`, `${path}/recover`, `${path}/deliveries`, `${path}/test`, `${path}/settings`, `${path}/coming-back`]) {
    await expect(eve.open(address)).rejects.toThrow(/: 404/);
  }
  for (const action of ['edit', 'delete', 'pause', 'enable', 'held', 'recover', 'settings/secret', 'test', 'rotation/reveal', 'coming-back']) {
    const fields = { since: '2026-03-28T12:00', url: 'https://evil.example/', event: 'task.completed', type: 'task.completed', description: '' };
    await expect(eve.submit(`${path}/${action}`, fields)).rejects.toThrow(/: 404/);
  }
  expect(await ada.open(path)).toContain('hooks.example.com');
});
