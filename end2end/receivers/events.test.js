// Events in: idempotency, batches, accounts, balances and refusals.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { makeCertificates } from '../support/certificates.js';
import { Producer } from '../support/producer.js';
import { Receiver } from '../support/receiver.js';
import { startService } from '../support/service.js';

const LIMIT = { timeout: 60_000 };

let signet, dashboard, receiver, producer;

before(async () => {
  const certificates = await makeCertificates();
  ({ signet, dashboard, producer } = await startService(certificates));
  receiver = await Receiver.standard(certificates);
  const { secret } = await dashboard.addWebhook(receiver.url, await dashboard.eventTypes());
  receiver.secret = secret;
}, LIMIT);

after(async () => {
  receiver?.close();
  await signet?.discard();
});

/** All arrivals since the last call, once no delivery is pending. */
async function allArrivals() {
  await signet.settled();
  const arrived = receiver.arrivals.takeAll();
  for (const arrival of arrived) assert.equal(arrival.verified, true, arrival.error);
  return arrived;
}

const event = (taskId) => JSON.stringify({ event: 'task.completed', taskId, solution: { token: 'x' } });

test('a repeated request gets the same answer and sends no second event', LIMIT, async () => {
  const headers = { 'idempotency-key': 'order 42' };
  const first = await producer.request('POST', '/v1/events', event('task_once'), headers);
  const second = await producer.request('POST', '/v1/events', event('task_once'), headers);
  assert.deepEqual([first.status, second.status], [202, 202]);
  assert.deepEqual(second.body, first.body);
  const arrived = await allArrivals();
  assert.deepEqual(arrived.map(({ body }) => body.taskId), ['task_once']);
});

test('an idempotency key that was used for another request is refused', LIMIT, async () => {
  const headers = { 'idempotency-key': 'order 43' };
  await producer.send(event('task_first'), headers);
  const other = await producer.request('POST', '/v1/events', event('task_other'), headers);
  assert.equal(other.status, 422);
  assert.match(other.headers.get('content-type'), /^application\/problem\+json/);
  const arrived = await allArrivals();
  assert.deepEqual(arrived.map(({ body }) => body.taskId), ['task_first']);
});

test('requests with one idempotency key that race send one event', LIMIT, async () => {
  const headers = { 'idempotency-key': 'order 44' };
  const answers = await Promise.all(Array.from({ length: 8 }, () => producer.send(event('task_race'), headers)));
  assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
  assert.equal((await allArrivals()).length, 1);
});

test('one bad entry of a batch spoils no other', LIMIT, async () => {
  const entries = [
    { event: 'task.completed', taskId: 'task_a', solution: {} },
    { event: 'task.completed', taskId: 'task_b' },
    { event: 'task.failed', taskId: 'task_c', errorId: 1, errorCode: 'E', idempotencyKey: 'c' },
  ];
  const answer = await producer.request('POST', '/v1/events/batch', JSON.stringify(entries));
  const [a, b, c] = answer.body.results;
  assert.match(a.id, /^evt_/);
  assert.equal(b.error.errors[0].pointer, '/1/solution');
  assert.match(c.id, /^evt_/);
  const arrived = await allArrivals();
  assert.deepEqual(arrived.map(({ body }) => body.taskId).sort(), ['task_a', 'task_c']);
});

test('balance.low is sent once at each crossing', LIMIT, async () => {
  const setBalance = async (balance) => {
    const answer = await producer.request('PUT', '/v1/accounts/default/balance', JSON.stringify({ balance }));
    assert.equal(answer.status, 204, JSON.stringify(answer));
  };
  const low = async () => (await allArrivals()).map(({ body }) => [body.event, body.balance, body.threshold]);

  await dashboard.submit('/settings/account/threshold', { threshold: '50' });
  for (const balance of [60, 50]) await setBalance(balance);
  assert.deepEqual(await low(), [], 'a balance at the threshold is not low');
  await setBalance(45.5);
  assert.deepEqual(await low(), [['balance.low', 45.5, 50]]);
  for (const balance of [45, 10.25]) await setBalance(balance);
  assert.deepEqual(await low(), [], 'the balance was low already');
  for (const balance of [50, 49.99]) await setBalance(balance);
  assert.deepEqual(await low(), [['balance.low', 49.99, 50]]);
  await setBalance(70);
  await dashboard.submit('/settings/account/threshold', { threshold: '70.5' });
  assert.deepEqual(await low(), [['balance.low', 70, 70.5]], 'raising the threshold is a crossing');
});

test('the body of balance.low prints shortest numbers', LIMIT, async () => {
  await producer.request('PUT', '/v1/accounts/default/balance', '{"balance":1e2}');
  await producer.request('PUT', '/v1/accounts/default/balance', '{"balance":20.50}');
  const [{ text }] = await allArrivals();
  assert.match(text, /^\{"event":"balance\.low","balance":20\.5,"threshold":70\.5,"timestamp":"[\d:TZ-]{20}"\}$/);
});

test('a refusal points to the member at fault', LIMIT, async () => {
  for (const [body, pointer] of [
    ['{"event":"task.completed"', ''],
    ['{}', '/event'],
    ['{"event":"task.deleted"}', '/event'],
    ['{"event":"task.completed","taskId":"t","solution":{"a":[9007199254740993]}}', '/solution/a/0'],
    ['{"event":"task.completed","taskId":"t","solution":{"a":"\\ud800"}}', '/solution/a'],
    ['{"event":"task.completed","taskId":"t","solution":{},"extra":1}', '/extra'],
  ]) {
    const answer = await producer.request('POST', '/v1/events', body);
    assert.equal(answer.status, 422, `${body} ${JSON.stringify(answer.body)}`);
    assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
    assert.equal(answer.body.errors[0].pointer, pointer, JSON.stringify(answer.body));
  }
  assert.deepEqual(await allArrivals(), []);
});

test('an event without a valid API key is refused', LIMIT, async () => {
  const { id } = /\/settings\/api-keys\/(?<id>key_\w+)\/revoke/.exec(await dashboard.open('/settings/api-keys')).groups;
  const revoked = new Producer(signet.origin, await dashboard.addApiKey('revoked'));
  const page = await dashboard.open('/settings/api-keys');
  const added = [...page.matchAll(/\/settings\/api-keys\/(key_\w+)\/revoke/g)].map(([, key]) => key).find((key) => key !== id);
  assert.equal((await revoked.request('POST', '/v1/events', event('t'))).status, 202);
  await dashboard.submit(`/settings/api-keys/${added}/revoke`);
  for (const stranger of [revoked, new Producer(signet.origin, 'sk_wrong'), new Producer(signet.origin, '')]) {
    const answer = await stranger.request('POST', '/v1/events', event('task_stranger'));
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
  }
  assert.deepEqual((await allArrivals()).map(({ body }) => body.taskId), ['t']);
});

test('an API key serves its own account alone, and a key of the operator serves all', LIMIT, async () => {
  await signet.command('account', 'add', 'other');
  const named = (account) => JSON.stringify({ account, event: 'task.completed', taskId: account, solution: {} });
  const stranger = new Producer(signet.origin, await signet.command('key', 'add', '--account', 'other', '--name', 'x'));
  const operator = new Producer(signet.origin, await signet.command('key', 'add', '--name', 'operator'));

  const refused = await stranger.request('POST', '/v1/events', named('default'));
  assert.equal(refused.status, 403);
  const balance = await stranger.request('PUT', '/v1/accounts/default/balance', '{"balance":1}');
  assert.equal(balance.status, 404, 'the answer does not tell if the account exists');
  assert.equal((await stranger.send(named('other'))).deliveries, 0);
  assert.equal((await operator.send(named('other'))).deliveries, 0);
  assert.equal((await operator.send(named('default'))).deliveries, 1);
  assert.deepEqual((await allArrivals()).map(({ body }) => body.taskId), ['default']);
});
