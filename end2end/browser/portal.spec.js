// The portal: a service sends its people into the dashboard, in a tab and in a frame.
import { Dashboard } from '../support/dashboard.js';
import { expect, test as base } from '../support/browser.js';
import { backend, curl, framing, Host } from '../support/host.js';
import { Signet } from '../support/signet.js';

const test = base.extend({
  /** A site of another origin, which shows the answer of `page.respond`. */
  host: async ({}, use) => {
    const behaviour = {};
    const host = await Host.start((request, response) => behaviour.respond(request, response));
    host.behaviour = behaviour;
    await use(host);
    host.close();
  },

  signet: async ({ certificates, host }, use) => {
    const signet = await Signet.start({
      authority: certificates.authority,
      options: ['--portal-ancestors', host.origin, '--brand-name', 'Lemon Books', '--brand-accent', '#ffe100'],
    });
    await use(signet);
    await signet.discard();
  },

  key: async ({ signet }, use) => {
    await Dashboard.signUp(signet);
    await use(await signet.command('key', 'add', '--name', 'portal', '--scope', 'portal:write'));
  },
});

/** A new link for a frame. */
async function embedded(signet, key, members = {}) {
  const answer = await fetch(`${signet.origin}/v1/accounts/default/portal-links`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ role: 'developer', embedded: true, ...members }),
  });
  expect(answer.status).toBe(201);
  return (await answer.json()).url;
}

function show(host, url) {
  host.behaviour.respond = async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(await framing(url));
  };
}

test('in a frame of another origin a webhook is added, and its secret shown', async ({ page, host, signet, key }) => {
  show(host, await embedded(signet, key));
  await page.goto(host.origin);
  const frame = page.frameLocator('iframe');
  await expect(frame.getByRole('heading', { name: 'Webhooks', level: 1 })).toBeVisible();
  await expect(frame.getByText('Signet')).toHaveCount(0);
  await expect(frame.getByRole('link', { name: 'API keys' })).toHaveCount(0);
  await frame.getByRole('link', { name: /Add webhook/ }).first().click();
  await frame.getByLabel('URL').fill('https://hooks.example.com/lemon');
  await frame.locator('input[name=event]').first().check();
  await frame.getByRole('button', { name: 'Save webhook' }).click();
  await expect(frame.getByText('hooks.example.com').first()).toBeVisible();
  await frame.getByRole('navigation', { name: 'Webhook', exact: true }).getByRole('link', { name: 'Settings' }).click();
  await frame.getByRole('button', { name: 'Reveal' }).first().click();
  await expect(frame.getByText(/whsec_[\w+/=]{40,}/).first()).toBeVisible();
  const [cookie] = (await page.context().cookies(signet.origin)).filter(({ name }) => name === '__Host-signet-portal');
  expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'None' });
  expect(cookie.partitionKey).toContain('localhost');
});

test('a link for a frame works once, and not outside of one', async ({ page, host, signet, key, messages }) => {
  const url = await embedded(signet, key);
  expect((await page.request.get(url)).status()).toBe(409);
  show(host, url);
  await page.goto(host.origin);
  await expect(page.frameLocator('iframe').getByRole('heading', { name: 'Webhooks', level: 1 })).toBeVisible();
  await page.goto(host.origin);
  await expect(page.frameLocator('iframe').getByText('This link is no longer valid')).toBeVisible();
  expect(messages.splice(0)).toEqual([expect.stringContaining('status of 410')]);
});

test.describe('pages that may not have it in a frame', () => {
  // The browser reports the refused frame on the console.
  test.use({ messages: async ({}, use) => use([]) });

  test('show nothing of the portal', async ({ page, signet, key, certificates }) => {
    const stranger = await Host.start(async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(await framing(await embedded(signet, key)));
    });
    await page.goto(stranger.origin);
    await page.waitForLoadState('networkidle');
    for (const frame of page.frames()) expect(await frame.content()).not.toContain('webhooks');
    stranger.close();
    expect(certificates).toBeTruthy();
  });

  test('a person who is signed in is not found in a frame', async ({ page, host, signet }) => {
    await Dashboard.signUp(signet);
    await page.goto(`${signet.origin}/login`);
    await page.getByLabel('E-mail').fill('ada@example.com');
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery staple');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/settings/webhooks');
    show(host, `${signet.origin}/settings/webhooks`);
    await page.goto(host.origin);
    await expect(page.frameLocator('iframe').getByText('This session has ended').first()).toBeVisible();
  });
});

test('a viewer in a frame never sees a secret', async ({ page, host, signet, key }) => {
  const owner = await signet.command('portal-link', 'default', '--role', 'admin', '--public-url', signet.origin);
  await page.goto(owner);
  await page.waitForURL('**/settings/webhooks');
  await page.goto(`${signet.origin}/settings/webhooks/new`);
  await page.getByLabel('URL').fill('https://hooks.example.com/lemon');
  await page.locator('input[name=event]').first().check();
  await page.getByRole('button', { name: 'Save webhook' }).click();
  await page.waitForURL('**/settings/webhooks/ep_*');
  const path = new URL(page.url()).pathname;
  show(host, await embedded(signet, key, { role: 'viewer', landing: path, theme: 'dark' }));
  await page.goto(host.origin);
  const frame = page.frameLocator('iframe');
  await expect(frame.getByText('hooks.example.com').first()).toBeVisible();
  expect(await frame.locator('html').getAttribute('data-theme')).toBe('dark');
  expect(await frame.locator('html').innerHTML()).not.toContain('whsec_');
});

test('the lines of the page in docs lead a person in, and back', async ({ page, host, signet, key }) => {
  Object.assign(process.env, { SIGNET: signet.origin, KEY: key });
  const { openPortal } = await backend();
  host.behaviour.respond = (request, response) => openPortal(Object.assign(request, { user: { account: 'default', id: 'user 7' } }), response);
  await page.goto(host.origin);
  await page.waitForURL('**/settings/webhooks');
  await expect(page).toHaveTitle(/· Lemon Books$/);
  await expect(page.getByText('Signet')).toHaveCount(0);
  await expect(page.getByRole('link', { name: 'Back to Lemon Books' })).toHaveAttribute('href', 'https://app.example.com/settings');
  await signet.command('account', 'add', 'acme', '--public-url', signet.origin);
  const { url } = await curl({ SIGNET: signet.origin, KEY: key });
  await page.goto(url);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL('**/settings/webhooks');
});

test('a link works without scripts', async ({ browser, signet, key }) => {
  expect(key).toBeTruthy();
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(await signet.command('portal-link', 'default', '--public-url', signet.origin));
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('heading', { name: 'Webhooks', level: 1 })).toBeVisible();
  await context.close();
});
