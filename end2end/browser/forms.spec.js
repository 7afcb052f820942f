// Forms in a browser: two tabs at once, a session that ends in the middle, a double click, and
// all of it without JavaScript as well.
import { expect, signIn, test } from '../support/browser.js';
import { Dashboard, EMAIL, PASSWORD } from '../support/dashboard.js';

/** Signs in on the page at hand. */
async function signInHere(page) {
  await page.getByLabel('E-mail').fill(EMAIL);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function endSession(context) {
  const kept = (await context.cookies()).filter(({ name }) => !/signet$/.test(name));
  await context.clearCookies();
  await context.addCookies(kept);
}

/** The stories, with scripts and without. */
function stories() {
  test('what was typed is there again after signing in, and nothing is saved before a click', async ({
    page,
    context,
    signet,
  }) => {
    await Dashboard.signUp(signet);
    await signIn(page, signet);
    await page.goto(`${signet.origin}/settings/webhooks/new`);
    await page.getByLabel('URL', { exact: true }).fill('https://hooks.example.com/kept');
    await page.getByLabel('Description').fill('Typed for a long while');
    await endSession(context);
    await page.getByRole('button', { name: 'Save webhook' }).last().click();
    await expect(page.getByText('You were signed out. What you typed is kept.')).toBeVisible();
    await signInHere(page);
    await expect(page.getByText('Nothing is saved yet.')).toBeVisible();
    await expect(page.getByLabel('URL', { exact: true })).toHaveValue('https://hooks.example.com/kept');
    await expect(page.getByLabel('Description')).toHaveValue('Typed for a long while');
    await page.reload();
    await expect(page.getByLabel('Description')).toHaveValue('Typed for a long while');
    await page.getByRole('button', { name: 'Save webhook' }).last().click();
    await expect(page.getByText('Webhook created.')).toBeVisible();
    await page.goto(`${signet.origin}/settings/webhooks`);
    await expect(page.getByText('Typed for a long while').first()).toBeVisible();
  });

  test('the second of two tabs sees what the first has saved, and chooses', async ({ page, context, signet }) => {
    const person = await Dashboard.signUp(signet);
    const { path } = await person.addWebhook('https://hooks.example.com/signet', ['task.completed']);
    await signIn(page, signet);
    const edit = `${signet.origin}${path}/edit`;
    await page.goto(edit);
    const other = await context.newPage();
    await other.goto(edit);
    await other.getByLabel('Description').fill('The first');
    await other.getByRole('button', { name: 'Save webhook' }).last().click();
    await expect(other.getByText('Webhook saved.')).toBeVisible();
    await other.close();
    await page.getByLabel('Description').fill('The second');
    await page.getByRole('button', { name: 'Save webhook' }).last().click();
    await expect(page).toHaveTitle(/^Error: /);
    await expect(page.getByText('The first', { exact: true })).toBeVisible();
    await expect(page.getByText('The second', { exact: true })).toBeVisible();
    await page.getByLabel('Keep mine').check();
    await page.getByRole('button', { name: 'Save webhook' }).last().click();
    await expect(page.getByText('Webhook saved.')).toBeVisible();
    await page.goto(edit);
    await expect(page.getByLabel('Description')).toHaveValue('The second');
  });

  test('a form that is sent again from the history makes nothing more', async ({ page, signet }) => {
    await Dashboard.signUp(signet);
    await signIn(page, signet);
    await page.goto(`${signet.origin}/settings/api-keys`);
    await page.getByLabel('Name').fill('Backend');
    await page.getByRole('button', { name: 'Create API key' }).dblclick();
    await expect(page.getByText('signet_sk_').first()).toBeVisible();
    await page.goto(`${signet.origin}/settings/api-keys`);
    await expect(page.getByRole('row').filter({ hasText: 'Backend' })).toHaveCount(1);
  });

  test('all errors are listed, lead to their fields, and have the focus', async ({ page, signet }) => {
    await Dashboard.signUp(signet);
    await signIn(page, signet);
    await page.goto(`${signet.origin}/settings/webhooks/new`);
    await page.getByLabel('URL', { exact: true }).fill('http://hooks.example.com');
    for (const box of await page.locator('input[name=event]').all()) await box.setChecked(false);
    await page.getByRole('button', { name: 'Save webhook' }).last().click();
    await expect(page).toHaveTitle(/^Error: /);
    const summary = page.getByRole('alert');
    await expect(summary).toBeFocused();
    await expect(summary.getByRole('link')).toHaveCount(2);
    await summary.getByRole('link').first().click();
    await expect(page.getByLabel('URL', { exact: true })).toBeFocused();
  });

  test('a draft is tested before it is saved, and what was typed stays', async ({ page, signet, receiver }) => {
    await Dashboard.signUp(signet);
    await signIn(page, signet);
    await page.goto(`${signet.origin}/settings/webhooks/new`);
    await page.getByLabel('URL', { exact: true }).fill(receiver.url);
    await page.getByLabel('Description').fill('Not saved yet');
    await page.getByRole('button', { name: 'Send test' }).click();
    await expect(page.getByText('The test has ended. Nothing is saved yet.')).toBeVisible();
    await expect(page.getByLabel('Description')).toHaveValue('Not saved yet');
    await page.goto(`${signet.origin}/settings/webhooks`);
    await expect(page.getByText('Not saved yet')).toHaveCount(0);
  });
}

test.describe('with JavaScript', stories);

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });
  stories();
});
