// Rows of the list of deliveries by single keys.
import { expect, signIn, test } from '../support/browser.js';
import { Dashboard } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';

test('j and k choose a row, and r sends its delivery again', async ({ page, signet, receiver }) => {
  const person = await Dashboard.signUp(signet);
  await person.addWebhook(receiver.url, ['task.completed']);
  const producer = new Producer(signet.origin, await person.addApiKey());
  for (const task of ['task_1', 'task_2', 'task_3']) {
    await producer.complete(task, '{"token":"a"}');
    await expect.poll(async () => receiver.requests.filter(({ body }) => body.includes(`"${task}"`)).length).toBe(1);
  }
  const sent = (task) => receiver.requests.filter(({ body }) => body.includes(`"${task}"`)).length;
  await signIn(page, signet);
  await page.goto(`${signet.origin}/settings/deliveries?state=delivered`);
  await expect(page.locator('[data-row][data-resend]')).toHaveCount(3);

  // Beside the list is another delivery than the one that is chosen.
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await expect(page.locator('#delivery')).toContainText('task_3');
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('r');
  await expect(page.getByText('Delivery is being sent again.')).toBeVisible();
  await expect(page).toHaveURL(/settings\/deliveries\?.*state=delivered/);
  await expect.poll(() => sent('task_2')).toBe(2);
  expect([sent('task_1'), sent('task_3')]).toEqual([1, 1]);

  await page.keyboard.press('?');
  await expect(page.getByText('Resend the chosen row, or the delivery that is shown')).toBeVisible();
});
