import { defineConfig } from '@playwright/test';

import { launchOptions } from './support/chromium.js';

export default defineConfig({
  testDir: 'browser',
  outputDir: 'test-results',
  timeout: 240_000,
  expect: { timeout: 15_000 },
  // Each story has a server of its own.
  fullyParallel: true,
  workers: 2,
  reporter: [['list']],
  use: { browserName: 'chromium', launchOptions, locale: 'en-GB', trace: 'retain-on-failure' },
});
