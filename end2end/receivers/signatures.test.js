// Receivers verify deliveries with libraries that are independent of Signet.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { makeCertificates } from '../support/certificates.js';
import { verifiedInPython } from '../support/python.js';
import { Receiver } from '../support/receiver.js';
import { startService } from '../support/service.js';

const LIMIT = { timeout: 60_000 };

let signet, express, standard, producer;

before(async () => {
  const certificates = await makeCertificates();
  const service = await startService(certificates);
  ({ signet, producer } = service);
  [express, standard] = await Promise.all([Receiver.express(certificates), Receiver.standard(certificates)]);
  for (const receiver of [express, standard]) {
    const { secret } = await service.dashboard.addWebhook(receiver.url, await service.dashboard.eventTypes());
    receiver.secret = secret;
  }
}, LIMIT);

after(async () => {
  express?.close();
  standard?.close();
  await signet?.discard();
});

/** The next arrival at each receiver; both must have verified theirs. */
async function delivered() {
  const arrivals = await Promise.all([express.arrivals.next(), standard.arrivals.next()]);
  for (const arrival of arrivals) assert.equal(arrival.verified, true, arrival.error);
  return arrivals;
}

const SOLUTIONS = {
  'a plain solution': '{"token":"0.mF7gg2","userAgent":"Mozilla/5.0 (X11; Linux x86_64)"}',
  'an empty solution': '{}',
  'a nested solution': '{"a":[{"b":[[],[{}],{"c":{"d":null}}]}],"e":{"f":{"g":[true,false,null]}}}',
  'text that is not ASCII': '{"grüße":"日本語 😀 e\u0301 \u2028\u2029 \u007f","путь":"\\u00e9\\ud83d\\ude00\\u2028"}',
  'text that must be escaped': '{"a":"\\u0000\\u001F\\b\\f\\n\\r\\t\\"\\\\\\/"}',
  'numbers of many spellings': '[50.0,1e21,-0,0.1,1E+2,5e-324,1e-7,100000000000000000000,-1.50]',
  'keys that look like numbers': '{"b":1,"10":1,"2":2,"a":3,"01":4,"-1":5,"4294967294":6,"4294967295":7}',
  'keys that come twice': '{"a":1,"b":2,"a":3,"\\u0061":4}',
  'keys that JavaScript knows': '{"__proto__":{"x":1},"constructor":2,"toString":3,"toJSON":4}',
  'white space': '{ "a" :\n[ 1 ,\t2 ] }',
};

for (const [name, given] of Object.entries(SOLUTIONS)) {
  const solution = given.startsWith('[') ? `{"numbers":${given}}` : given;
  test(`${name} arrives and is verified by both receivers`, LIMIT, async () => {
    await producer.complete('task_1', solution);
    const [parsed, raw] = await delivered();
    const { event, taskId, status, timestamp } = parsed.body;
    assert.deepEqual([event, taskId, status, timestamp], ['task.completed', 'task_1', 'ready', '2026-03-28T12:00:00Z']);
    // As text, because the order of the members counts as well.
    assert.equal(JSON.stringify(parsed.body.solution), JSON.stringify(JSON.parse(solution)));
    assert.equal(raw.text, JSON.stringify(JSON.parse(raw.text)), 'the bytes are a fixed point');
  });
}

test('a large solution arrives and is verified by both receivers', LIMIT, async () => {
  const tokens = Array.from({ length: 2_000 }, (_, place) => ({ place, token: `${place}é`.repeat(20) }));
  await producer.complete('task_large', JSON.stringify({ tokens }));
  const [parsed] = await delivered();
  assert.deepEqual(parsed.body.solution, { tokens });
});

test('a failed task arrives with its members in order', LIMIT, async () => {
  await producer.send({ errorCode: 'ERROR_CAPTCHA_UNSOLVABLE', errorId: 10, taskId: 't', event: 'task.failed' });
  const [, raw] = await delivered();
  assert.match(
    raw.text,
    /^\{"event":"task\.failed","taskId":"t","status":"failed","errorId":10,"errorCode":"ERROR_CAPTCHA_UNSOLVABLE","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\}$/,
  );
});

test('the headers are those of the contract', LIMIT, async () => {
  const { id } = await producer.complete('task_headers', '{}');
  assert.match(id, /^evt_/);
  for (const { headers } of await delivered()) {
    assert.equal(headers['content-type'], 'application/json');
    assert.match(headers['x-webhook-signature'], /^[0-9a-f]{64}$/);
    assert.match(headers['webhook-id'], /^msg_/);
    assert.match(headers['webhook-timestamp'], /^\d{10}$/);
    assert.match(headers['webhook-signature'], /^v1,[A-Za-z0-9+/]{43}=$/);
    assert.equal(headers['x-webhook-event'], 'task.completed');
    assert.equal(headers['x-webhook-attempt'], '1');
    assert.equal(headers['x-webhook-test'], undefined);
    assert.match(headers['user-agent'], /^Signet\/\d/);
  }
});

test('the library for Python verifies as well', LIMIT, async () => {
  await producer.complete('task_python', '{"grüße":"日本語 😀"}');
  const [, { text, headers }] = await delivered();
  const { secret } = standard;
  const body = await verifiedInPython({ secret, text, headers });
  assert.deepEqual([body.taskId, body.solution], ['task_python', { grüße: '日本語 😀' }]);
  await assert.rejects(verifiedInPython({ secret, text: `${text} `, headers }), /WebhookVerificationError/);
});

test('a receiver with another secret refuses the delivery', LIMIT, async () => {
  const { secret } = express;
  express.secret = secret.replace(/_(.)/, (_, first) => `_${first === 'A' ? 'B' : 'A'}`);
  await producer.complete('task_wrong', '{}');
  const arrival = await express.arrivals.next();
  express.secret = secret;
  assert.equal(arrival.verified, false, 'the receivers detect a wrong signature');
  await standard.arrivals.next();
});
