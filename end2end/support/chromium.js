// Where the browser is: the system's Chromium if there is one, otherwise
// Playwright's own. Run by itself, it fetches that one where it is needed.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { pathToFileURL } from 'node:url';

const SYSTEM = '/usr/bin/chromium';
const isInstalled = fs.existsSync(SYSTEM);

/** What Playwright is told; the system's Chromium may run where no sandbox can be made. */
export const launchOptions = isInstalled ? { executablePath: SYSTEM, args: ['--no-sandbox'] } : {};

if (import.meta.url === pathToFileURL(process.argv[1]).href && !isInstalled) {
  execFileSync('npx', ['playwright', 'install', 'chromium'], { stdio: 'inherit' });
}
