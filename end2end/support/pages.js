// The blocks of code in the documentation, and the one place where what they name is replaced by
// what a test has: hosts, ports, programs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { BINARY, ENVIRONMENT } from './signet.js';
import { Shell } from './walk.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Each page of the documentation, by its path, with its blocks of shell commands. */
export async function pages() {
  const entries = await fs.readdir(path.join(ROOT, 'docs'), { recursive: true });
  const names = ['README.md', ...entries.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)];
  const read = names.sort().map(async (name) => ({ name, blocks: blocks(await fs.readFile(path.join(ROOT, name), 'utf8')) }));
  return Promise.all(read);
}

/** The blocks in `sh`, each with what its info string says about its test (xtask/book/src/blocks.rs). */
function blocks(text) {
  const found = text.matchAll(/^ *```sh (.*)\n([\s\S]*?)^ *```/gm);
  return [...found].map(([, how, commands]) => ({ how: how.trim(), commands }));
}

/** A port on which no program listens at this moment. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** The world of one page: a folder, a server that the page starts or that stands ready, a shell. */
export class Walk {
  #started = [];

  static async begin(folder) {
    const walk = new Walk();
    walk.folder = folder;
    walk.port = await freePort();
    const programs = path.join(folder, 'bin');
    await fs.mkdir(programs);
    // The commands need not ask for less output.
    await fs.writeFile(path.join(folder, '.curlrc'), 'silent\nshow-error\n');
    await fs.symlink(path.resolve(BINARY), path.join(programs, 'signet'));
    // `SIGNET_DATABASE` and the ports are set here, so that the commands of a page need not name them.
    walk.environment = {
      ...ENVIRONMENT,
      HOME: folder,
      PATH: `${programs}:${process.env.PATH}`,
      SIGNET_DATABASE: `sqlite:${folder}/signet.db`,
      SIGNET_LISTEN: '127.0.0.1:0',
      SIGNET_RECEIVE_PORT: String(walk.port),
    };
    walk.replaced = [
      ['https://localhost:9000/', `https://localhost:${walk.port}/`],
      ['target/debug/signet', 'signet'],
      ['sqlite:data/signet.db', walk.environment.SIGNET_DATABASE],
    ];
    walk.shell = new Shell(walk.replaced, { cwd: folder, env: walk.environment });
    return walk;
  }

  /** What a page that starts no server takes for granted: one, with an account `acme`. */
  async startServer() {
    await this.start('signet serve --dev');
    await this.shell.run('signet account add acme');
  }

  /** Starts a program that goes on, and waits for the first lines that it prints. */
  async start(commands) {
    const text = this.shell.translate(commands);
    const program = spawn('bash', ['-euc', `exec ${text.trim()}`], {
      cwd: this.folder,
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#started.push(program);
    let printed = '';
    for (const stream of [program.stdout, program.stderr]) stream.setEncoding('utf8').on('data', (text) => (printed += text));
    const ended = once(program, 'exit').then(([code]) => {
      throw new Error(`${text}ended with ${code}:\n${printed}`);
    });
    ended.catch(() => {});
    const isServer = /^signet serve\b/.test(text);
    while (isServer ? !/is running: \S+\n/.test(printed) : printed === '') {
      await Promise.race([once(program.stdout, 'data'), ended]);
    }
    if (isServer) this.replaced.push(['http://127.0.0.1:8080', /is running: (\S+)/.exec(printed)[1]]);
  }

  /** Ends all programs that the page has started, the last one first. */
  async end() {
    this.shell.close();
    for (const program of this.#started.reverse()) {
      if (program.exitCode !== null || program.signalCode !== null) continue;
      program.kill('SIGTERM');
      await once(program, 'exit');
    }
  }
}
