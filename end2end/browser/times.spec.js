// Times in the reader's zone: chosen or detected, absolute and relative, by mouse and keyboard.
import { AxeBuilder } from '@axe-core/playwright';

import { expect, signIn, test } from '../support/browser.js';
import { Dashboard } from '../support/dashboard.js';

const PAGE = '/settings/you';

test.describe('in Vienna', () => {
  test.use({ timezoneId: 'Europe/Vienna' });

  test('the zone of the browser is used from the first page on, with UTC beside it', async ({ page, signet }) => {
    await Dashboard.signUp(signet);
    await signIn(page, signet);
    await page.goto(`${signet.origin}${PAGE}`);
    const time = page.locator('main time').first();
    await expect(time).toHaveAttribute('title', /(CET|CEST) · .*UTC/);
    await expect(page.locator('.page-foot')).toContainText('Times in Europe/Vienna');
  });

  test('a chosen zone counts for more than that of the browser', async ({ page, signet }) => {
    await Dashboard.signUp(signet);
    await signIn(page, signet);
    await page.goto(`${signet.origin}${PAGE}`);
    await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
    await page.getByRole('button', { name: 'Save time zone' }).click();
    await expect(page.locator('.page-foot')).toContainText('Times in Asia/Tokyo');
    await expect(page.locator('main time').first()).toHaveAttribute('title', /JST · .*UTC/);
  });
});

test('absolute and relative times are reached by keyboard, and the choice is remembered', async ({ page, signet }) => {
  await Dashboard.signUp(signet);
  await signIn(page, signet);
  await page.goto(`${signet.origin}${PAGE}`);
  const time = page.locator('main time').first();
  await expect(time).toContainText(/ago|just now/);
  const exact = page.getByRole('button', { name: 'Exact times' });
  await exact.focus();
  await page.keyboard.press('Enter');
  await expect(exact).toHaveAttribute('aria-pressed', 'true');
  await expect(time.locator('.when-full')).toBeVisible();
  await expect(time.locator('.when-ago')).toBeHidden();
  await page.reload();
  await expect(time.locator('.when-full')).toBeVisible();
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
  expect(violations).toEqual([]);
});

test('relative times age', async ({ page, signet }) => {
  await Dashboard.signUp(signet);
  await page.clock.install();
  await signIn(page, signet);
  await page.goto(`${signet.origin}${PAGE}`);
  await page.clock.fastForward(180_000);
  await page.clock.runFor(2_000);
  await expect(page.locator('main time').first()).toContainText('3 min ago');
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('times are in UTC, and in full after the press of a button', async ({ page, signet }) => {
    await Dashboard.signUp(signet);
    await signIn(page, signet);
    await page.goto(`${signet.origin}${PAGE}`);
    await expect(page.locator('.page-foot')).toContainText('Times in UTC');
    await page.getByRole('button', { name: 'Exact times' }).click();
    await expect(page).toHaveURL(`${signet.origin}${PAGE}`);
    await expect(page.locator('main time .when-full').first()).toContainText('UTC');
    await expect(page.locator('main time .when-full').first()).toBeVisible();
  });
});
