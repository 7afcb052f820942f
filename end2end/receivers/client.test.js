// A typed client, made of the document of the running server, and used against that server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { makeClient } from '../client/make.js';
import { makeCertificates } from '../support/certificates.js';
import { Receiver } from '../support/receiver.js';
import { Signet } from '../support/signet.js';

const LIMIT = { timeout: 120_000 };

let signet, receiver, client, shop;

before(async () => {
  const certificates = await makeCertificates();
  signet = await Signet.start({ authority: certificates.authority, options: ['--release-rate', '1000'] });
  receiver = await Receiver.standard(certificates);
  const key = await signet.command('key', 'add', '--name', 'client', '--scope', 'all');
  client = await makeClient(signet.origin);
  shop = new client.Shop(signet.origin, key);
}, LIMIT);

after(async () => {
  receiver?.close();
  await signet?.discard();
});

const refused = (code) => (error) => error instanceof client.Refused && error.problem.code === code;

test('a client in TypeScript sets a webhook up, and gets what was held for it', LIMIT, async () => {
  const { name } = await shop.addAccount('bakery');
  const webhook = await shop.addWebhook(name, receiver.url, ['task.completed'], 'form 1');
  receiver.secret = webhook.secret;
  assert.equal(webhook.disabled.reason, 'paused');
  assert.equal((await shop.addWebhook(name, receiver.url, ['task.completed'], 'form 1')).id, webhook.id);

  await shop.completeTask(name, 'task_1');
  assert.deepEqual(await shop.heldTypes(name, webhook.id), ['task.completed: 1']);
  assert.equal(await shop.enable(name, webhook.id), 1);
  const arrival = await receiver.arrivals.next();
  assert.equal(arrival.verified, true, arrival.error);
  assert.equal(arrival.body.taskId, 'task_1');
});

test('a client in TypeScript reads all pages, and is told of a change by others', LIMIT, async () => {
  const { name } = await shop.addAccount('books');
  const added = [];
  for (const number of [1, 2, 3]) added.push((await shop.addWebhook(name, receiver.url, ['balance.low'], `form ${number}`)).id);
  const listed = [];
  for await (const { id } of shop.webhooks(name, 2)) listed.push(id);
  assert.deepEqual(listed, added);

  const [id] = added;
  const version = await shop.version(name, id);
  assert.equal((await shop.describe(name, id, 'First', version)).description, 'First');
  await assert.rejects(shop.describe(name, id, 'Second', version), refused('changed_meanwhile'));
  await assert.rejects(shop.addAccount('books'), refused('name_taken'));
});
