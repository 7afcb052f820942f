// The story of the README, by its own commands.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { freePort } from '../support/pages.js';
import { BINARY, Signet } from '../support/signet.js';
import { Shell, difference, steps } from '../support/walk.js';

const LIMIT = { timeout: 180_000 };

let folder, signet, receiver, shell;

before(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'signet-story-'));
}, LIMIT);

after(async () => {
  shell?.close();
  await stopReceiver();
  await signet?.discard();
  await fs.rm(folder, { recursive: true, force: true });
});

/** Starts `signet receive`, and waits until it receives. */
async function startReceiver(command, port) {
  const [program, ...words] = command.replaceAll("'", '').split(/\s+/);
  receiver = spawn(program, [...words, '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(receiver.stdout, 'data');
  receiver.stdout.resume();
}

async function stopReceiver() {
  if (!receiver || receiver.exitCode !== null) return;
  receiver.kill('SIGINT');
  await once(receiver, 'exit');
}

test('each command of the story is answered as the README says', LIMIT, async () => {
  const authority = path.join(folder, 'receiver-ca.pem');
  execFileSync(BINARY, ['receive', '--make-ca', '--ca', authority]);
  const [serve, ...story] = steps('A story, told by curl');
  const [, options] = /^cargo xtask run -- (.*?) *#/.exec(serve.text);
  signet = await Signet.start({ authority: await fs.readFile(authority), options: options.split(' ') });
  const port = await freePort();
  shell = new Shell([
    ['http://127.0.0.1:8080', signet.origin],
    ['target/debug/signet', BINARY],
    ['sqlite:data/signet.db', signet.database],
    ['data/receiver-ca.pem', authority],
    ['https://localhost:9000/', `https://localhost:${port}/`],
  ]);
  for (const { prose, text, answer } of story) {
    if (prose.includes('Stop it')) await stopReceiver();
    if (text.includes(' receive ')) await startReceiver(shell.translate(text), port);
    else if (answer) await answered(text, answer);
    else await shell.run(text);
  }
});

/** Runs a command; one that only reads is repeated until it is answered as expected. */
async function answered(text, expected) {
  for (;;) {
    const answer = await shell.answer(text);
    const lacking = difference(answer, expected);
    if (lacking === undefined) return;
    assert.match(text, /^api GET /, `${text}\n${lacking}\n${JSON.stringify(answer, null, 1)}`);
  }
}
