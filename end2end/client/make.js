// Makes the types of the API from a running server's own document, and checks and compiles
// the client that uses them.
import { execFile as execFileWithCallback } from 'node:child_process';
import fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import openapiTypescript, { astToString } from 'openapi-typescript';

const execFile = promisify(execFileWithCallback);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The module `shop.ts`, compiled against the document of this server. */
export async function makeClient(origin) {
  const types = astToString(await openapiTypescript(new URL('/openapi.json', origin)));
  await fs.mkdir(here('../test-results/client'), { recursive: true });
  await fs.writeFile(here('../test-results/client/api.d.ts'), types);
  await compile(here('tsconfig.json'));
  return import('../test-results/client/built/shop.js');
}

/** Throws what the compiler has to complain about. */
async function compile(project) {
  try {
    await execFile('npx', ['tsc', '--project', project], { cwd: here('.') });
  } catch ({ stdout }) {
    throw new Error(stdout);
  }
}
