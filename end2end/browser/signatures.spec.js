// The signature checker, and how a delivery is verified on its page.
import { Dashboard } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';
import { expect, signIn, test } from '../support/browser.js';
import { Keyboard, Mouse } from './hands.js';

/** A delivery that has arrived: its page, its body and headers, and its secret. */
async function delivered(signet, receiver) {
  const person = await Dashboard.signUp(signet);
  const producer = new Producer(signet.origin, await person.addApiKey('Task workers'));
  const { path, secret } = await person.addWebhook(receiver.url, ['task.completed']);
  receiver.secret = secret;
  await producer.complete('task_1', '{"token":"0.mF7gg2kQ"}');
  const { headers, body } = await receiver.arrivals.next();
  const page = `${path}/deliveries/${headers['webhook-id']}`;
  await person.openUntil(page, /200 OK/);
  const names = ['x-webhook-signature', 'webhook-id', 'webhook-timestamp', 'webhook-signature'];
  return { page, secret, body, headers: names.map((name) => `${name}: ${headers[name]}`).join('\n') };
}

for (const Hands of [Mouse, Keyboard]) {
  test(`a mistake is found in the browser, by ${Hands.name.toLowerCase()}, and nothing is sent`, async ({ page, signet, receiver }) => {
    const delivery = await delivered(signet, receiver);
    await signIn(page, signet);
    await page.goto(`${signet.origin}/settings/signatures`);
    const hands = new Hands(page);
    const result = page.getByRole('status', { name: 'Result' });
    const check = async (body) => {
      await page.getByLabel('Body').fill(body);
      await hands.press(page.getByRole('button', { name: 'Check' }));
    };
    await page.getByLabel('Headers').fill(delivery.headers);
    await page.getByLabel('Signing secrets').fill(delivery.secret);
    const requests = [];
    page.on('request', (request) => requests.push(request.url()));
    await check(JSON.stringify(delivery.body));
    await expect(result).toHaveText('X-Webhook-Signature verifies.webhook-signature verifies.');
    await check(JSON.stringify(delivery.body, null, 2));
    await expect(result).toContainText('the JSON was parsed and printed again');
    await check(`${JSON.stringify(delivery.body)}\n`);
    await expect(result).toContainText('has a newline at its end');
    expect(requests).toEqual([]);
  });
}

test('a delivery shows what was signed and what to expect, and not the secret', async ({ page, signet, receiver }) => {
  const delivery = await delivered(signet, receiver);
  await signIn(page, signet);
  await page.goto(signet.origin + delivery.page);
  const verify = page.getByRole('region', { name: 'Verify' });
  await expect(verify).toContainText(JSON.stringify(delivery.body));
  for (const value of [delivery.headers.split('\n')[0].split(': ')[1], 'This is what the last attempt carried.']) {
    await expect(verify).toContainText(value);
  }
  expect(await page.content()).not.toContain(delivery.secret);
  await verify.getByText('Verify in your language').click();
  await verify.getByText('Python', { exact: true }).click();
  await expect(verify.getByText('def is_genuine')).toBeVisible();
  await expect(verify.getByText('export function isGenuine')).toBeHidden();
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the checker points to the command line', async ({ page, signet }) => {
    await Dashboard.signUp(signet);
    await signIn(page, signet);
    await page.goto(`${signet.origin}/settings/signatures`);
    // The text of a noscript element is no text for a locator.
    expect(await page.content()).toContain('openssl dgst -sha256');
    await expect(page.getByRole('button', { name: 'Check' })).toBeHidden();
  });
});
