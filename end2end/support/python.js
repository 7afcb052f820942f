// Standard Webhooks' library for Python, in the environment that `cargo xtask` makes.
import { execFile as execFileWithCallback } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execFile = promisify(execFileWithCallback);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const PYTHON = process.env.SIGNET_TEST_PYTHON ?? here('../../target/python/bin/python');

/** The parsed body of a delivery; throws unless the library verifies it. */
export async function verifiedInPython({ secret, text, headers }) {
  const run = execFile(PYTHON, [here('verify.py')]);
  run.child.stdin.end(JSON.stringify({ secret, text, headers }));
  return JSON.parse((await run).stdout);
}
