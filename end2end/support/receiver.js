// Receivers as they are in the field: Express on HTTPS. Each verifies a request before
// it does any other work. They use no code of Signet.
import crypto from 'node:crypto';
import https from 'node:https';
import { once } from 'node:events';

import express from 'express';
import { Webhook } from 'standardwebhooks';

import { Arrivals } from './arrivals.js';

/** Verifies the hex signature over `JSON.stringify` of the parsed body. */
function expressReceiver(receiver) {
  const app = express();
  app.use(express.json({ limit: '5mb' }));
  app.post('/webhooks', (req, res) => {
    const signature = req.headers['x-webhook-signature'];
    const expected = crypto.createHmac('sha256', receiver.secret).update(JSON.stringify(req.body)).digest('hex');
    const verified = crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
    receiver.arrived(req, res, { verified, body: req.body });
  });
  return app;
}

/** Verifies with the library of Standard Webhooks, over the raw body. */
function standardReceiver(receiver) {
  const app = express();
  app.use(express.raw({ type: 'application/json', limit: '5mb' }));
  app.post('/webhooks', (req, res) => {
    const text = req.body.toString('utf8');
    // Throws when the signature, the id or the timestamp is wrong.
    const body = new Webhook(receiver.secret).verify(text, req.headers);
    receiver.arrived(req, res, { verified: true, body, text });
  });
  return app;
}

/** A receiver that puts each request into `arrivals`, and answers with `answer`. */
export class Receiver {
  arrivals = new Arrivals();
  /** The signing secret, as the dashboard shows it. */
  secret = '';
  /** Returns the status, headers and body of the answer to a genuine request. */
  answer = () => ({ status: 200 });

  static express(certificates) {
    return new Receiver(expressReceiver).#listen(certificates);
  }

  static standard(certificates) {
    return new Receiver(standardReceiver).#listen(certificates);
  }

  constructor(kind) {
    this.app = kind(this);
    // A verification that throws refuses the request, and the test must see it.
    this.app.use((error, req, res, _next) => this.arrived(req, res, { verified: false, error }));
  }

  async #listen({ key, cert }) {
    this.server = https.createServer({ key, cert }, this.app).listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.url = `https://127.0.0.1:${this.server.address().port}/webhooks`;
    return this;
  }

  async arrived(req, res, seen) {
    const answer = seen.verified ? await this.answer(req) : { status: 401, body: 'the signature is wrong' };
    res.status(answer.status).set(answer.headers ?? {}).send(answer.body ?? 'ok');
    this.arrivals.push({ ...seen, headers: req.headers });
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
