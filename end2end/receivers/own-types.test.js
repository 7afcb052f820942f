// Deliveries of event types of the operator's own, and CloudEvents' binary mode, as published
// libraries read them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { HTTP } from 'cloudevents';

import { makeCertificates } from '../support/certificates.js';
import { Producer } from '../support/producer.js';
import { verifiedInPython } from '../support/python.js';
import { Receiver } from '../support/receiver.js';
import { Signet } from '../support/signet.js';

const LIMIT = { timeout: 60_000 };
const SCHEMA = { type: 'object', properties: { total: { type: 'number', minimum: 0 } }, required: ['total'] };
const TIMESTAMP = '2026-03-28T12:00:00Z';

let signet, operator, express, standard, cloud;

before(async () => {
  const certificates = await makeCertificates();
  signet = await Signet.start(certificates);
  await signet.command('event-type', 'add', 'order.paid', '--schema', JSON.stringify(SCHEMA));
  await signet.command('event-type', 'add', 'ping');
  await signet.command('account', 'add', 'bakery');
  operator = new Producer(signet.origin, await signet.command('key', 'add', '--name', 'operator', '--scope', 'all'));
  const receivers = [Receiver.express(certificates), Receiver.standard(certificates), Receiver.standard(certificates)];
  [express, standard, cloud] = await Promise.all(receivers);
  for (const receiver of [express, standard, cloud]) {
    const webhook = { url: receiver.url, eventTypes: ['order.*', 'ping'], cloudEvents: receiver === cloud };
    receiver.secret = (await post('/endpoints', webhook)).secret;
  }
}, LIMIT);

after(async () => {
  for (const receiver of [express, standard, cloud]) receiver?.close();
  await signet?.discard();
});

/** Posts to a path of the account. */
async function post(path, body) {
  const answer = await operator.request('POST', `/v1/accounts/bakery${path}`, JSON.stringify(body));
  assert.ok(answer.status < 300, JSON.stringify(answer.body));
  return answer.body;
}

/** Sends an event; `members` is JSON text. */
function send(members) {
  return operator.send(`{"account":"bakery",${members.slice(1)}`);
}

/** The next arrival at each receiver; all must have verified theirs. */
async function delivered() {
  const arrivals = await Promise.all([express, standard, cloud].map(({ arrivals }) => arrivals.next()));
  for (const arrival of arrivals) assert.equal(arrival.verified, true, arrival.error);
  return arrivals;
}

const EVENTS = {
  'members as they were sent': ['{"zone":"é","total":12.50,"a":{"10":1,"9":[]}}', '"zone":"é","total":12.5,"a":{"9":[],"10":1},'],
  'members that other types have': ['{"taskId":7,"status":"new","total":0,"solution":null}', '"taskId":7,"status":"new","total":0,"solution":null,'],
};

for (const [name, [members, sent]] of Object.entries(EVENTS)) {
  test(`an event of an own type is verified by all libraries: ${name}`, LIMIT, async () => {
    await send(`{"event":"order.paid","timestamp":"${TIMESTAMP}",${members.slice(1)}`);
    const [parsed, raw] = await delivered();
    assert.equal(raw.text, `{"event":"order.paid",${sent}"timestamp":"${TIMESTAMP}"}`);
    assert.equal(JSON.stringify(JSON.parse(raw.text)), raw.text, 'the bytes are a fixed point');
    assert.equal(parsed.headers['x-webhook-event'], 'order.paid');
    const inPython = await verifiedInPython({ secret: standard.secret, text: raw.text, headers: raw.headers });
    assert.deepEqual(inPython, JSON.parse(raw.text));
    await assert.rejects(
      verifiedInPython({ secret: standard.secret, text: `${raw.text} `, headers: raw.headers }),
      /WebhookVerificationError/,
    );
  });
}

test('an event that its schema forbids is refused with the member, and not sent', LIMIT, async () => {
  const answer = await operator.request('POST', '/v1/events', '{"account":"bakery","event":"order.paid","total":-1}');
  assert.deepEqual([answer.status, answer.body.errors[0].pointer], [422, '/total']);
  await send('{"event":"ping"}');
  const [{ body }] = await delivered();
  assert.equal(body.event, 'ping', 'nothing came before');
});

test('the SDK of CloudEvents reads a delivery in binary mode, signed as ever', LIMIT, async () => {
  const { body: account } = await operator.request('GET', '/v1/accounts/bakery');
  await send(`{"event":"order.paid","total":20,"timestamp":"${TIMESTAMP}"}`);
  const [, plain, { text, headers }] = await delivered();
  assert.equal(HTTP.isEvent({ headers, body: text }), true);
  const event = HTTP.toEvent({ headers, body: text });
  assert.equal(event.validate(), true);
  assert.deepEqual(
    [event.specversion, event.id, event.type, event.source, event.time, event.datacontenttype],
    ['1.0', headers['webhook-id'], 'order.paid', `/accounts/${account.id}`, '2026-03-28T12:00:00.000Z', 'application/json'],
  );
  assert.deepEqual(event.data, JSON.parse(text));
  assert.equal(text, plain.text, 'the option changes no byte of the body');
  assert.equal(HTTP.isEvent({ headers: plain.headers, body: plain.text }), false, 'only webhooks that ask for it get the headers');
});

test('a resend of a CloudEvent is the same event', LIMIT, async () => {
  await send('{"event":"order.paid","total":30}');
  const [, , first] = await delivered();
  await signet.settled();
  await post(`/deliveries/${first.headers['webhook-id']}/resend`);
  const second = await cloud.arrivals.next();
  const [before, after] = [first, second].map(({ headers, text }) => HTTP.toEvent({ headers, body: text }));
  assert.deepEqual([after.id, after.time, after.data], [before.id, before.time, before.data]);
});
