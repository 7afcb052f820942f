// A client of the API as a customer would write it: all that it knows of paths, members and
// answers comes from the document.
import createClient, { type Client } from 'openapi-fetch';
import type { components, paths } from 'signet-api';

export type Endpoint = components['schemas']['Endpoint'];
type Problem = components['schemas']['Problem'];

/** A request was refused. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
  }
}

/** The answer to a request that was not refused. */
function accepted<T>({ data, error }: { data?: T; error?: Problem }): T {
  if (error !== undefined) throw new Refused(error);
  return data as T;
}

/** A backend that manages the webhooks of its accounts. */
export class Shop {
  readonly api: Client<paths>;

  constructor(origin: string, key: string) {
    this.api = createClient<paths>({ baseUrl: origin, headers: { authorization: `Bearer ${key}` } });
  }

  async addAccount(name: string) {
    return accepted(await this.api.POST('/v1/accounts', { body: { name } }));
  }

  /** A webhook that is paused at first, with its secret. The same key makes the same webhook. */
  async addWebhook(account: string, url: string, eventTypes: string[], idempotencyKey: string) {
    const params = { path: { account }, header: { 'Idempotency-Key': idempotencyKey } };
    const body = { url, eventTypes, paused: true };
    return accepted(await this.api.POST('/v1/accounts/{account}/endpoints', { params, body }));
  }

  /** The `ETag` of a webhook as it is at this moment. */
  async version(account: string, endpoint: string) {
    const params = { path: { account, endpoint } };
    const read = await this.api.GET('/v1/accounts/{account}/endpoints/{endpoint}', { params });
    accepted(read);
    return read.response.headers.get('etag') ?? '';
  }

  /** Describes a webhook, unless it has been changed since it had this `ETag`. */
  async describe(account: string, endpoint: string, description: string, etag: string): Promise<Endpoint> {
    const params = { path: { account, endpoint }, header: { 'If-Match': etag } };
    return accepted(await this.api.PATCH('/v1/accounts/{account}/endpoints/{endpoint}', { params, body: { description } }));
  }

  /** All webhooks of an account, by as many pages as it takes. */
  async *webhooks(account: string, limit: number): AsyncGenerator<Endpoint> {
    let cursor: string | null | undefined;
    do {
      const query = cursor ? { limit, cursor } : { limit };
      const page = accepted(await this.api.GET('/v1/accounts/{account}/endpoints', { params: { path: { account }, query } }));
      yield* page.data;
      cursor = page.nextCursor;
    } while (cursor);
  }

  /** Enables a webhook, and sends what has been held for it. */
  async enable(account: string, endpoint: string) {
    const params = { path: { account, endpoint } };
    accepted(await this.api.POST('/v1/accounts/{account}/endpoints/{endpoint}/enable', { params }));
    const released = await this.api.POST('/v1/accounts/{account}/endpoints/{endpoint}/held/release', { params, body: {} });
    return accepted(released).count;
  }

  async heldTypes(account: string, endpoint: string) {
    const params = { path: { account, endpoint } };
    const held = accepted(await this.api.GET('/v1/accounts/{account}/endpoints/{endpoint}/held', { params }));
    return held.data.map(({ eventType, count }) => `${eventType}: ${count}`);
  }

  async completeTask(account: string, taskId: string) {
    const body = { event: 'task.completed', account, taskId, solution: {} };
    return accepted(await this.api.POST('/v1/events', { body }));
  }
}

/** Never called: the compiler must refuse each of these. */
export async function mistakes({ api }: Shop) {
  // @ts-expect-error a path that does not exist
  await api.GET('/v1/webhooks');
  // @ts-expect-error a method that the path does not take
  await api.DELETE('/v1/accounts');
  // @ts-expect-error a member with another name
  await api.POST('/v1/accounts', { body: { title: 'x' } });
  // @ts-expect-error a parameter of the path is missing
  await api.GET('/v1/accounts/{account}/endpoints');
}
