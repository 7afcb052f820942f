// A real OpenID provider on a free port of this machine. Its people sign in with any password;
// their groups are set by the test.
import { once } from 'node:events';
import http from 'node:http';

import { Provider } from 'oidc-provider';

export class OpenIdProvider {
  /** The groups of each person, by the name with which they sign in. */
  groups = {};

  static async start({ redirect }) {
    const provider = new OpenIdProvider();
    provider.server = http.createServer((request, response) => provider.handle(request, response));
    provider.server.listen(0, '127.0.0.1');
    await once(provider.server, 'listening');
    provider.issuer = `http://localhost:${provider.server.address().port}`;
    const made = new Provider(provider.issuer, {
      clients: [{ client_id: 'signet', client_secret: 'a secret of the client', redirect_uris: [redirect] }],
      claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['groups'] },
      cookies: { keys: ['a key of the provider'] },
      findAccount: (_, id) => ({
        accountId: id,
        claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: true, groups: provider.groups[id] ?? [] }),
      }),
    });
    provider.handle = made.callback();
    return provider;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
