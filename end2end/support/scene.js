// A server with something on every page, for pictures and measurements.
import { makeCertificates } from './certificates.js';
import { Dashboard } from './dashboard.js';
import { Producer } from './producer.js';
import { Receiver } from './receiver.js';
import { Signet } from './signet.js';

/** Starts a server and a receiver, and fills an account; ends both with `end()`. */
export async function makeScene() {
  const certificates = await makeCertificates();
  const signet = await Signet.start({
    authority: certificates.authority,
    options: ['--retry-delays', '50ms', '--retry-jitter', '0', '--release-rate', '1000'],
  });
  const receiver = await Receiver.express(certificates);
  const end = async () => {
    receiver.close();
    await signet.discard();
  };
  try {
    return { signet, receiver, end, ...(await fill(signet, receiver)) };
  } catch (error) {
    await end();
    throw error;
  }
}

async function fill(signet, receiver) {
  const person = await Dashboard.signUp(signet);
  const producer = new Producer(signet.origin, await person.addApiKey('Task workers'));
  const good = await person.addWebhook(receiver.url, ['task.completed', 'balance.low']);
  receiver.secret = good.secret;
  receiver.answer = () => ({ status: 200, body: 'Thank you.' });
  for (let number = 1; number <= 12; number += 1) await producer.complete(`task_${number}`, '{"token":"0.mF7gg2kQ"}');
  const arrivals = await receiver.arrivals.take(12);
  const delivery = `${good.path}/deliveries/${arrivals.at(-1).headers['webhook-id']}`;
  await person.openUntil(delivery, /200 OK/);
  const bad = await person.addWebhook(receiver.url, ['task.failed']);
  receiver.secret = bad.secret;
  receiver.answer = () => ({ status: 500, body: 'Error: out of order' });
  await producer.send({ event: 'task.failed', taskId: 'task_13', errorId: 12, errorCode: 'ERROR_TOO_BIG' });
  await receiver.arrivals.take(2);
  await person.openUntil(bad.path, /disabled/i);
  return { person, producer, webhook: good.path, disabled: bad.path, delivery };
}
