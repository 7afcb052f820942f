// A real `signet serve` process on a free port, with an empty SQLite database in a
// temporary folder unless it is told of another one.
import { execFile as execFileWithCallback, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execFile = promisify(execFileWithCallback);

/** The binary that is tested. */
export const BINARY = process.env.SIGNET_BIN ?? fileURLToPath(new URL('../../target/debug/signet', import.meta.url));
/** The variables of a process that is tested. */
export const ENVIRONMENT = { PATH: process.env.PATH, SIGNET_LOG_LEVEL: process.env.SIGNET_LOG_LEVEL ?? 'warn' };

export class Signet {
  /** Starts a server; `options` are added to the command line, and `environment` to the variables. */
  static async start({ authority, options = [], database, environment = {}, listen = '127.0.0.1:0' }) {
    const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'signet-end2end-'));
    const trusted = path.join(folder, 'authority.pem');
    await fs.writeFile(trusted, authority);
    const signet = new Signet();
    signet.listen = listen;
    signet.folder = folder;
    signet.database = database ?? `sqlite:${folder}/signet.db`;
    signet.environment = { ...ENVIRONMENT, ...environment };
    signet.options = ['--database', signet.database, '--dev', '--trust-ca', trusted, ...options];
    await signet.run();
    return signet;
  }

  /** Starts the process, also after a stop, and waits until it prints its address. */
  async run() {
    this.process = spawn(BINARY, ['serve', '--listen', this.listen, ...this.options], {
      cwd: this.folder,
      env: this.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.log = '';
    this.process.stderr.setEncoding('utf8').on('data', (text) => (this.log += text));
    const announced = await this.#announcement();
    this.origin = /is running: (\S+)/.exec(announced)[1];
    this.setupLink = /(http\S+\/setup\/\S+)/.exec(announced)?.[1];
  }

  /** The output at the start, up to the empty line that ends it. */
  #announcement() {
    return new Promise((resolve, reject) => {
      let printed = '';
      this.process.on('error', reject);
      this.process.on('exit', (code) => reject(new Error(`signet ended with ${code}:\n${printed}${this.log}`)));
      this.process.stdout.setEncoding('utf8').on('data', (text) => {
        printed += text;
        if (printed.includes('is running:') && printed.endsWith('\n\n')) resolve(printed);
      });
    });
  }

  /** Runs another command of the binary on the same database and returns its output. */
  async command(...words) {
    const { stdout } = await execFile(BINARY, [...words, '--database', this.database], {
      cwd: this.folder,
      env: this.environment,
    });
    return stdout.trim();
  }

  /**
   * Waits until no delivery is pending. Deliveries are made side by side, so the
   * arrival of one does not mean that another has arrived as well.
   */
  async settled() {
    let ledger;
    do ledger = await this.command('check');
    while (/[1-9]\d* pending/.test(ledger));
  }

  /** Stops the process as an operator does and returns its exit code. */
  stop() {
    return this.#end('SIGTERM');
  }

  /** Ends the process without a warning, as a crash does. */
  kill() {
    return this.#end('SIGKILL');
  }

  async #end(signal) {
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    const [code] = await ended;
    return code;
  }

  /** Stops the process and removes its folder. */
  async discard() {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.stop();
    await fs.rm(this.folder, { recursive: true, force: true });
  }
}
