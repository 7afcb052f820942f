import fs from 'node:fs';
import { defineConfig } from '@playwright/test';

// Where the system has a Chromium it is used; otherwise the one that
// `npx playwright install chromium` fetches.
const SYSTEM = '/usr/bin/chromium';
const launchOptions = fs.existsSync(SYSTEM) ? { executablePath: SYSTEM, args: ['--no-sandbox'] } : {};

export default defineConfig({
  testDir: 'browser',
  outputDir: 'test-results',
  timeout: 240_000,
  expect: { timeout: 15_000 },
  workers: 2,
  reporter: [['list']],
  use: { browserName: 'chromium', launchOptions, locale: 'en-GB', trace: 'retain-on-failure' },
});
