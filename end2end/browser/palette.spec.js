// The command palette and the shortcuts.
import { AxeBuilder } from '@axe-core/playwright';

import { expect, signIn, test } from '../support/browser.js';
import { Dashboard } from '../support/dashboard.js';

async function start(page, signet) {
  const person = await Dashboard.signUp(signet);
  const webhook = await person.addWebhook('https://hooks.example.com/orders', ['task.completed']);
  await signIn(page, signet);
  return webhook;
}

async function assertAccessible(page) {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
}

test('the palette finds a webhook by its URL, a page by its name, and an action', async ({ page, signet }) => {
  const webhook = await start(page, signet);
  await page.goto(`${signet.origin}/settings/account`);
  await page.keyboard.press('Control+k');
  const dialog = page.getByRole('dialog', { name: 'Go to' });
  await expect(dialog).toBeVisible();
  await assertAccessible(page);
  await page.keyboard.type('hooks.example.com/ord');
  await expect(dialog.getByRole('link')).toHaveCount(1);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${signet.origin}${webhook.path}`);

  await page.keyboard.press('Control+k');
  await page.keyboard.type('api k');
  await expect(dialog.getByRole('link').first()).toContainText('API keys');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/api-keys/);

  await page.keyboard.press('Control+k');
  await page.keyboard.type('add a webhook');
  await expect(dialog.getByRole('link').first()).toContainText('Add a webhook');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/webhooks\/new/);
});

test('Escape closes the palette and gives the focus back', async ({ page, signet }) => {
  await start(page, signet);
  await page.goto(`${signet.origin}/settings/account`);
  const link = page.locator('.page-foot [data-palette]');
  await link.focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog', { name: 'Go to' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog', { name: 'Go to' })).toBeHidden();
  await expect(link).toBeFocused();
});

test('single keys list the shortcuts and go to sections, and can be switched off', async ({ page, signet }) => {
  await start(page, signet);
  await page.goto(`${signet.origin}/settings/account`);
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
  await expect(help).toBeVisible();
  await assertAccessible(page);
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('k');
  await expect(page).toHaveURL(/api-keys/);

  await page.goto(`${signet.origin}/settings/go`);
  await page.getByRole('button', { name: 'Switch shortcuts off' }).click();
  await page.locator('h1').click();
  await page.keyboard.press('?');
  await expect(help).toBeHidden();
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog', { name: 'Go to' })).toBeVisible();
});

test('j and k go through rows', async ({ page, signet, receiver }) => {
  const person = await Dashboard.signUp(signet);
  const webhook = await person.addWebhook(receiver.url, ['task.completed']);
  receiver.secret = webhook.secret;
  receiver.answer = () => ({ status: 200 });
  await person.sendTest(webhook.path, 'task.completed');
  await person.sendTest(webhook.path, 'task.failed');
  await signIn(page, signet);
  await page.goto(`${signet.origin}${webhook.path}/deliveries`);
  const open = page.locator('[data-row] [data-key="open"]');
  await page.keyboard.press('j');
  await expect(open.first()).toBeFocused();
  await page.keyboard.press('j');
  await expect(open.nth(1)).toBeFocused();
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/deliveries\?show=msg_/);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the palette is a page', async ({ page, signet }) => {
    const webhook = await start(page, signet);
    await page.getByRole('link', { name: 'Search and shortcuts' }).click();
    await page.getByLabel('Id, URL, page or action').fill('hooks.example.com');
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    await page.locator('#go-results').getByRole('link').first().click();
    await expect(page).toHaveURL(`${signet.origin}${webhook.path}`);
  });
});
