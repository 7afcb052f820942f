// Rows of the list of deliveries by single keys.
import { expect, signIn, test } from '../support/browser.js';
import { Dashboard } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';

test('j and k choose a row, and r sends its delivery again', async ({ page, signet, receiver }) => {
  const person = await Dashboard.signUp(signet);
  const { secret } = await person.addWebhook(receiver.url, ['task.completed']);
  receiver.secret = secret;
  const producer = new Producer(signet.origin, await person.addApiKey());
  for (const task of ['task_1', 'task_2', 'task_3']) {
    await producer.complete(task, '{"token":"a"}');
    expect((await receiver.arrivals.next()).body.taskId).toBe(task);
  }
  await person.openUntil('/settings/deliveries?state=delivered', /(data-resend[\s\S]*){3}/);
  await signIn(page, signet);
  await page.goto(`${signet.origin}/settings/deliveries?state=delivered`);
  await expect(page.locator('[data-row][data-resend]')).toHaveCount(3);

  // Beside the list is another delivery than the one that is chosen.
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await expect(page.locator('#delivery')).toContainText('task_3');
  for (const key of ['j', 'j', 'j', 'k']) await page.keyboard.press(key);
  await page.keyboard.press('r');
  await expect(page.getByText('Delivery is being sent again.')).toBeVisible();
  await expect(page).toHaveURL(/settings\/deliveries\?.*state=delivered/);
  expect((await receiver.arrivals.next()).body.taskId).toBe('task_2');
  expect(receiver.arrivals.total).toBe(4);

  await page.keyboard.press('?');
  await expect(page.getByText('Resend the chosen row, or the delivery that is shown')).toBeVisible();
});
