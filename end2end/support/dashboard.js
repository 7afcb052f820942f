// A person at the dashboard, in a browser without JavaScript: plain forms, plain
// redirects, a few cookies.

export const EMAIL = 'ada@example.com';
export const PASSWORD = 'correct horse battery staple';

/** Encodes the fields of a form; a field may have several values. */
export function encode(fields) {
  return new URLSearchParams(Object.entries(fields).flatMap(([name, value]) => [value].flat().map((one) => [name, one])));
}

export class Dashboard {
  #cookies = new Map();

  constructor(origin) {
    this.origin = origin;
  }

  /** Signs the owner up through the one-time link, which the server printed at its start. */
  static async signUp(signet, email = EMAIL, oneTimeLink = signet.setupLink) {
    const dashboard = new Dashboard(signet.origin);
    const link = new URL(oneTimeLink).pathname;
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

  /** Sends a form; follows the redirect, or returns the page that is the answer. */
  async submit(path, fields = {}) {
    const response = await this.#request(path, { method: 'POST', body: encode(fields) });
    const html = await response.text();
    if (response.status === 303) {
      const location = response.headers.get('location');
      return { path: location, html: await this.open(location) };
    }
    if (response.status !== 200) throw new Error(`POST ${path}: ${response.status}\n${html}`);
    return { path, html };
  }

  /** The addresses in the navigation of the settings, by their last segment. */
  async sections() {
    const navigation = /<nav [^>]*class="side-nav".*?<\/nav>/s.exec(await this.open('/settings/webhooks'))[0];
    const addresses = [...navigation.matchAll(/<a href="([^"]+)"/g)].map(([, address]) => address);
    return Object.fromEntries(addresses.map((address) => [address.split('/').at(-1), address]));
  }

  /** The addresses of all pages to which links of the settings lead; an export is a file. */
  async pages() {
    const found = Object.values(await this.sections());
    for (const address of found) {
      const links = (await this.open(address)).matchAll(/href="(\/settings[^"]*)"/g);
      const addresses = [...links].map(([, link]) => link.replaceAll('&amp;', '&'));
      for (const link of addresses) if (!found.includes(link) && !/\/export\b/.test(link)) found.push(link);
    }
    return found;
  }

  /** The names of all event types. */
  async eventTypes() {
    const form = await this.open('/settings/webhooks/new');
    return [...form.matchAll(/name="event" value="([^"]+)"/g)].map(([, name]) => name);
  }

  /** Adds a webhook and returns its path, and its secret, which the form has shown. */
  async addWebhook(url, events) {
    const form = await this.open('/settings/webhooks/new');
    const secret = /name="secret" value="(whsec_[^"]+)"/.exec(form)[1];
    const { path } = await this.submit('/settings/webhooks/new', { url, description: '', event: events, secret });
    return { path, secret };
  }

  /** Makes an API key and returns its text, which is shown once. */
  async addApiKey(name = 'backend', scope = ['events:write', 'balance:write']) {
    const { html } = await this.submit('/settings/api-keys', { name, scope });
    return /signet_sk_[0-9A-Za-z]{49}/.exec(html)[0];
  }

  /** Sends a test event, waits for the answer and returns the page that shows it. */
  async sendTest(webhook, type) {
    const { path, html } = await this.submit(`${webhook}/test`, { type });
    return /Waiting for the receiver/.test(html) ? this.openUntil(path, /<dt>Took/) : html;
  }

  /** Opens a page again and again until it matches. */
  async openUntil(path, pattern) {
    for (;;) {
      const html = await this.open(path);
      if (pattern.test(html)) return html;
    }
  }

  /** The value of the `Cookie` header. */
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
