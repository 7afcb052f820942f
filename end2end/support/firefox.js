// `npm run firefox`: the flow from signing in to re-enabling, in stock Firefox over WebDriver
// BiDi. The browser is Firefox as its distributor made it, without patches.
import assert from 'node:assert/strict';
import fs from 'node:fs';

import puppeteer from 'puppeteer-core';

import { EMAIL, PASSWORD } from './dashboard.js';
import { makeScene } from './scene.js';

function firefox() {
  const known = [process.env.FIREFOX, '/usr/bin/firefox', '/usr/bin/firefox-esr'];
  const path = known.find((it) => it && fs.existsSync(it));
  if (!path) throw new Error('no Firefox was found: name it by the environment variable FIREFOX');
  return path;
}

const scene = await makeScene();
const { origin } = scene.signet;
const browser = await puppeteer.launch({ browser: 'firefox', executablePath: firefox(), headless: true });
const step = async (name, work) => {
  await work();
  console.log(`ok: ${name}`);
};
try {
  const page = await browser.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  const text = (selector) => page.$eval(selector, (it) => it.textContent);
  const press = async (label) => {
    const button = await page.waitForSelector(`::-p-xpath(//main//*[self::button or self::a][normalize-space()='${label}'])`);
    await Promise.all([page.waitForNavigation(), button.click()]);
  };
  await step('signing in', async () => {
    await page.goto(`${origin}${scene.disabled}`);
    await page.type('input[type=email]', EMAIL);
    await page.type('input[type=password]', PASSWORD);
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
    assert.ok(page.url().endsWith(scene.disabled), 'the page that was asked for first');
  });
  await step('the webhook is disabled, and says why', async () => {
    assert.match(await text('main'), /disabled/i);
    assert.match(await text('.page-head'), /Disabled/);
  });
  await step('a delivery is shown with its attempt', async () => {
    await page.goto(`${origin}${scene.delivery}`);
    assert.match(await text('main'), /200 OK/);
  });
  await step('the webhook is re-enabled, and its badge says so', async () => {
    scene.receiver.answer = () => ({ status: 200 });
    await page.goto(`${origin}${scene.disabled}`);
    await press('Re-enable');
    assert.match(await text('.page-head'), /Enabled/);
  });
  assert.deepEqual(faults, [], 'no script has failed');
} finally {
  await browser.close();
  await scene.end();
}
