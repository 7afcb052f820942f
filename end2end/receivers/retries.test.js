// A receiver that fails: retries, disabling, holding and recovery.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';

import { makeCertificates } from '../support/certificates.js';
import { encode } from '../support/dashboard.js';
import { Receiver } from '../support/receiver.js';
import { startService } from '../support/service.js';

const LIMIT = { timeout: 60_000 };
const FAILS = () => ({ status: 503, body: 'come back later' });
const WORKS = () => ({ status: 200 });

let certificates, signet, dashboard, producer, receiver, webhook;

before(async () => {
  certificates = await makeCertificates();
  const options = ['--retry-delays', '20ms,40ms', '--retry-jitter', '0', '--release-rate', '1000'];
  ({ signet, dashboard, producer } = await startService(certificates, options));
}, LIMIT);

// Each test has a webhook of its own, which the deliveries of other tests do not reach.
beforeEach(async () => {
  if (webhook) await dashboard.submit(`${webhook}/delete`);
  receiver?.close();
  receiver = await Receiver.express(certificates);
  const added = await dashboard.addWebhook(receiver.url, ['task.completed', 'task.failed']);
  receiver.secret = added.secret;
  webhook = added.path;
}, LIMIT);

after(async () => {
  receiver?.close();
  await signet?.discard();
});

test('a failed attempt is repeated with the same id and body until it arrives', LIMIT, async () => {
  const answers = [FAILS(), FAILS(), WORKS()];
  receiver.answer = () => answers.shift();
  await producer.complete('task_1', '{"token":"0.mF7gg2"}');
  const attempts = await receiver.arrivals.take(3);
  for (const attempt of attempts) {
    assert.equal(attempt.verified, true);
    assert.deepEqual(attempt.body, attempts[0].body);
    assert.equal(attempt.headers['webhook-id'], attempts[0].headers['webhook-id']);
  }
  assert.deepEqual(attempts.map(({ headers }) => headers['x-webhook-attempt']), ['1', '2', '3']);
  await dashboard.openUntil(`${webhook}/deliveries?state=delivered`, /200 OK/);
});

test('after the last retry the webhook is disabled, and new events are held until it is re-enabled', LIMIT, async () => {
  receiver.answer = FAILS;
  await producer.complete('task_given_up', '{}');
  await receiver.arrivals.take(3);
  const page = await dashboard.openUntil(webhook, /This webhook is disabled/);
  assert.match(page, /All attempts at a delivery failed/);

  receiver.answer = WORKS;
  assert.equal((await producer.complete('task_held', '{"kept":true}')).deliveries, 1);
  await producer.send({ event: 'task.failed', taskId: 'task_dropped', errorId: 10, errorCode: 'ERROR_ZERO_BALANCE' });
  const held = await dashboard.open(webhook);
  assert.match(held, /held\.task\.completed/);
  assert.match(held, /held\.task\.failed/);

  await dashboard.submit(`${webhook}/enable`, { 'held.task.completed': 'send', 'held.task.failed': 'discard' });
  const released = await receiver.arrivals.next();
  assert.equal(released.verified, true);
  assert.deepEqual([released.body.taskId, released.body.solution], ['task_held', { kept: true }]);

  await producer.complete('task_after', '{}');
  assert.equal((await receiver.arrivals.next()).body.taskId, 'task_after', 'a discarded delivery never arrives');
  assert.match(await dashboard.open(`${webhook}/deliveries?state=discarded`), /task\.failed/);
});

test('a failed delivery can be sent again, with the same id', LIMIT, async () => {
  receiver.answer = FAILS;
  await producer.complete('task_1', '{}');
  const [first] = await receiver.arrivals.take(3);
  await dashboard.openUntil(webhook, /This webhook is disabled/);
  await dashboard.submit(`${webhook}/enable`);
  receiver.answer = WORKS;
  const id = first.headers['webhook-id'];
  await dashboard.submit(`${webhook}/deliveries/${id}/resend`);
  const again = await receiver.arrivals.next();
  assert.equal(again.headers['webhook-id'], id);
  assert.equal(again.headers['x-webhook-attempt'], '4', 'the count of attempts goes on');
  assert.deepEqual(again.body, first.body);
});

test('all deliveries that failed since a time can be sent again, with the same ids', LIMIT, async () => {
  receiver.answer = () => ({ status: 410 });
  const failed = [];
  for (const task of ['task_1', 'task_2']) {
    await producer.complete(task, '{}');
    failed.push(await receiver.arrivals.next());
    await dashboard.openUntil(webhook, /This webhook is disabled/);
    if (task === 'task_1') await dashboard.submit(`${webhook}/enable`);
  }
  const form = await dashboard.open(`${webhook}/recover`);
  assert.match(form, /This webhook is disabled/);
  const since = /name="since" type="datetime-local" value="([^"]+)"/.exec(form)[1];
  const chosen = { since, event: ['task.completed', 'task.failed'] };
  const query = encode(chosen);
  await dashboard.submit(`${webhook}/enable`);
  receiver.answer = WORKS;

  assert.match(await dashboard.open(`${webhook}/recover?${query}`), /Send 2 deliveries again/);
  const { html } = await dashboard.submit(`${webhook}/recover`, chosen);
  assert.match(html, /2 failed deliveries are being sent again/);
  const again = await receiver.arrivals.take(2);
  const ids = (arrivals) => arrivals.map(({ headers }) => headers['webhook-id']).sort();
  assert.deepEqual(ids(again), ids(failed));
  assert.ok(again.every(({ verified }) => verified));
  await signet.settled();
  assert.match(await dashboard.open(`${webhook}/recover?${query}`), /Nothing to send again/);
});

test('410 Gone disables the webhook at once', LIMIT, async () => {
  receiver.answer = () => ({ status: 410 });
  await producer.complete('task_1', '{}');
  await receiver.arrivals.next();
  const page = await dashboard.openUntil(webhook, /This webhook is disabled/);
  assert.match(page, /wants no more events/);
  assert.equal(receiver.arrivals.total, 1);
});

test('a redirect is a failure and is not followed', LIMIT, async () => {
  const elsewhere = await Receiver.express(certificates);
  const answers = [{ status: 307, headers: { location: elsewhere.url } }, WORKS()];
  receiver.answer = () => answers.shift();
  await producer.complete('task_1', '{}');
  const [, second] = await receiver.arrivals.take(2);
  assert.equal(second.headers['x-webhook-attempt'], '2');
  assert.equal(elsewhere.arrivals.total, 0);
  elsewhere.close();
});

test('a test event shows the real answer and is not repeated', LIMIT, async () => {
  receiver.answer = () => ({ status: 500, body: 'the database of the receiver is down' });
  const page = await dashboard.sendTest(webhook, 'task.failed');
  const arrival = await receiver.arrivals.next();
  assert.equal(arrival.verified, true);
  assert.equal(arrival.headers['x-webhook-test'], 'true');
  assert.equal(arrival.body.event, 'task.failed');
  assert.match(page, /500 Internal Server Error/);
  assert.match(page, /the database of the receiver is down/);
  receiver.answer = WORKS;
  await producer.complete('task_1', '{}');
  assert.equal((await receiver.arrivals.next()).body.taskId, 'task_1', 'the test did not come again');
});

test('a retry survives the death of the process', LIMIT, async () => {
  const slow = await startService(certificates, ['--retry-delays', '2s', '--retry-jitter', '0']);
  try {
    const added = await slow.dashboard.addWebhook(receiver.url, ['task.completed']);
    receiver.secret = added.secret;
    receiver.answer = FAILS;
    await slow.producer.complete('task_1', '{"before":"the crash"}');
    const first = await receiver.arrivals.next();
    await slow.dashboard.openUntil(`${added.path}/deliveries`, /Retrying/);
    await slow.signet.kill();
    receiver.answer = WORKS;
    await slow.signet.run();
    const second = await receiver.arrivals.next();
    assert.equal(second.verified, true);
    assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
    assert.equal(second.headers['x-webhook-attempt'], '2');
    assert.deepEqual(second.body, first.body);
  } finally {
    await slow.signet.discard();
  }
});
