// The flow of a person through the dashboard, the same for mouse, keyboard and plain
// forms.
import { test, expect } from '../support/browser.js';
import { EMAIL, PASSWORD } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';

/** `hands` operate the page; `scripts` is true if JavaScript runs in it. */
export async function wholeFlow({ page, hands, signet, receiver, scripts }) {
  const button = (name) => page.getByRole('button', { name, exact: true });
  const link = (name) => page.getByRole('link', { name, exact: true });
  const heading = (name) => page.getByRole('heading', { name });
  const tab = (name) => page.getByRole('navigation', { name: 'Webhook', exact: true }).getByRole('link', { name, exact: true });
  const notice = page.getByRole('status').filter({ hasText: /\S/ });

  await test.step('the one-time link makes the owner', async () => {
    await page.goto(signet.setupLink);
    await hands.fill(page.getByLabel('E-mail'), EMAIL);
    await hands.fill(page.getByLabel('Password', { exact: true }), 'too short');
    await hands.press(button('Create sign-in'));
    await expect(page.getByText('Use at least 15 characters.').first()).toBeVisible();
    await expect(page.getByLabel('E-mail')).toHaveValue(EMAIL);
    await hands.fill(page.getByLabel('Password', { exact: true }), PASSWORD);
    await hands.press(button('Create sign-in'));
    await expect(heading('No webhooks yet')).toBeVisible();
  });

  await test.step('signing out, and in again', async () => {
    await hands.press(button('Sign out'));
    await expect(heading('Sign in')).toBeVisible();
    await page.goto(`${signet.origin}/settings/api-keys`);
    await hands.fill(page.getByLabel('E-mail'), EMAIL);
    await hands.fill(page.getByLabel('Password', { exact: true }), 'wrong horse battery staple');
    await hands.press(button('Sign in'));
    await expect(page.getByRole('alert')).toHaveText('The e-mail address or the password is wrong.');
    await hands.fill(page.getByLabel('Password', { exact: true }), PASSWORD);
    await hands.press(button('Sign in'));
    await expect(heading('API keys').first(), 'the page that was asked for first').toBeVisible();
  });

  const key = await test.step('an API key is made and shown once', async () => {
    await hands.fill(page.getByLabel('Name'), 'Backend');
    await hands.press(button('Create API key'));
    const key = await page.getByLabel('API key', { exact: true }).textContent();
    expect(key).toMatch(/^signet_sk_[0-9A-Za-z]{49}$/);
    return key;
  });

  await test.step('a webhook is added; each mistake is shown beside its field', async () => {
    await hands.press(link('Webhooks').first());
    await hands.press(link('Add webhook').first());
    await hands.fill(page.getByLabel('URL'), receiver.url.replace('https', 'http'));
    await hands.tick(page.getByLabel('task.completed'), false);
    await hands.tick(page.getByLabel('task.failed'), false);
    await hands.press(button('Save webhook'));
    await expect(page.getByText('Choose at least one event.').first()).toBeVisible();
    await expect(page.getByLabel('URL')).toHaveAttribute('aria-invalid', 'true');
    await expect(page.locator('#url-error')).toContainText('https://');
    await hands.fill(page.getByLabel('URL'), receiver.url);
    await hands.fill(page.getByLabel('Description'), 'Tasks of the shop');
    await hands.tick(page.getByLabel('task.completed'), true);
    await hands.tick(page.getByLabel('balance.low'), true);
  });

  await test.step('samples and the secret can be seen before saving', async () => {
    await hands.press(page.getByText('Sample body').first());
    await expect(page.getByText('"event": "task.completed"').first()).toBeVisible();
    await expect(page.getByText(/^whsec_[A-Za-z0-9+/]{43}=$/)).toBeHidden();
    await hands.press(page.locator('.secret-reveal > summary'));
    receiver.secret = await page.getByText(/^whsec_[A-Za-z0-9+/]{43}=$/).textContent();
    await hands.press(button('Save webhook'));
    await expect(notice.first()).toContainText('Webhook created');
    await expect(heading(receiver.url.replace('https://', ''))).toBeVisible();
    await expect(page.locator('.page-head .status')).toHaveText('Enabled');
  });
  const webhook = page.url();

  await test.step('the secret is masked, revealed and copied', async () => {
    await hands.press(tab('Settings'));
    const secret = page.getByLabel('Signing secret', { exact: true });
    await expect(secret).not.toHaveText(receiver.secret);
    await hands.press(button('Reveal'));
    await expect(secret).toHaveText(receiver.secret);
    await hands.press(page.getByRole('button', { name: 'Hide' }));
    await expect(secret).not.toHaveText(receiver.secret);
    const copy = page.locator('#secret').getByRole('button', { name: 'Copy' });
    if (scripts) {
      await hands.press(copy);
      await expect(page.locator('#secret').getByText('Copied')).toBeVisible();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(receiver.secret);
    } else {
      await expect(copy, 'the button needs JavaScript').toBeHidden();
    }
  });

  await test.step('a test event shows the answer of the receiver', async () => {
    await hands.press(tab('Test'));
    const result = page.locator('#test-result');
    receiver.answer = () => ({ status: 202, body: 'thank you' });
    await hands.choose(page.getByLabel('Event type'), 'task.failed');
    await hands.press(button('Send test event'));
    await expect(result).toContainText('202 Accepted');
    await expect(result).toContainText('thank you');
    await expect(result).toContainText(/Took\s*[\d.]+\s*m?s/);
    const arrival = await receiver.arrivals.next();
    expect(arrival.verified).toBe(true);
    expect(arrival.body.event).toBe('task.failed');
    expect(arrival.headers['x-webhook-test']).toBe('true');

    receiver.answer = () => ({ status: 500, body: 'out of order' });
    await hands.press(button('Send test event'));
    await expect(result).toContainText('500 Internal Server Error');
    await expect(result).toContainText('out of order');
    await receiver.arrivals.next();
  });

  await test.step('a test with a body of its own is checked, and the last tests are listed', async () => {
    receiver.answer = () => ({ status: 200 });
    await hands.fill(page.getByLabel('Body'), '{"taskId":7}');
    await hands.press(button('Send test event'));
    await expect(page.locator('#body-error')).toContainText('/taskId');
    await expect(page.getByLabel('Body')).toHaveValue('{"taskId":7}');
    await hands.press(button('Load its sample'));
    await expect(page.getByLabel('Body')).toHaveValue(/"event": "task.failed"/);
    await expect(page.getByRole('region', { name: 'Last tests' }).getByRole('link')).toHaveCount(2);
  });

  await test.step('the next secret is made, proved, and takes over', async () => {
    await hands.press(tab('Settings'));
    await hands.press(button('Make the next secret'));
    await hands.press(button('Reveal the next secret'));
    const next = await page.getByLabel('Next signing secret').textContent();
    expect(next).toMatch(/^whsec_/);
    receiver.secret = next;
    await hands.press(button('Send a test with the next secret'));
    await expect(notice.first()).toContainText('accepted a test');
    expect((await receiver.arrivals.next()).verified).toBe(true);
    await hands.press(button('Switch now'));
    await expect(notice.first()).toContainText('signs alone now');
  });

  await test.step('the webhook is edited', async () => {
    await hands.press(page.getByRole('link', { name: 'Edit' }));
    await hands.fill(page.getByLabel('Description'), 'Tasks of both shops');
    await hands.tick(page.getByLabel('task.failed'), true);
    await hands.press(button('Save webhook'));
    await expect(notice.first()).toContainText('Webhook saved');
    await expect(page.getByText('Tasks of both shops')).toBeVisible();
  });

  const producer = new Producer(signet.origin, key);

  await test.step('a real event arrives and is in the log', async () => {
    receiver.answer = () => ({ status: 200, body: 'welcome' });
    await producer.complete('task_42', '{"token":"0.mF7gg2","grüße":[1.50,"😀"]}');
    expect((await receiver.arrivals.next()).verified).toBe(true);
    await hands.press(link('View all'));
    await expect(page).toHaveTitle(/^Deliveries/);
    await hands.choose(page.getByLabel('Event type'), 'task.completed');
    await hands.press(button('Filter'));
    const rows = page.getByRole('row').filter({ hasText: 'task.completed' });
    await expect(rows).toHaveCount(1);
    await expect(async () => {
      await page.reload();
      await expect(rows.first()).toContainText('Delivered', { timeout: 1_000 });
    }).toPass();
    await hands.press(rows.first().getByRole('link'));
    await expect(page.getByRole('complementary', { name: 'Delivery' })).toContainText('200 OK');
    await hands.press(link('Open delivery'));
  });

  await test.step('a delivery shows its body, and the request and response of each attempt', async () => {
    await expect(heading('task.completed')).toBeVisible();
    await expect(page.locator('#body')).toContainText('"grüße"');
    const attempt = page.locator('#attempts');
    await expect(attempt).toContainText('200 OK');
    await expect(attempt).toContainText('welcome');
    await hands.press(attempt.getByText(/^Request headers/));
    await expect(attempt).toContainText('X-Webhook-Signature');
    await hands.press(attempt.getByText(/^Response headers/));
    await expect(attempt).toContainText('x-powered-by');
  });

  await test.step('the delivery is sent again with the same id', async () => {
    await hands.press(button('Resend'));
    await expect(notice.first()).toContainText('sent again');
    const again = await receiver.arrivals.next();
    expect(page.url()).toContain(again.headers['webhook-id']);
    expect(again.headers['x-webhook-attempt']).toBe('2');
  });

  await test.step('a webhook that keeps failing is disabled, and shows the time and the reason', async () => {
    receiver.answer = () => ({ status: 503, body: 'down for repair' });
    await producer.complete('task_43', '{}');
    await receiver.arrivals.take(2);
    await expect(async () => {
      await page.goto(webhook);
      await expect(heading('This webhook is disabled')).toBeVisible({ timeout: 500 });
    }).toPass();
    const panel = page.getByRole('region', { name: 'This webhook is disabled' });
    await expect(panel.getByRole('time').first()).toContainText('UTC');
    await expect(panel).toContainText('All attempts at a delivery failed, the last retry included.');
    await expect(page.locator('.page-head .status')).toHaveText('Disabled');
  });

  await test.step('re-enabling releases the held deliveries', async () => {
    receiver.answer = () => ({ status: 200 });
    await producer.complete('task_44', '{}');
    await page.goto(webhook);
    await expect(page.getByText('1 delivery')).toBeVisible();
    await hands.press(button('Re-enable'));
    await expect(notice.first()).toContainText('re-enabled');
    expect((await receiver.arrivals.next()).body.taskId).toBe('task_44');
    await expect(page.locator('.page-head .status')).toHaveText('Enabled');
  });

  await test.step('failed deliveries are found and sent again', async () => {
    await hands.press(link('Recover failed deliveries'));
    await expect(page.getByLabel('Since', { exact: true })).toHaveValue(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/);
    await hands.tick(page.getByLabel('balance.low'), false);
    await hands.press(button('Find failed deliveries'));
    await expect(heading('1 failed delivery')).toBeInViewport();
    await expect(page.getByLabel('balance.low')).not.toBeChecked();
    await hands.press(button('Send 1 delivery again'));
    await expect(notice.first()).toContainText('1 failed delivery is being sent again.');
    expect((await receiver.arrivals.next()).body.taskId).toBe('task_43');
    await page.goto(webhook);
  });

  await test.step('it comes back step by step, at a pace of its own', async () => {
    await hands.press(tab('Settings'));
    await hands.press(button('Pause'));
    await expect(heading('This webhook is paused')).toBeVisible();
    await producer.complete('task_45', '{}');
    await page.goto(webhook);
    await hands.press(link('Come back step by step'));
    await hands.press(button('Re-enable'));
    await expect(page.getByText('It is enabled.')).toBeVisible();
    await hands.fill(page.getByLabel('Pace'), '30');
    await hands.choose(page.getByLabel('For each'), 'minute');
    await hands.press(button('Begin'));
    expect((await receiver.arrivals.next()).body.taskId).toBe('task_45');
    await expect(page.getByRole('region', { name: 'Under way' })).toContainText('30 a minute');
    await page.goto(webhook);
  });

  await test.step('the webhook is paused and deleted', async () => {
    await hands.press(tab('Settings'));
    await hands.press(button('Pause'));
    await expect(heading('This webhook is paused')).toBeVisible();
    await hands.press(tab('Settings'));
    await hands.press(button('Delete'));
    await expect(page.getByRole('heading', { name: 'Delete this webhook?' })).toBeVisible();
    await hands.press(button('Cancel'));
    await expect(page.getByRole('heading', { name: 'Delete this webhook?' })).toBeHidden();
    await hands.press(button('Delete'));
    await hands.press(button('Delete webhook'));
    await expect(heading('No webhooks yet')).toBeVisible();
  });
}
