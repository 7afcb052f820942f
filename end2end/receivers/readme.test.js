// The examples of the README verify its test vector and a real delivery.
import assert from 'node:assert/strict';
import { execFile as execFileWithCallback } from 'node:child_process';
import fs from 'node:fs/promises';
import https from 'node:https';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';

import { makeCertificates } from '../support/certificates.js';
import { Dashboard } from '../support/dashboard.js';
import { Signet } from '../support/signet.js';

const LIMIT = { timeout: 60_000 };
const execFile = promisify(execFileWithCallback);
const readme = await fs.readFile(new URL('../../README.md', import.meta.url), 'utf8');

const example = (language) => new RegExp(`\`\`\`${language} by \\S+\\n(.*?)\`\`\``, 's').exec(readme)[1];
const [, secret, text, hex] = /secret `(whsec_[^`]+)`, the body `([^`]+)` has the signature `([0-9a-f]{64})`/.exec(readme);
const VECTOR = { secret, body: Buffer.from(text), signature: hex };

let signet, delivery;

before(async () => {
  const certificates = await makeCertificates();
  signet = await Signet.start({ authority: certificates.authority });
  const receiver = https.createServer({ key: certificates.key, cert: certificates.cert }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const dashboard = await Dashboard.signUp(signet);
  const added = await dashboard.addWebhook(`https://localhost:${receiver.address().port}/`, ['task.completed']);
  const arrived = once(receiver, 'request').then(async ([request, response]) => {
    const body = Buffer.concat(await request.toArray());
    response.end();
    return { secret: added.secret, body, signature: request.headers['x-webhook-signature'] };
  });
  await dashboard.sendTest(added.path, 'task.completed');
  delivery = await arrived;
  receiver.close();
}, LIMIT);

after(() => signet?.discard());

/** An example must accept the genuine signature and refuse every other. */
async function assertVerifies(isGenuine) {
  for (const { secret, body, signature } of [VECTOR, delivery]) {
    assert.equal(await isGenuine(body, signature, secret), true);
    assert.equal(await isGenuine(Buffer.concat([body, Buffer.from(' ')]), signature, secret), false);
    assert.equal(await isGenuine(body, signature.replace(/^./, (first) => (first === '0' ? '1' : '0')), secret), false);
    assert.equal(await isGenuine(body, signature.slice(2), secret), false);
    assert.equal(await isGenuine(body, '', secret), false);
    assert.equal(await isGenuine(body, signature, `${secret}x`), false);
  }
}

test('the example for Node.js verifies', LIMIT, async () => {
  const module = await import(`data:text/javascript,${encodeURIComponent(example('js'))}`);
  await assertVerifies(module.isGenuine);
});

test('the example for Python verifies', LIMIT, async () => {
  const program = `${example('python')}
import sys
print(is_genuine(bytes.fromhex(sys.argv[1]), sys.argv[2], sys.argv[3]))`;
  await assertVerifies(async (body, signature, secret) => {
    const { stdout } = await execFile('python3', ['-c', program, body.toString('hex'), signature, secret]);
    return stdout.trim() === 'True';
  });
});
