// The list of webhooks: how they are doing, what needs attention, search and status, the menu of
// a row by keyboard, the first steps, and the overview of one webhook; all without a script too.
import { Dashboard } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';
import { expect, signIn, test } from '../support/browser.js';

const LIST = '/settings/webhooks';
const at = (signet, address) => new URL(address, signet.origin).href;

test('the first steps are ticked as they happen, and are gone once a real event has arrived', async ({ page, signet, receiver }) => {
  const person = await Dashboard.signUp(signet);
  const producer = new Producer(signet.origin, await person.addApiKey('Producer'));
  await signIn(page, signet);
  await page.goto(at(signet, LIST));
  const steps = page.getByRole('region', { name: 'First steps' });
  await expect(steps.getByRole('listitem').filter({ hasText: 'Done:' })).toHaveCount(0);
  const { secret } = await person.addWebhook(receiver.url, ['task.completed']);
  receiver.secret = secret;
  await page.reload();
  await expect(steps.getByRole('listitem').filter({ hasText: 'Done: Add a webhook' })).toHaveCount(1);
  await steps.getByText('Code for your receiver').click();
  await expect(steps.getByText('Python')).toBeVisible();
  await producer.complete('task_1', '{"token":"t"}');
  await receiver.arrivals.next();
  await expect(async () => {
    await page.reload();
    await expect(steps).toHaveCount(0, { timeout: 500 });
  }).toPass();
  await expect(page.getByRole('img', { name: '1 delivered, 0 attempts failed in 24 hours' })).toBeVisible();
});

test('status and text narrow the list, and a menu pauses and enables by keyboard', async ({ page, signet }) => {
  const person = await Dashboard.signUp(signet);
  await person.addWebhook('https://one.example.com/hooks', ['task.completed']);
  await person.addWebhook('https://two.example.com/hooks', ['task.completed']);
  await signIn(page, signet);
  await page.goto(at(signet, LIST));
  await page.getByRole('searchbox', { name: 'URL or description' }).fill('ONE');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('row').filter({ hasText: 'one.example.com' })).toBeVisible();
  await expect(page.getByRole('row').filter({ hasText: 'two.example.com' })).toHaveCount(0);
  await page.getByRole('button', { name: 'Actions for one.example.com/hooks' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Pause' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/webhooks\/ep_/);
  await page.goto(at(signet, LIST));
  const tabs = page.getByRole('navigation', { name: 'Webhooks by status' });
  await tabs.getByRole('link', { name: 'Paused 1' }).click();
  await expect(page.getByRole('row').filter({ hasText: 'one.example.com' })).toBeVisible();
  await page.getByRole('button', { name: 'Actions for one.example.com/hooks' }).click();
  await page.getByRole('button', { name: 'Enable' }).click();
  await page.waitForURL(/webhooks\/ep_/);
  await page.goto(at(signet, `${LIST}?status=paused`));
  await expect(page.getByText('No paused webhook.')).toBeVisible();
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a failing webhook needs attention, and leads to the delivery and to the reasons', async ({ page, signet, receiver }) => {
    const person = await Dashboard.signUp(signet);
    const producer = new Producer(signet.origin, await person.addApiKey('Producer'));
    receiver.answer = () => ({ status: 503, body: 'busy' });
    const { path, secret } = await person.addWebhook(receiver.url, ['task.completed']);
    receiver.secret = secret;
    await producer.complete('task_1', '{"token":"t"}');
    await receiver.arrivals.next();
    await person.openUntil(LIST, /Needs attention/);
    await signIn(page, signet);
    await page.goto(at(signet, LIST));
    const panel = page.getByRole('region', { name: 'Needs attention' });
    await expect(panel).toContainText('503 Service Unavailable');
    await panel.getByRole('link', { name: /See the failing delivery|Review and re-enable/ }).click();
    await page.waitForURL(`**${path}**`);
    await page.goto(at(signet, `${path}?range=7d`));
    await expect(page.getByRole('link', { name: '7 days' })).toHaveAttribute('aria-current', 'page');
    await page.getByText('Show as a table').click();
    await expect(page.getByRole('columnheader', { name: '6 hours from' })).toBeVisible();
    await expect(page.getByRole('link', { name: '503 Service Unavailable' })).toHaveAttribute('href', /status=503/);
  });
});
