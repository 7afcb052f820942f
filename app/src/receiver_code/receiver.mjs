import crypto from 'node:crypto';

const SECRET = '{{secret}}';

/**
 * `body` is the Buffer of the raw request, `headers` has names in lower case. With Express:
 * app.post('/webhook', express.raw({ type: 'application/json' }), … isGenuine(request.body, request.headers)
 */
export function isGenuine(body, headers, secret = SECRET) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures } = headers;
  if (!id || !signatures || !(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return false;
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = crypto.createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  return signatures.split(' ').some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64');
    return given.length === expected.length && crypto.timingSafeEqual(given, expected);
  });
}
