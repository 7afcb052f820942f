// A person at the dashboard whose browser runs no JavaScript: plain forms, plain
// redirects, one cookie.

export const PASSWORD = 'correct horse battery staple';

export class Dashboard {
  #cookies = new Map();

  constructor(origin) {
    this.origin = origin;
  }

  /** Signs the owner up through the one-time link. */
  static async signUp(signet, email = 'ada@example.com') {
    const dashboard = new Dashboard(signet.origin);
    const link = new URL(signet.setupLink).pathname;
    await dashboard.open(link);
    await dashboard.submit(link, { email, password: PASSWORD });
    return dashboard;
  }

  /** Opens a page and returns its HTML. */
  async open(path) {
    const response = await this.#request(path);
    const html = await response.text();
    if (response.status !== 200) throw new Error(`GET ${path}: ${response.status}\n${html}`);
    return html;
  }

  /** Sends a form; follows the redirect, or takes the page that is the answer. */
  async submit(path, fields = {}) {
    const pairs = Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
    const response = await this.#request(path, { method: 'POST', body: new URLSearchParams(pairs) });
    const html = await response.text();
    if (response.status === 303) {
      const location = response.headers.get('location');
      return { path: location, html: await this.open(location) };
    }
    if (response.status !== 200) throw new Error(`POST ${path}: ${response.status}\n${html}`);
    return { path, html };
  }

  /** Adds a webhook and returns its path and its secret, known before it is saved. */
  async addWebhook(url, events) {
    const form = await this.open('/settings/webhooks/new');
    const secret = /name="secret" value="(whsec_[^"]+)"/.exec(form)[1];
    const { path } = await this.submit('/settings/webhooks/new', { url, description: '', event: events, secret });
    return { path, secret };
  }

  /** Makes an API key and returns its text, which is shown once. */
  async addApiKey(name = 'backend') {
    const { html } = await this.submit('/settings/api-keys', { name });
    return /sk_[\w-]{43}/.exec(html)[0];
  }

  /** Sends a test event, waits for the answer and returns the page that shows it. */
  async sendTest(webhook, type) {
    const { html } = await this.submit(`${webhook}/test`, { type });
    return html;
  }

  /** Opens a page again and again until it says something. */
  async openUntil(path, says) {
    for (;;) {
      const html = await this.open(path);
      if (says.test(html)) return html;
    }
  }

  /** What the browser would send as its cookies. */
  get cookie() {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async #request(path, options = {}) {
    const response = await fetch(new URL(path, this.origin), {
      ...options,
      redirect: 'manual',
      headers: {
        cookie: this.cookie,
        origin: this.origin,
        'sec-fetch-site': 'same-origin',
      },
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      this.#cookies.set(name, value);
    }
    return response;
  }
}
