// Stores a database of the present version with data in it, as text, for the test of later
// migrations (engine/tests/engine/versions). Run it before a migration is added:
//
//   SIGNET_BIN=… SIGNET_TEST_POSTGRES_URL=… npm run store-version -- 0006
//
// `facts` beside each dump says what the data is: the test expects it after each migration.
// It needs the programs sqlite3, psql and pg_dump.
import fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { makeCertificates } from '../support/certificates.js';
import { Dashboard, EMAIL, PASSWORD } from '../support/dashboard.js';
import { Producer } from '../support/producer.js';
import { Signet } from '../support/signet.js';
import { Postgres, Sqlite } from './database.js';
import { Paths } from './paths.js';
import { People } from './people.js';

/** Seals the secrets of the dumps; for tests only. */
const SEALING_KEY = Buffer.alloc(32, 7).toString('base64');
/** Stands in the dumps for the receiver, whose port is another one in each run. */
const PLACEHOLDER = 'https://localhost:9/';
const TYPES = ['task.completed', 'task.failed', 'balance.low'];
/** Every way in which one webhook can want some of the three event types. */
const COMBINATIONS = Array.from({ length: 7 }, (_, place) => TYPES.filter((_, bit) => (place + 1) & (1 << bit)));

const version = process.argv[2];
if (!/^\d{4}$/.test(version)) throw new Error('name the number of the last migration, such as 0006');
const folder = new URL(`../../engine/tests/engine/versions/${version}/`, import.meta.url);
await fs.mkdir(folder, { recursive: true });
for (const database of [await Sqlite.make(), await Postgres.make()]) {
  const { dump, facts } = await store(database);
  await fs.writeFile(new URL(`${database.name}.sql`, folder), dump);
  await fs.writeFile(new URL(`${database.name}.json`, folder), `${JSON.stringify(facts, null, 1)}\n`);
  await database.remove();
  console.log(`${fileURLToPath(folder)}${database.name}.sql: ${dump.length} bytes`);
}

/** Uses the service for a while, and ends in the middle of an attempt. */
async function store(database) {
  const certificates = await makeCertificates();
  const paths = await Paths.listen(certificates);
  const start = (...options) =>
    Signet.start({
      authority: certificates.authority,
      database: database.url,
      environment: { SIGNET_KEY: SEALING_KEY },
      options: ['--retry-jitter', '0', '--release-rate', '1000', ...options],
    });

  let signet = await start('--retry-delays', '20ms');
  const { facts, people } = await firstRun(signet, paths);
  await signet.discard();

  signet = await start('--retry-delays', '1h');
  await secondRun(signet, paths, people, database);
  await signet.kill();
  paths.close();

  await spoil(database);
  Object.assign(facts, await database.facts(paths));
  facts.broken = await signet.command('check').then(() => [], brokenRows);
  await signet.discard();
  return { dump: (await database.dump()).replaceAll(paths.origin, PLACEHOLDER), facts };
}

/** Failed attempts are repeated at once, and once. */
async function firstRun(signet, paths) {
  const ada = await Dashboard.signUp(signet);
  await signet.command('account', 'add', 'unclaimed');
  const link = /http\S+/.exec(await signet.command('account', 'add', 'shop'))[0];
  const grace = await Dashboard.signUp(signet, 'grace@example.com', link);
  await ada.submit('/settings/account/threshold', { threshold: '50' });

  const keys = { revoked: await ada.addApiKey('revoked') };
  const revoke = /\/settings\/api-keys\/key_\w+\/revoke/.exec(await ada.open('/settings/api-keys'))[0];
  await ada.submit(revoke);
  keys.account = await ada.addApiKey();
  keys.shop = await grace.addApiKey('shop');
  keys.operator = await signet.command('key', 'add', '--name', 'operator');
  const people = new People(signet, ada, keys, paths);

  for (const wanted of COMBINATIONS) await people.add(`wants/${wanted.join('+')}`, wanted);
  await people.sends('task_1');
  await ada.sendTest(people.webhooks['wants/task.failed'], 'task.failed');
  await people.producer.complete('task_text', '{"grüße":"日本語 😀 \\u2028","numbers":[1e21,0.1,-0],"2":1,"1":2}', { 'idempotency-key': 'order 42' });
  const batch = [
    { event: 'task.completed', taskId: 'task_batch', solution: {}, idempotencyKey: 'batch 1' },
    { event: 'task.failed', taskId: 'task_batch', errorId: 1, errorCode: 'E' },
  ];
  await people.producer.request('POST', '/v1/events/batch', JSON.stringify(batch));
  await signet.settled();

  await people.add('retries-exhausted', TYPES, 500);
  await people.add('gone', ['balance.low'], 410);
  await people.add('paused', TYPES);
  await people.add('deleted', TYPES);
  await people.sends('task_2');
  await signet.settled();
  await ada.submit(`${people.webhooks.paused}/pause`);
  await ada.submit(`${people.webhooks.deleted}/delete`);
  await people.sends('task_3');
  await signet.settled();

  await people.add('discarded', ['task.completed']);
  await people.add('released', ['task.completed']);
  for (const name of ['discarded', 'released']) await ada.submit(`${people.webhooks[name]}/pause`);
  await people.producer.complete('task_4', '{}');
  await ada.submit(`${people.webhooks.discarded}/enable`, { 'held.task.completed': 'discard' });
  await ada.submit(`${people.webhooks.released}/enable`, { 'held.task.completed': 'send' });
  await people.adds(grace, 'shop', ['task.completed']);
  await new Producer(signet.origin, keys.shop).complete('task_shop', '{}');
  await signet.settled();

  const sessions = [ada, grace].map(({ cookie }) => /=([^;]+)/.exec(cookie)[1]);
  return { facts: { sealing_key: SEALING_KEY, sessions, email: EMAIL, password: PASSWORD, keys }, people };
}

/** Failed attempts are repeated in an hour, and one attempt has no outcome. */
async function secondRun(signet, paths, people, database) {
  people.moved(signet);
  await people.add('rotating', ['task.completed'], 503);
  await people.add('pending', TYPES, 503);
  await people.add('holding', ['task.failed'], 503);
  for (const name of ['broken-url', 'broken-secret', 'broken-type']) await people.add(name, ['task.completed'], 503);
  await people.sends('task_5');
  await database.until("SELECT count(*) = 0 AS done FROM deliveries WHERE lease IS NOT NULL");
  await people.add('leased', ['task.failed'], 'hang');
  await people.producer.send({ event: 'task.failed', taskId: 'task_6', errorId: 1, errorCode: 'E' });
  await paths.hangs;
  await database.until("SELECT count(*) = 1 AS done FROM deliveries WHERE lease IS NOT NULL");
}

/** What no screen of this version can do, and rows that no version can read. */
async function spoil(database) {
  const named = (path) => `url LIKE '%/${path}'`;
  const endpoint = (path) => `(SELECT id FROM endpoints WHERE ${named(path)})`;
  await database.run(`
    UPDATE endpoints SET next_secret = secret, next_secret_at = created_at + ${database.day} WHERE ${named('rotating')};
    UPDATE endpoints SET hold_through = ${database.now} WHERE ${named('holding')};
    UPDATE endpoint_queues SET next_due_at = ${database.now} WHERE endpoint_id = ${endpoint('holding')};
    UPDATE deliveries SET event_type = 'NO TYPE' WHERE endpoint_id = ${endpoint('broken-type')};
    UPDATE endpoints SET secret = ${database.zero} WHERE ${named('broken-secret')};
    UPDATE accounts SET balance = ${database.noAmount} WHERE name = 'unclaimed';
    UPDATE endpoints SET url = 'https://a..b/broken-url' WHERE ${named('broken-url')};`);
}

/** The rows that `signet check` names. */
function brokenRows(failure) {
  return [...failure.stdout.matchAll(/\b[a-z]+_[0-9a-z]{26}\b/g)].map(([id]) => id).sort();
}
