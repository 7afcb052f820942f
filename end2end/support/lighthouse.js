// `npm run lighthouse`: measures the main pages as a phone would see them, prints a table, and
// fails where one of the four categories is below the limit.
import fs from 'node:fs';

import lighthouse from 'lighthouse';
import puppeteer from 'puppeteer-core';

import { EMAIL, PASSWORD } from './dashboard.js';
import { makeScene } from './scene.js';

const LIMIT = 98;
const CATEGORIES = ['performance', 'accessibility', 'best-practices', 'seo'];

function chromium() {
  const known = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'];
  const path = known.find((it) => it && fs.existsSync(it));
  if (!path) throw new Error('no Chromium was found: name it by the environment variable CHROMIUM');
  return path;
}

async function signIn(browser, origin) {
  const page = await browser.newPage();
  await page.goto(`${origin}/login`);
  await page.type('input[type=email]', EMAIL);
  await page.type('input[type=password]', PASSWORD);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await page.close();
}

const scene = await makeScene();
const { origin } = scene.signet;
const browser = await puppeteer.launch({ executablePath: chromium(), args: ['--no-sandbox'] });
let failed = false;
try {
  const measure = async (name, address) => {
    const page = await browser.newPage();
    // The session stays: Lighthouse would otherwise clear the cookies between two pages.
    const flags = { onlyCategories: CATEGORIES, disableStorageReset: true, output: 'json', logLevel: 'error' };
    const { lhr } = await lighthouse(new URL(address, origin).href, flags, undefined, page);
    await page.close();
    const scores = CATEGORIES.map((category) => Math.round(lhr.categories[category].score * 100));
    const low = CATEGORIES.filter((_, place) => scores[place] < LIMIT);
    const faults = low.flatMap((category) =>
      lhr.categories[category].auditRefs
        .filter(({ id, weight }) => weight > 0 && (lhr.audits[id].score ?? 1) < 1)
        .map(({ id }) => `${id}: ${lhr.audits[id].displayValue ?? lhr.audits[id].title}`),
    );
    failed ||= low.length > 0;
    return { page: name, ...Object.fromEntries(CATEGORIES.map((it, place) => [it, scores[place]])), faults: faults.join('; ') };
  };
  const table = [await measure('sign in', '/login')];
  await signIn(browser, origin);
  const pages = {
    webhooks: '/settings/webhooks',
    'add webhook': '/settings/webhooks/new',
    webhook: scene.webhook,
    'disabled webhook': scene.disabled,
    deliveries: '/settings/deliveries',
    delivery: scene.delivery,
    account: '/settings/account',
    you: '/settings/you',
  };
  for (const [name, address] of Object.entries(pages)) table.push(await measure(name, address));
  console.table(table);
} finally {
  await browser.close();
  await scene.end();
}
if (failed) {
  console.error(`A category is below ${LIMIT}.`);
  process.exitCode = 1;
}
