// The browser of the tests: the system's Chromium, or else Playwright's own, which
// this file installs when it runs as a program.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

const SYSTEM = '/usr/bin/chromium';
const isInstalled = fs.existsSync(SYSTEM);

/** Options for Playwright. A container may allow no sandbox to the system's Chromium. */
export const launchOptions = isInstalled ? { executablePath: SYSTEM, args: ['--no-sandbox'] } : {};

if (import.meta.url === pathToFileURL(process.argv[1]).href && !isInstalled) {
  execFileSync('npx', ['playwright', 'install', 'chromium'], { stdio: 'inherit' });
}
