// Signing in at a real OpenID provider, with accounts and roles by claim.
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { test as base, expect } from '@playwright/test';

import { makeCertificates } from '../support/certificates.js';
import { OpenIdProvider } from '../support/provider.js';
import { Signet } from '../support/signet.js';

const test = base.extend({
  folder: async ({}, use) => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'signet-oidc-'));
    await use(folder);
    await fs.rm(folder, { recursive: true, force: true });
  },

  /** A port on which nothing listens: the address of the dashboard is part of the provider's settings. */
  port: async ({}, use) => {
    const { createServer } = await import('node:net');
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.on('listening', resolve));
    const { port } = server.address();
    await new Promise((resolve) => server.close(resolve));
    await use(port);
  },

  provider: async ({ port }, use) => {
    const provider = await OpenIdProvider.start({ redirect: `http://localhost:${port}/login/oidc/company/callback` });
    await use(provider);
    provider.close();
  },

  signet: async ({ folder, port, provider }, use) => {
    const settings = {
      name: 'company',
      label: 'Company',
      issuer: provider.issuer,
      client_id: 'signet',
      client_secret_env: 'COMPANY_SECRET',
      accounts: { claim: 'groups', values: { webhooks: ['default:viewer'], admins: ['default:admin'] } },
    };
    const file = path.join(folder, 'oidc.json');
    await fs.writeFile(file, JSON.stringify({ providers: [settings] }));
    const { authority } = await makeCertificates();
    const signet = await Signet.start({
      authority,
      listen: `127.0.0.1:${port}`,
      options: ['--public-url', `http://localhost:${port}`, '--oidc', file],
      environment: { COMPANY_SECRET: 'a secret of the client' },
    });
    await use({ origin: `http://localhost:${port}`, process: signet });
    await signet.discard();
  },
});

/** Signs in at the provider's own pages. */
async function signIn(page, signet, name) {
  await page.goto(`${signet.origin}/login?next=/settings/account`);
  await page.getByRole('link', { name: 'Sign in with Company' }).click();
  await page.locator('input[name=login]').fill(name);
  await page.locator('input[name=password]').fill('any');
  await page.getByRole('button').click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

test('a person of the provider gets the account of their group and comes to the page that was asked for', async ({
  page,
  signet,
  provider,
}) => {
  provider.groups.bob = ['webhooks'];
  await signIn(page, signet, 'bob');
  await page.waitForURL('**/settings/account');
  await expect(page.getByText('bob@example.com').first()).toBeVisible();
  const names = (await page.context().cookies()).filter(({ domain }) => domain === 'localhost').map(({ name }) => name);
  expect(names.filter((name) => /oidc/.test(name)), 'the secrets of the sign-in are gone').toEqual([]);
});

test('a person whose group is gone is not let in', async ({ browser, signet, provider }) => {
  provider.groups.bob = ['webhooks'];
  const first = await browser.newContext();
  const page = await first.newPage();
  await signIn(page, signet, 'bob');
  await page.waitForURL('**/settings/account');
  provider.groups.bob = [];
  const second = await browser.newContext();
  const again = await second.newPage();
  await signIn(again, signet, 'bob');
  await expect(again.getByText('You belong to no account here.')).toBeVisible();
  await page.reload();
  await expect(page.getByText('bob@example.com')).toHaveCount(0);
  await first.close();
  await second.close();
});

test('an answer that this browser has not asked for signs nobody in', async ({ page, signet }) => {
  await page.goto(`${signet.origin}/login/oidc/company/callback?code=stolen&state=stolen`);
  await expect(page.getByText('was begun in another browser')).toBeVisible();
  const names = (await page.context().cookies()).map(({ name }) => name);
  expect(names.filter((name) => /^(__Host|loopback)-signet$/.test(name))).toEqual([]);
});
