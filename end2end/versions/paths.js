// A receiver with a path for each webhook, which verifies nothing.
import https from 'node:https';
import { once } from 'node:events';

export class Paths {
  #paths = new Map();
  /** Resolves once a request has arrived that gets no answer. */
  hangs = new Promise((resolve) => (this.hanging = resolve));

  static async listen({ key, cert }) {
    const paths = new Paths();
    paths.server = https.createServer({ key, cert }, (request, response) => paths.#answer(request, response));
    paths.server.listen(0, '127.0.0.1');
    await once(paths.server, 'listening');
    paths.origin = `https://127.0.0.1:${paths.server.address().port}/`;
    return paths;
  }

  /** Remembers the webhook at a path, and how it answers. */
  add(path, webhook) {
    this.#paths.set(path, webhook);
  }

  /** The webhook at the path of a URL. */
  at(url) {
    return this.#paths.get(url.split('/').slice(3).join('/'));
  }

  #answer(request, response) {
    const { answer } = this.at(`${this.origin}${request.url.slice(1)}`) ?? { answer: 200 };
    request.resume();
    if (answer === 'hang') this.hanging();
    else response.writeHead(answer, { 'content-type': 'text/plain' }).end(`answer ${answer}`);
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
