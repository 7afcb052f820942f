// A page of the service that runs Signet: another origin, with the dashboard in a frame, and the
// backend that docs/PORTAL.md shows.
import { execFile as execFileWithCallback } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const execFile = promisify(execFileWithCallback);
const PAGE = new URL('../../docs/PORTAL.md', import.meta.url);

/** The blocks of code of docs/PORTAL.md in one language. */
async function blocks(language) {
  const text = await fs.readFile(PAGE, 'utf8');
  return [...text.matchAll(new RegExp(`\`\`\`${language}\\b.*?\\n(.*?)\`\`\``, 'gs'))].map(([, code]) => code);
}

/** Runs the `curl` of the page and returns its answer. */
export async function curl(environment) {
  const [command] = (await blocks('sh')).filter((code) => code.startsWith('curl'));
  const { stdout } = await execFile('bash', ['-euc', command], { env: { PATH: process.env.PATH, ...environment } });
  return JSON.parse(stdout);
}

/** The backend of the page, as a module. */
export async function backend() {
  const [code] = await blocks('js');
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'signet-portal-'));
  const file = path.join(folder, 'backend.mjs');
  await fs.writeFile(file, code);
  const module = await import(pathToFileURL(file).href);
  await fs.rm(folder, { recursive: true });
  return module;
}

/** A site at `http://localhost`, whose pages are what `respond` makes of a request. */
export class Host {
  static async start(respond) {
    const host = new Host();
    host.server = http.createServer((request, response) => {
      Promise.resolve(respond(request, response)).catch((error) => response.destroy(error));
    });
    host.server.listen(0, 'localhost');
    await once(host.server, 'listening');
    host.origin = `http://localhost:${host.server.address().port}`;
    return host;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A page with the frame of docs/PORTAL.md around an address. */
export async function framing(url) {
  const [iframe] = await blocks('html');
  const frame = iframe.replace(/src="[^"]*"/, `src="${url}" width="1000" height="900"`);
  return `<!DOCTYPE html><html lang="en"><title>Our service</title><link rel="icon" href="data:,"><h1>Our service</h1>${frame}</html>`;
}
