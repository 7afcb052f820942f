// Second factors as a person uses them: an app, recovery codes, and passkeys of a virtual
// authenticator.
import { Dashboard, EMAIL, PASSWORD } from '../support/dashboard.js';
import { expect, test } from '../support/browser.js';
import { code } from '../support/totp.js';

const SECURITY = '/settings/you/security';

/** Browsers make no passkeys for an address of numbers. */
const at = (signet, path) => `${signet.origin.replace('127.0.0.1', 'localhost')}${path}`;

async function givePassword(page, signet) {
  await page.goto(at(signet, '/login'));
  await page.getByLabel('E-mail').fill(EMAIL);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function signOut(page) {
  await page.getByRole('button', { name: 'Sign out' }).first().click();
  await page.waitForURL('**/login');
}

async function addAuthenticator(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  await devtools.send('WebAuthn.addVirtualAuthenticator', { options });
}

test('an app is set up, signs in as the second step, and recovery codes stand in for it', async ({ page, signet }) => {
  await Dashboard.signUp(signet);
  await givePassword(page, signet);
  await page.waitForURL('**/settings/webhooks');
  await page.goto(at(signet, SECURITY));
  await page.getByRole('button', { name: 'Set up an app' }).click();
  await expect(page.getByRole('img', { name: 'The code to scan with the app' })).toBeVisible();
  const key = await page.getByLabel('Key for the app').innerText();
  await page.getByLabel('Code', { exact: true }).fill(code(key));
  await page.getByRole('button', { name: 'Confirm' }).click();
  const codes = await page.locator('.recovery-codes li').allInnerTexts();
  expect(codes).toHaveLength(10);
  await page.reload();
  await expect(page.locator('.recovery-codes')).toHaveCount(0);

  await signOut(page);
  await givePassword(page, signet);
  await page.waitForURL(/\/login\/second/);
  await page.goto(at(signet, '/settings/webhooks'));
  await page.waitForURL(/\/login\?next=/);
  await givePassword(page, signet);
  await page.getByLabel('Code').fill(code(key, 1));
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL('**/settings/webhooks');

  await signOut(page);
  await givePassword(page, signet);
  await page.getByLabel('Code').fill(codes[0]);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL('**/settings/webhooks');
  await page.goto(at(signet, SECURITY));
  await expect(page.getByText('9 codes are left.')).toBeVisible();
});

test('a passkey is added, signs in alone and as the second step, and is removed', async ({ page, signet }) => {
  await Dashboard.signUp(signet);
  await addAuthenticator(page);
  await givePassword(page, signet);
  await page.waitForURL('**/settings/webhooks');
  await page.goto(at(signet, SECURITY));
  await page.getByLabel('Name').fill('laptop');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await expect(page.locator('.recovery-codes li')).toHaveCount(10);
  await page.getByRole('link', { name: 'I have kept them' }).click();
  await expect(page.getByRole('cell', { name: 'laptop' })).toBeVisible();

  await signOut(page);
  await page.getByRole('button', { name: 'Use a passkey' }).click();
  await page.waitForURL('**/settings/webhooks');

  await signOut(page);
  await givePassword(page, signet);
  await page.waitForURL(/\/login\/second/);
  await page.getByRole('button', { name: 'Use a passkey' }).click();
  await page.waitForURL('**/settings/webhooks');

  await page.goto(at(signet, SECURITY));
  await page.getByRole('row', { name: 'laptop' }).getByRole('button', { name: 'Remove' }).first().click();
  await page.getByRole('button', { name: 'Remove passkey' }).click();
  await expect(page.getByText('Passkey removed.')).toBeVisible();
});

test('without JavaScript the page says that passkeys need it, and the app works', async ({ browser, signet }) => {
  await Dashboard.signUp(signet);
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await givePassword(page, signet);
  await page.waitForURL('**/settings/webhooks');
  await page.goto(at(signet, SECURITY));
  // Playwright finds no text in a <noscript>, which the browser shows here.
  expect(await page.locator('noscript').innerText()).toContain('Passkeys need JavaScript');
  await expect(page.getByRole('button', { name: 'Add a passkey' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Set up an app' }).click();
  await expect(page.getByLabel('Key for the app')).toBeVisible();
  await context.close();
});
