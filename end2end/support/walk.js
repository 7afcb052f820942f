// Walks through a page: runs its commands, and compares their answers with
// the ones that stand behind them as comments.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';

const README = await fs.readFile(new URL('../../README.md', import.meta.url), 'utf8');

/**
 * The commands of a section: each with its expected answer, if one stands behind it, and the
 * prose before its block of code.
 */
export function steps(heading) {
  const section = README.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
  if (!section) throw new Error(`the README has no section “${heading}”`);
  const blocks = section.matchAll(/(.*?)```sh by \S+\n(.*?)```/gs);
  return [...blocks].flatMap(([, prose, code]) => commands(code).map((step) => ({ prose, ...step })));
}

/** The commands of a block: a comment with JSON ends one, and so does the block. */
export function commands(code) {
  const found = [...code.matchAll(/(.*?)(?:^# (\{[^\n]*\})\n|$(?![\s\S]))/gms)];
  const read = found.map(([, text, answer]) => ({ text: text.trim(), answer: answer && JSON.parse(answer) }));
  return read.filter(({ text }) => text !== '');
}

/** Printed by a shell when commands have ended. */
const END = '-- the commands have ended --\n';

/** One shell for all commands, which keeps its variables and functions. */
export class Shell {
  #printed = '';
  /** The last text of an answer that begins so, by the placeholder that stands for it. */
  #seen = new Map();

  /** `replaced` are pairs of texts: as in the page, and as here. `options` are those of the process. */
  constructor(replaced, options = {}) {
    this.replaced = replaced;
    this.bash = spawn('bash', ['-eu'], { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
    this.bash.stdout.setEncoding('utf8').on('data', (text) => (this.#printed += text));
    this.closed = once(this.bash, 'close');
  }

  /** Commands, with the texts of here. */
  translate(text) {
    let translated = text;
    for (const [there, here] of [...this.replaced, ...this.#seen]) translated = translated.replaceAll(there, here);
    return translated;
  }

  /** Runs commands, and returns what they print. */
  async run(text) {
    this.#printed = '';
    this.bash.stdin.write(`${this.translate(text)}\nprintf '%s\\n' '${END.trim()}'\n`);
    while (!this.#printed.endsWith(END)) {
      if (this.bash.exitCode !== null) throw new Error(`${text}\n${this.#printed}`);
      await Promise.race([once(this.bash.stdout, 'data'), this.closed]);
    }
    const printed = this.#printed.slice(0, -END.length);
    for (const [found, prefix] of printed.matchAll(/(ep_|whsec_)[\w+/=]+/g)) this.#seen.set(`${prefix}…`, found);
    return printed;
  }

  /** The answer, as JSON, that a command prints. */
  async answer(text) {
    return JSON.parse(await this.run(text));
  }

  close() {
    this.bash.stdin.end();
  }
}

/** What an answer lacks of an expected one, in which `…` stands for the rest of a text. */
export function difference(answer, expected, at = '') {
  const differs = `${at}: ${JSON.stringify(answer)} is not ${JSON.stringify(expected)}`;
  if (typeof expected === 'string' && expected.endsWith('…')) {
    return String(answer).startsWith(expected.slice(0, -1)) ? undefined : differs;
  }
  if (expected === null || typeof expected !== 'object') return Object.is(answer, expected) ? undefined : differs;
  if (answer === null || typeof answer !== 'object') return differs;
  if (Array.isArray(expected) && answer.length !== expected.length) return differs;
  const members = Object.entries(expected).map(([name, value]) => difference(answer[name], value, `${at}/${name}`));
  return members.find((one) => one !== undefined);
}
