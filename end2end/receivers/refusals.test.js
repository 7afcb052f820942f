// Refusals reach a client that sends its whole request before it reads the answer.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';

import { makeCertificates } from '../support/certificates.js';
import { Signet } from '../support/signet.js';

const LIMIT = { timeout: 60_000 };
const MIB = 1024 * 1024;

let signet;

before(async () => {
  const { authority } = await makeCertificates();
  signet = await Signet.start({ authority });
}, LIMIT);

after(() => signet?.discard());

/** The status of the answer to a request with so many bytes. */
function status(method, path, length) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': length };
    const request = http.request(new URL(path, signet.origin), { method, headers }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject).end(Buffer.alloc(length, ' '));
  });
}

for (const [method, path, expected] of [
  ['POST', '/v1/events', 401],
  ['POST', '/v1/nothing', 404],
  ['DELETE', '/v1/events', 405],
  ['POST', '/login', 403],
]) {
  test(`${method} ${path} with a large body is answered ${expected}`, LIMIT, async () => {
    for (const length of [MIB + 1, 21 * MIB]) assert.equal(await status(method, path, length), expected);
  });
}
