// The service's backend, which sends events in.

export class Producer {
  constructor(origin, key) {
    this.origin = origin;
    this.key = key;
  }

  /** Sends any request of the API; `body` is text that is sent as it is. */
  async request(method, path, body, headers = {}) {
    const response = await fetch(new URL(path, this.origin), {
      method,
      body,
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json', ...headers },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** Sends one event; it must be accepted. */
  async send(event, headers) {
    const body = typeof event === 'string' ? event : JSON.stringify(event);
    const answer = await this.request('POST', '/v1/events', body, headers);
    if (answer.status !== 202) throw new Error(`refused: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** A completed task with this solution, which is JSON text. */
  complete(taskId, solution, headers) {
    return this.send(
      `{"event":"task.completed","taskId":${JSON.stringify(taskId)},"solution":${solution},"timestamp":"2026-03-28T12:00:00Z"}`,
      headers,
    );
  }
}
