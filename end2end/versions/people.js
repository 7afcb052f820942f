// What people do in one account, while its database is made.
import { Producer } from '../support/producer.js';

export class People {
  webhooks = {};

  constructor(signet, ada, keys, paths) {
    Object.assign(this, { signet, ada, keys, paths });
    this.moved(signet);
  }

  /** Goes on at the address of a server that was started again. */
  moved(signet) {
    this.ada.origin = signet.origin;
    this.producer = new Producer(signet.origin, this.keys.account);
  }

  add(path, wanted, answer) {
    return this.adds(this.ada, path, wanted, answer);
  }

  async adds(person, path, wanted, answer = 200) {
    const added = await person.addWebhook(`${this.paths.origin}${path}`, wanted);
    this.webhooks[path] = added.path;
    this.paths.add(path, { wanted, answer, secret: added.secret });
  }

  /** An event of each type. */
  async sends(task) {
    await this.producer.complete(task, `{"of":"${task}"}`);
    await this.producer.send({ event: 'task.failed', taskId: task, errorId: 10, errorCode: 'ERROR_ZERO_BALANCE' });
    for (const balance of [60, 45.5]) {
      await this.producer.request('PUT', '/v1/accounts/default/balance', JSON.stringify({ balance }));
    }
  }
}
