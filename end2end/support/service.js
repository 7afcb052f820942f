// A server in use: its owner is signed in, and its producer has an API key.
import { Dashboard } from './dashboard.js';
import { Producer } from './producer.js';
import { Signet } from './signet.js';

export async function startService({ authority }, options = []) {
  const signet = await Signet.start({ authority, options });
  try {
    const dashboard = await Dashboard.signUp(signet);
    const producer = new Producer(signet.origin, await dashboard.addApiKey());
    return { signet, dashboard, producer };
  } catch (error) {
    await signet.discard();
    throw error;
  }
}
