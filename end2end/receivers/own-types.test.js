// Deliveries of event types of the operator's own, and CloudEvents' binary mode, as published
// libraries read them.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { HTTP } from 'cloudevents';

import { makeCertificates } from '../support/certificates.js';
import { verifiedInPython } from '../support/python.js';
import { Receiver } from '../support/receiver.js';
import { startService } from '../support/service.js';

const LIMIT = { timeout: 60_000 };
const SCHEMA = { type: 'object', properties: { total: { type: 'number', minimum: 0 } }, required: ['total'] };
const TIMESTAMP = '2026-03-28T12:00:00Z';

let signet, producer, express, standard, cloud;

before(async () => {
  const certificates = await makeCertificates();
  const service = await startService(certificates);
  ({ signet, producer } = service);
  await signet.command('event-type', 'add', 'order.paid', '--schema', JSON.stringify(SCHEMA));
  await signet.command('event-type', 'add', 'ping');
  const receivers = [Receiver.express(certificates), Receiver.standard(certificates), Receiver.standard(certificates)];
  [express, standard, cloud] = await Promise.all(receivers);
  for (const [receiver, options] of [[express], [standard], [cloud, { 'cloud-events': 'on' }]]) {
    const { secret } = await service.dashboard.addWebhook(receiver.url, ['order.paid', 'ping'], options);
    receiver.secret = secret;
  }
}, LIMIT);

after(async () => {
  for (const receiver of [express, standard, cloud]) receiver?.close();
  await signet?.discard();
});

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
    await producer.send(`{"event":"order.paid","timestamp":"${TIMESTAMP}",${members.slice(1)}`);
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
  const answer = await producer.request('POST', '/v1/events', '{"event":"order.paid","total":-1}');
  assert.deepEqual([answer.status, answer.body.errors[0].pointer], [422, '/total']);
  await producer.send('{"event":"ping"}');
  const [{ body }] = await delivered();
  assert.equal(body.event, 'ping', 'nothing came before');
});

test('the SDK of CloudEvents reads a delivery in binary mode, signed as ever', LIMIT, async () => {
  const account = await producer.request('GET', '/v1/key');
  await producer.send(`{"event":"order.paid","total":20,"timestamp":"${TIMESTAMP}"}`);
  const [, plain, { text, headers }] = await delivered();
  assert.equal(HTTP.isEvent({ headers, body: text }), true);
  const event = HTTP.toEvent({ headers, body: text });
  assert.equal(event.validate(), true);
  assert.deepEqual(
    [event.specversion, event.id, event.type, event.source, event.time, event.datacontenttype],
    ['1.0', headers['webhook-id'], 'order.paid', `/accounts/${account.body.account}`, '2026-03-28T12:00:00.000Z', 'application/json'],
  );
  assert.deepEqual(event.data, JSON.parse(text));
  assert.equal(text, plain.text, 'the option changes no byte of the body');
  assert.equal(HTTP.isEvent({ headers: plain.headers, body: plain.text }), false, 'only webhooks that ask for it get the headers');
});

test('a resend of a CloudEvent is the same event', LIMIT, async () => {
  await producer.send('{"event":"order.paid","total":30}');
  const [, , first] = await delivered();
  await signet.settled();
  const key = await signet.command('key', 'add', '--account', 'default', '--name', 'resender', '--scope', 'deliveries:write');
  const resend = await fetch(`${signet.origin}/v1/accounts/default/deliveries/${first.headers['webhook-id']}/resend`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
  assert.equal(resend.status, 200);
  const second = await cloud.arrivals.next();
  const [before, after] = [first, second].map(({ headers, text }) => HTTP.toEvent({ headers, body: text }));
  assert.deepEqual([after.id, after.time, after.data], [before.id, before.time, before.data]);
});
