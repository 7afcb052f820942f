// The two databases, asked by their own programs and behind the service's back.
import crypto from 'node:crypto';
import { execFile as execFileWithCallback } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const execFile = promisify(execFileWithCallback);
const output = async (program, ...words) => (await execFile(program, words, { maxBuffer: 1 << 26 })).stdout;

class Database {
  /** Asks again until a statement's one row says that it is done. */
  async until(sql) {
    let row;
    do [row] = await this.rows(sql);
    while (!row.done);
  }

  /** What a later version must find again. */
  async facts(paths) {
    const tables = await this.rows(this.tables);
    const rows = {};
    for (const { name } of tables) rows[name] = (await this.rows(`SELECT count(*) AS n FROM ${name}`))[0].n;
    const [{ now }] = await this.rows(`SELECT ${this.micros(this.now)} AS now`);
    return { made_at: now, rows, webhooks: await this.#webhooks(paths), open: await this.#open(), answers: await this.#answers() };
  }

  async #webhooks(paths) {
    const found = await this.rows(
      `SELECT ${this.id('id')} AS id, ${this.id('account_id')} AS account, url, disabled_reason AS disabled,
         deleted_at IS NOT NULL AS deleted FROM endpoints ORDER BY id`,
    );
    return found.map(({ url, deleted, ...row }) => {
      const { wanted, secret } = paths.at(url) ?? {};
      return { ...row, deleted: Boolean(deleted), path: url.split('/').slice(3).join('/'), wanted, secret };
    });
  }

  /** Deliveries that are yet to be sent. */
  #open() {
    return this.rows(
      `SELECT ${this.id('d.id')} AS id, ${this.id('d.endpoint_id')} AS endpoint, d.state, d.event_type AS event, d.attempts, e.body
         FROM deliveries d JOIN events e ON e.account_id = d.account_id AND e.id = d.event_id
        WHERE d.state IN ('pending', 'held') ORDER BY d.id`,
    );
  }

  #answers() {
    return this.rows(
      `SELECT ${this.id('account_id')} AS account, key, ${this.hex('request_hash')} AS request, ${this.id('event_id')} AS event
         FROM idempotency_keys ORDER BY key`,
    );
  }
}

export class Sqlite extends Database {
  name = 'sqlite';
  now = "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)";
  day = '86400000000';
  zero = "X'00'";
  noAmount = '9e999';
  tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name";
  id = (column) => `lower(hex(${column}))`;
  hex = this.id;
  micros = (instant) => instant;

  static async make() {
    const database = new Sqlite();
    database.folder = await fs.mkdtemp(path.join(os.tmpdir(), 'signet-versions-'));
    database.file = path.join(database.folder, 'signet.db');
    database.url = `sqlite:${database.file}`;
    return database;
  }

  async rows(sql) {
    return JSON.parse((await output('sqlite3', '-json', '-cmd', '.timeout 10000', this.file, sql)) || '[]');
  }

  run(sql) {
    return output('sqlite3', this.file, sql);
  }

  dump() {
    return output('sqlite3', this.file, '.dump');
  }

  remove() {
    return fs.rm(this.folder, { recursive: true });
  }
}

export class Postgres extends Database {
  name = 'postgres';
  now = 'now()';
  day = "interval '1 day'";
  zero = "'\\x00'";
  noAmount = "'NaN'";
  // A table with its partitions once.
  tables = `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    AND NOT relispartition ORDER BY name`;
  id = (column) => `${column}::text`;
  hex = (column) => `encode(${column}, 'hex')`;
  micros = (instant) => `(extract(epoch FROM ${instant}) * 1000000)::bigint`;

  static async make() {
    const database = new Postgres();
    database.server = process.env.SIGNET_TEST_POSTGRES_URL;
    database.database = `signet_version_${crypto.randomBytes(8).toString('hex')}`;
    database.url = new URL(database.database, database.server).href;
    await output('psql', '--quiet', database.server, '--command', `CREATE DATABASE ${database.database}`);
    return database;
  }

  async rows(sql) {
    const text = await output('psql', '--no-align', '--tuples-only', this.url, '--command', `SELECT json_agg(found) FROM (${sql}) found`);
    return JSON.parse(text.trim() || '[]');
  }

  run(sql) {
    return output('psql', '--quiet', '--set', 'ON_ERROR_STOP=1', this.url, '--command', sql);
  }

  /** Without the lines that only psql understands. */
  async dump() {
    const text = await output('pg_dump', '--inserts', '--no-owner', '--no-privileges', '--no-comments', this.url);
    return text.split('\n').filter((line) => !/^\\|^--|^$|^SET transaction_timeout/.test(line)).join('\n');
  }

  remove() {
    return output('psql', '--quiet', this.server, '--command', `DROP DATABASE ${this.database}`);
  }
}
