// Each command of the documentation is run, in the order of its page, and answered as the page
// says. The other blocks are checked by xtask/book/tests/blocks.rs.
import assert from 'node:assert/strict';
import { execFile as execFileWithCallback } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { Walk, pages } from '../support/pages.js';
import { BINARY, ENVIRONMENT } from '../support/signet.js';
import { commands, difference } from '../support/walk.js';

const LIMIT = { timeout: 180_000 };
const execFile = promisify(execFileWithCallback);

/** A secret, for an option that takes nothing else. */
const SECRET = 'whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=';

const all = await pages();
const isRun = ({ how }) => how === 'run' || how === 'start';

for (const { name, blocks } of all.filter(({ blocks }) => blocks.some(isRun))) {
  test(`the commands of ${name} do what it says`, LIMIT, async () => {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'signet-page-'));
    const walk = await Walk.begin(folder);
    try {
      const run = blocks.filter(isRun);
      // A page about something else takes a server for granted.
      if (!run.some(({ how, commands }) => how === 'start' && /signet serve/.test(commands))) await walk.startServer();
      for (const block of run) {
        if (block.how === 'start') await walk.start(block.commands);
        else for (const step of commands(block.commands)) await answered(walk, step);
      }
    } finally {
      await walk.end();
      await fs.rm(folder, { recursive: true, force: true });
    }
  });
}

/** Runs commands; if an answer is expected, the last one must print it. Without one, none is refused. */
async function answered(walk, { text, answer }) {
  if (!answer) return assert.doesNotMatch(await walk.shell.run(text), /"status": ?[45]\d\d/, text);
  const given = await walk.shell.answer(text);
  const lacking = difference(given, JSON.parse(walk.shell.translate(JSON.stringify(answer))));
  assert.equal(lacking, undefined, `${text}\n${lacking}\n${JSON.stringify(given, null, 1)}`);
}

test('the options of commands that are not run exist', LIMIT, async () => {
  const lines = all.flatMap(({ name, blocks }) =>
    blocks.filter((block) => !isRun(block)).flatMap(({ commands }) => signetCommands(commands).map((line) => [name, line])),
  );
  assert.ok(lines.length > 10, 'commands are found');
  for (const [name, line] of lines) {
    const tried = `signet() { "$BINARY" "$@" --help > /dev/null; }\n${line.replaceAll('whsec_…', SECRET)}`;
    const environment = { ...ENVIRONMENT, BINARY: path.resolve(BINARY) };
    const failure = await execFile('bash', ['--norc', '-c', tried], { env: environment, cwd: os.tmpdir() }).then(() => undefined, (error) => error);
    assert.equal(failure, undefined, `${name}: ${line}\n${failure?.stderr}`);
  }
});

/** The lines that call `signet`, without what a shell does with their output. */
function signetCommands(text) {
  const lines = text.replaceAll(/\\\n\s*/g, ' ').split('\n').map((line) => line.trim().replace(/^target\/(debug|release)\//, ''));
  return lines.filter((line) => line.startsWith('signet ')).map((line) => line.split(/ #| \||>|<|;|&/)[0]);
}
