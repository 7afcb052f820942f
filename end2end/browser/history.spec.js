// What was sent in, who listens, the history of the balance, and who is told of failures; without
// JavaScript, and by the keyboard.
import { Dashboard } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';
import { expect, signIn, test } from '../support/browser.js';

test.use({ javaScriptEnabled: false });

async function begin(page, signet, receiver) {
  const person = await Dashboard.signUp(signet);
  await person.addWebhook(receiver.url, ['task.completed']);
  const producer = new Producer(signet.origin, await person.addApiKey());
  await signIn(page, signet);
  return { person, producer };
}

test('an event has a page with its payload and its deliveries', async ({ page, signet, receiver }) => {
  const { producer } = await begin(page, signet, receiver);
  await producer.complete('task_1', '{"token":"a"}');
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await page.getByLabel('Reference').fill('task_1');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'task.completed' }).first().click();
  await expect(page.getByText('"task_1"')).toBeVisible();
  await expect(page.getByRole('link', { name: receiver.url })).toBeVisible();
  await page.getByRole('link', { name: 'task.completed' }).first().click();
  await expect(page.getByRole('heading', { name: 'Who listens' })).toBeVisible();
  await expect(page.getByRole('link', { name: receiver.url })).toBeVisible();
});

test('another threshold shows when it would have sent', async ({ page, signet, receiver }) => {
  const { producer } = await begin(page, signet, receiver);
  for (const balance of [60, 45.5]) {
    const answer = await producer.request('PUT', '/v1/accounts/default/balance', JSON.stringify({ balance }));
    expect(answer.status).toBe(204);
  }
  await page.getByRole('link', { name: 'Balance', exact: true }).click();
  await expect(page.getByRole('img', { name: /The balance over 30 days/ })).toBeVisible();
  await page.getByLabel('Threshold to try').fill('50');
  await page.keyboard.press('Enter');
  await expect(page.getByText('With a threshold of 50, balance.low would have been sent once')).toBeVisible();
  await page.getByRole('button', { name: 'Use 50 as the threshold' }).click();
  await expect(page.getByText('Balance threshold saved.')).toBeVisible();
});

test('a person chooses whether they are told by mail', async ({ page, signet, receiver }) => {
  await begin(page, signet, receiver);
  await page.getByRole('link', { name: 'Notifications', exact: true }).click();
  const choice = page.getByLabel('Webhooks that fail');
  await expect(choice).toBeChecked();
  await choice.press('Space');
  await page.getByRole('button', { name: 'Save' }).press('Enter');
  await expect(page.getByText('You get no notices.')).toBeVisible();
  await expect(choice).not.toBeChecked();
});
